"""How a process that uploads deals with memory that isn't in use any more."""

from __future__ import annotations

import gc
import sys

NEW = 2_000  # objects between two looks: at ten thousand all threads stood still for 3 ms
FREE_KEPT = 256 << 20  # bytes that may lie free at the end of the heap before the system has them
FROM_HEAP = 32 << 20  # bytes, the most that glibc takes: larger blocks come from the system
ARENAS = 1  # heaps; threads stand in line for the interpreter lock anyway

# glibc's <malloc.h>
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8


def tune_memory() -> None:
    """For a run of many uploads; before other threads begin."""
    collect_seldom()
    _keep_what_is_freed()


def collect_seldom() -> None:
    """Look for garbage that refers to itself less often, and not among what was imported.

    A run makes thousands of objects a second that live as long as a request, a check as many rows,
    and hardly any circles; by Python's own settings a thirtieth of a run's time goes into looking
    for them, and a tenth of a check's.
    """
    gc.freeze()
    gc.set_threshold(NEW, 50, 40)


def _keep_what_is_freed() -> None:
    """Use the memory of one picture for the next, instead of asking the system for it anew.

    glibc gives large blocks back at once, and the system clears each page of a new one: a fifth of
    what the upload of 500 kB costs. Other C libraries are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return
    set_option.argtypes, set_option.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    for option, value in (
        (_ARENA_MAX, ARENAS),
        (_MMAP_THRESHOLD, FROM_HEAP),
        (_TRIM_THRESHOLD, FREE_KEPT),
    ):
        set_option(option, value)
