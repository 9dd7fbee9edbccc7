"""A helper's first steps, before it loads anything: deaf to signals, its pipes out of reach.

What the engine starts is ``command``; it holds no secret, since everyone on the machine can read
it. All that is one goes over the pipe.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from importer.transfer.crew.start import main; main(sys.argv[2])"
)


def command(loop_library: str) -> list[str]:
    """The words that start a helper, with modules from where this process has them.

    -P: else Python would look for modules in the working directory first, which is a stranger's
    archive.
    """
    places = [str(Path(place).absolute()) for place in sys.path]
    return [sys.executable, "-P", "-c", _CODE, json.dumps(places), loop_library]


def main(loop_library: str) -> None:
    """A helper's whole life; it ends when its stdin does."""
    # Ctrl-C, a closed terminal and a polite kill are the engine's business.
    for name in ("SIGINT", "SIGHUP", "SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, signal.SIG_IGN)
    from importer.transfer.crew import helper, pipes

    helper.work(*pipes.taken(), loop_library=loop_library)
