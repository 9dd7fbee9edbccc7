"""The words of the house: what a row, a picture, an answer, a verdict and an outcome are.

Every other module passes these on; none of them does any I/O. They are read in the order in which
data flows: a Row becomes a Picture or an Invalid, a Picture becomes a Request, the gallery's Answer
(or NoAnswer) becomes a Verdict, and a Verdict becomes an Outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from importer.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Status(StrEnum):
    """What has become of a row; the words of the results file's ``import_status``.

    In Python 3.11 each ``Status.UPLOADED`` is a call, so what is done for each picture asks it once
    and keeps it.
    """

    PENDING = "pending"
    SENDING = "sending"  #: the intent is committed; only a crash leaves it on disk
    UPLOADED = "uploaded"
    FAILED = "failed"
    UNKNOWN = "unknown"  #: sent whole, and nobody said what became of it
    INVALID = "invalid"
    DUPLICATE = "duplicate"
    CHANGED = "changed"  #: uploaded once; the file has other content now


#: once sent, the gallery may have the picture: sending it again may make a second one
MAYBE_THERE = frozenset({Status.UPLOADED, Status.UNKNOWN, Status.CHANGED})


# ---------------------------------------------------------------- from the manifest


class Row(NamedTuple):
    """One record of a manifest, as it stands there."""

    line: int  #: physical line on which the record begins, counted from 1, header included
    cells: Sequence[str]  #: verbatim, one a column
    filled: Sequence[str] | None = None  #: the same as they are judged, where blanks were filled

    def __repr__(self) -> str:  # a cell may be a secret, such as a pre-signed URL
        return f"<Row of line {self.line}, {len(self.cells)} cells>"


class Chunk(NamedTuple):
    """Rows that follow one another, at least one and none of them blank."""

    lines: Sequence[int]
    cells: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Collection:
    """The gallery's folder for one event."""

    name: str
    date: str  #: ``2018-02-22``
    url: str = ""  #: custom URL; empty when the manifest gives none


@record
class LocalFile:
    """A picture on a disk of this machine."""

    path: str  #: absolute, or relative to the working directory


@dataclass(frozen=True, slots=True)
class RemoteUrl:
    """A picture that the gallery fetches by itself."""

    url: str = field(repr=False)  #: may be pre-signed, and so a secret


URL_TEXT = "text/plain"  #: a body's type when it is an address, and never a picture's

Source: TypeAlias = LocalFile | RemoteUrl


class Picture(NamedTuple):  # and no dataclass: it is made for each of ten million rows
    """A valid row: one picture that is to be sent once."""

    key: bytes  #: identity between runs, 16 bytes; see manifest.identity
    row: Row
    source: Source
    name: str
    collection: Collection
    tag: str = ""

    @property
    def line(self) -> int:
        return self.row.line


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with one cell, or with a whole row, said to a person."""

    line: int
    column: str  #: the header's own spelling; empty when the row as a whole is meant
    code: str  #: a stable word, such as ``bad_date``
    what: str
    fix: str
    last_line: int = 0  #: of a row with line breaks in it; 0: it has one line
    row: int = 0  #: what a spreadsheet shows beside it, where that is another number; else 0

    def __str__(self) -> str:
        return f"line {self.where}: {self.what}; {self.fix}"

    @property
    def where(self) -> str:
        """Line and column: ``2-3, column date``, ``4 (row 3 of a spreadsheet)``."""
        where = f"{self.line}-{self.last_line}" if self.last_line else str(self.line)
        where += f" (row {self.row} of a spreadsheet)" if self.row else ""
        return where + (f", column {self.column}" if self.column else "")


@dataclass(frozen=True, slots=True)
class Invalid:
    """A row that can't be sent as it stands, with everything that is wrong with it."""

    key: bytes
    row: Row
    problems: tuple[Problem, ...]
    source: str = ""  #: as the cell has it, for a person who looks for the row
    collection: str = ""  #: as the cell has it, for the tables that are kept a collection

    @property
    def line(self) -> int:
        return self.row.line


# ---------------------------------------------------------------- to and from the gallery


@record
class Request:
    """How one picture is posted; building one opens nothing."""

    url: str = field(repr=False)  #: percent-encoded, holds the token: never print it
    headers: Mapping[str, str]
    prefix: bytes = b""  #: what goes before the picture's own bytes (a multipart head)
    suffix: bytes = b""


