"""The command ``importer``, also as ``python -m importer``: its loading, and its end."""

from __future__ import annotations

import signal


def main() -> None:
    """Load the command and run it.

    While its modules load nothing has begun, and behind its end all is written: a Ctrl-C then ends
    the process as a signal does, at once and without a traceback. In between the command decides.
    """
    # Who ignores it (nohup, a shell's &) goes on ignoring it.
    is_caught = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_caught:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from importer.cli import main as command

    if is_caught:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command()
    finally:
        if is_caught:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
