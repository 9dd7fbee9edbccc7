"""Why a picture can't be read, as what the operating system says of it."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceFault:
    """Why a picture can't be read."""

    code: str
    message: str
    is_passing: bool = False  #: a disk's hiccup: worth one more try
    is_crowded: bool = False  #: too many files are open just now; says nothing against this one


_FAULTS = {
    errno.ENOENT: ("file_missing", "there is no such file"),
    errno.ENOTDIR: ("file_missing", "there is no such file: a part of its path is no folder"),
    errno.EACCES: ("file_forbidden", "this user may not read the file"),
    errno.EPERM: ("file_forbidden", "this user may not read the file"),
    errno.EISDIR: ("not_a_file", "this is a folder, not a picture"),
    errno.ENXIO: ("not_a_file", "this is a pipe, socket or device, not a picture"),
    errno.ELOOP: ("file_missing", "its links lead round in a circle"),
    errno.ENAMETOOLONG: ("file_missing", "the path is longer than this system can have"),
}
_PASSING = {errno.EIO, errno.EAGAIN, getattr(errno, "ESTALE", errno.EIO)}
CROWDED = {errno.EMFILE, errno.ENFILE}  # this process, or the whole machine, has too many open


def fault_of(error: OSError) -> SourceFault:
    """An operating system's error as a fault; its text never holds more than the reason."""
    if error.errno in _FAULTS:
        code, message = _FAULTS[error.errno]
        return SourceFault(code, message)
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return SourceFault(
        "local_read",
        f"the file can't be read: {reason}",
        is_passing=error.errno in _PASSING,
        is_crowded=error.errno in CROWDED,
    )
