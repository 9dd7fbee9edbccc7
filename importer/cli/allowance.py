"""What the system allows this process, taken up to the full before a run begins."""

from __future__ import annotations

import contextlib
import gc


def allow_open_files() -> None:
    """Raise the limit of open files to the highest that this user may have.

    Shells give 256 on a Mac and 1,024 on most Linux machines, as a habit from the days of
    ``select``; the user may have more without asking anybody.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # macOS says that there is no limit, and refuses to set none.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def collect_seldom() -> None:
    """Look for garbage that refers to itself a tenth as often, and not among what was imported.

    A run makes thousands of objects a second that live as long as a request, and hardly any
    circles; by Python's own settings a thirtieth of the time goes into looking for them.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
