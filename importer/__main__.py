"""The command ``importer``, also as ``python -m importer``: its loading, and its end."""

# It is there from the start. The module signal loads enum first, and a Ctrl-C could meet that.
import _signal as signal  # type: ignore[import-not-found]
import os
import sys


def main() -> None:
    """Load the command and run it.

    While its modules load and its words are read nothing has begun, and behind its end all is
    written: a Ctrl-C then ends the process as a signal does, at once and without a traceback. In
    between the command decides. (A library that reads words may swallow a KeyboardInterrupt.)
    """
    # Who ignores it (nohup, a shell's &) goes on ignoring it.
    is_caught = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_caught:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _fill_closed_streams()
    import gc

    gc.disable()  # what is loaded stays, and looking for garbage among it takes its time
    if sys.argv[1:2] == ["run"]:
        _load_aside("aiohttp")
    from importer.cli import load
    from importer.cli import main as command

    load(sys.argv[1:])

    def begin() -> None:
        gc.enable()
        if is_caught:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    try:
        command(begin)
    finally:
        if is_caught:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _load_aside(module: str) -> None:
    """Load a module in a thread; whoever imports it later waits for what is missing of it.

    aiohttp makes two TLS contexts while it loads, which read the system's certificates and need no
    interpreter for it: a tenth of the start. The process doesn't end in the midst of that: OpenSSL
    would be taken down under the thread's feet.
    """
    from threading import Thread

    Thread(target=__import__, args=(module,)).start()


def _fill_closed_streams() -> None:
    """Put nothing where stdin, stdout or stderr were closed (``>&-``).

    Their numbers would go to the next files that are opened, a library's last words on stderr into
    one of those, and libuv breaks off when it is to close such a number.
    """
    if os.name != "posix":
        return
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one


if __name__ == "__main__":
    main()
