"""Files that the system has in its memory already: opened and read without waiting for a disk.

Linux can be asked to open a file only if its path, and to read it only if its bytes, are in memory
(``openat2`` with RESOLVE_CACHED, ``preadv2`` with RWF_NOWAIT). A disk that is memory itself doesn't
know the second question, and needs none.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CAN_ASK = sys.platform.startswith("linux") and hasattr(os, "RWF_NOWAIT")

_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
_OPENAT2 = 437  # the same number on every architecture
_CWD = -100
_RESOLVE_CACHED = 0x20
_disks: set[int] = set()  # numbers of those that are memory
_STATFS = ctypes.create_string_buffer(256)  #: what fstatfs fills; a disk's kind stands first
_MEMORY = frozenset({0x01021994, 0x858458F6})  # tmpfs, ramfs


def is_memory(disk: int) -> bool:
    """The disk of this number (``st_dev``) was seen to be memory itself: it never waits."""
    return disk in _disks


def read_cached(descriptor: int, room: memoryview, offset: int, *, disk: int) -> int:
    """Read what is in memory from there on; gives how many bytes, perhaps fewer than asked for.

    Args:
        descriptor: of the file.
        room: is filled.
        offset: in bytes; the file's own position stays.
        disk: the file's ``st_dev``.

    Raises:
        BlockingIOError: not even the first of them is.
        OSError: the disk doesn't tell, or the file can't be read.
    """
    if disk in _disks:
        return os.preadv(descriptor, [room], offset)
    try:
        return os.preadv(descriptor, [room], offset, os.RWF_NOWAIT)
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP and _lies_in_memory(descriptor):
            _disks.add(disk)
            return os.preadv(descriptor, [room], offset)
        raise


def _lies_in_memory(descriptor: int) -> bool:
    asked = _fstatfs()
    if asked is None or asked(descriptor, _STATFS) != 0:
        return False
    return int.from_bytes(_STATFS.raw[:4], sys.byteorder) in _MEMORY


@lru_cache(maxsize=1)
def _fstatfs() -> Callable[[int, object], int] | None:
    try:
        return ctypes.PyDLL(None).fstatfs
    except (OSError, AttributeError):
        return None


class _How(ctypes.Structure):
    """What ``openat2`` is told."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


@lru_cache(maxsize=1)
def opener() -> Callable[[str], int] | None:
    """Opens a path that is in memory and gives a descriptor, or -1; None where that can't be had.

    ``PyDLL``: the lock isn't let go of, since the call never waits.
    """
    if not CAN_ASK:
        return None
    try:
        call = ctypes.PyDLL(None).syscall
    except (OSError, AttributeError):
        return None
    call.restype = ctypes.c_long
    call.argtypes = [
        ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t,
    ]  # fmt: skip
    how = _How(os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, 0, _RESOLVE_CACHED)
    place, size = ctypes.addressof(how), ctypes.sizeof(how)

    def opened(path: str, _keep: _How = how) -> int:
        return int(call(_OPENAT2, _CWD, path.encode(_ENCODING, _ERRORS), place, size))

    return opened
