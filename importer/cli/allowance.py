"""What the system allows this process, taken up to the full before a run begins."""

from __future__ import annotations

import contextlib

from importer.memory import tune_memory


def prepare_for_uploads() -> None:
    """Take what thousands of uploads want; before other threads begin."""
    allow_open_files()
    tune_memory()


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