@record
class Answer:
    """What the gallery said. Only a response object that was really returned becomes one."""

    status: int
    body: bytes  #: its start, 64 KiB at most, still compressed if the server compressed it
    headers: Mapping[str, str]  #: lower-case names, the few that a verdict looks at
    sent_whole: bool  #: the picture's body had left for the network, to the last byte
    is_cut: bool = False  #: the answer ended before its own Content-Length
    is_early: bool = False  #: it was said before the picture's last byte had arrived there


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """How an attempt broke without an answer."""

    code: str  #: a stable word: ``dns``, ``connect``, ``timeout``, ``stalled``, ``no_answer`` ...
    detail: str  #: built from an allow-list: class, errno, host; never a URL
    sent_whole: bool


Reply: TypeAlias = Answer | NoAnswer


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Stored, as far as the gallery tells."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Certainly not stored, or a failure that the server itself called temporary."""

    code: str
    why: str
    not_before_s: float = 0.0  #: the server's Retry-After, seconds from now; 0 when it gave none
    is_congestion: bool = False  #: too much at once (429, 503, time-out): send less
    may_be_there: bool = False  #: the server's word is all there is for that it wasn't stored


@dataclass(frozen=True, slots=True)
class Failed:
    """Refused for a reason that a second try won't change."""

    code: str
    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, and nobody said what became of it."""

    code: str
    why: str


@dataclass(frozen=True, slots=True)
class StopRun:
    """A cause that concerns every row; this row stays pending."""

    code: str
    why: str
    fix: str
    tolerated: int = 0  #: so many in a row, with no success between, before the run stops


Verdict: TypeAlias = Uploaded | TryAgain | Failed | Unknown | StopRun


# ---------------------------------------------------------------- to the journal


class Stamp(NamedTuple):
    """What a file looked like when it was read; a difference means that it changed."""

    size_bytes: int
    mtime_ns: int


@record
class Admitted:
    """A picture that the journal knows under a number and that is to be delivered now."""

    id: int
    picture: Picture
    attempts: int = 0  #: requests sent in earlier runs
    possible_duplicate: bool = False  #: an earlier attempt may have brought it there
    before: Status = Status.PENDING  #: what the row was, and is again when it isn't sent after all


@record
class Outcome:
    """What became of one picture. Committed to the journal, then shown; never the other way."""

    admitted: Admitted
    status: Status
    code: str = ""
    message: str = ""  #: one line, redacted
    http: int = 0  #: 0 when no status was ever received
    attempts: int = 0  #: requests sent, all runs; 0 when refused before sending
    size_bytes: int = 0
    sha256: bytes = b""  #: of the picture's own bytes; empty when they weren't all read
    mtime_ns: int = 0
    seconds: float = 0.0  #: from the first open to the last answer, waits included
    at: str = ""  #: UTC, ISO 8601
    answer: str = ""  #: the answer's start, redacted, one line


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows there are of each status, and what the uploaded ones weigh.

    ``tally["uploaded"]`` and ``tally[Status.UPLOADED]`` are the same; a word that is no status
    raises ValueError, for it would always be 0.
    """

    counts: Mapping[Status, int]
    uploaded_bytes: int = 0

    def __getitem__(self, status: Status | str) -> int:
        return self.counts.get(Status(status), 0)

    @property
    def rows(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run ended before its last row."""

    exit_code: int
    code: str
    why: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did, and how the job stands now."""

    run: int
    tally: Tally  #: the whole job, all runs
    sent: int  #: rows that this run settled by sending
    sent_bytes: int
    requests: int  #: attempts, retries included
    seconds: float
    rows: int  #: rows of the manifest
    manifest: str = ""
    results: str = ""  #: empty where it wasn't written; one of an earlier run may lie there
    journal: str = ""
    report: str = ""
    stop: Stop | None = None
    flags: tuple[str, ...] = ()  #: those that the command that goes on needs again
    is_part: bool = False  #: only some rows were asked for; the others are none of its business
    is_dry: bool = False  #: nothing was sent, and pending rows are what a run would send
    warnings: tuple[str, ...] = ()
    by_code: Mapping[str, int] = field(default_factory=dict)  #: failed, unknown and invalid rows

    @property
    def exit_code(self) -> int:
        """The code of behaviour.md section 1: a stop's own, else by what rows are left."""
        if self.stop is not None:
            return self.stop.exit_code
        if self.tally[Status.UNKNOWN] and not self.is_dry:
            return 4
        left = [Status.FAILED, Status.INVALID, Status.CHANGED]
        left += [] if self.is_dry or self.is_part else [Status.PENDING]
        return 1 if any(self.tally[status] for status in left) else 0
