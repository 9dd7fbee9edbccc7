"""Why a download didn't come to its end."""

from __future__ import annotations

from dataclasses import dataclass

from importer.transfer.source_faults import SourceFault


@dataclass(frozen=True, slots=True)
class Missed:
    """One attempt's end without a picture. The message holds no query and no user part of a URL."""

    code: str
    message: str
    is_passing: bool = False  #: another attempt may do better
    is_hosts: bool = False  #: it tells of the host, and nothing of this picture
    is_crowded: bool = False  #: this machine has too many files open; it tells of nobody
    not_before_s: float = 0.0  #: the host's Retry-After, seconds from now

    def as_fault(self, attempts: int = 1) -> SourceFault:
        """What is said of the row when this was the last attempt."""
        times = f", {attempts} times" if attempts > 1 else ""
        return SourceFault(self.code, self.message + times)


class DiskFull(Exception):
    """Nothing more can be written where large downloads lie; concerns every row."""
