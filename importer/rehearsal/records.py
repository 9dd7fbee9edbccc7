"""The words of the rehearsal: what a gallery keeps, and what tests and pages read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

#: How a request carried its picture; ``-`` when no body was read or none could be told apart.
Kind = Literal["raw", "url", "multipart", "-"]

#: What became of a request. ``stored``: kept, and answered so. ``stored_unanswered``: kept, but a
#: planned fault withheld the answer or cut it off. ``refused``: answered with the reason.
#: ``fault``: a planned fault took its place. ``incomplete``: the client left before the body ended.
Outcome = Literal["stored", "stored_unanswered", "refused", "fault", "incomplete"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a request's query says, the token excepted; None where it says nothing."""

    name: str | None = None
    collection_name: str | None = None
    collection_date: str | None = None
    collection_url: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection. Date and URL are those of the request that made it."""

    id: int
    name: str
    date: str
    url: str | None
    folder: str  #: its folder below ``pictures/``, safe on every operating system
    made_at: str  #: UTC, ISO 8601


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carried, received whole."""

    kind: Kind
    content_type: str  #: as the client announced it; empty when it didn't
    size_bytes: int  #: of the picture alone, without a form's wrapping
    sha256: str
    head: bytes  #: its first bytes
    held: bytes | Path  #: all of it, or a temporary file with it
    filename: str  #: what a form's part calls its file; empty for none


@dataclass(frozen=True, slots=True)
class NewPicture:
    """A picture that was accepted and has still to be put in its place."""

    collection_name: str
    collection_date: str
    collection_url: str | None
    name: str
    tag: str | None
    kind: Kind
    content_type: str | None  #: told from its first bytes; None when they aren't known
    size_bytes: int
    sha256: str
    held: bytes | Path | None  #: the content, a temporary file with it, or None for a reference
    source_url: str | None  #: where a reference points to; it isn't fetched
    note: str  #: what is worth knowing about it nevertheless


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as the gallery keeps it."""

    id: int
    collection_id: int
    collection: str
    name: str
    tag: str | None
    kind: Kind
    content_type: str | None
    size_bytes: int
    sha256: str
    source_url: str | None  #: set for a reference, which has no file
    file: Path | None  #: None for a reference
    receipt: int  #: the number of the receipt of the request that brought it
    stored_at: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the gallery knows about one request to its upload path."""

    number: int  #: in the order of arrival, from 1, for the life of the data folder
    arrived_at: str  #: UTC, ISO 8601
    kind: Kind
    name: str | None
    collection_name: str | None
    collection_date: str | None
    collection_url: str | None
    tag: str | None
    content_type: str | None  #: as the client announced it
    content_length: int | None  #: as the client announced it
    chunked: bool
    size_bytes: int  #: of the picture, as received; without a form's wrapping
    sha256: str | None  #: of the same bytes; None when the body wasn't read to its end
    status: int | None  #: None when no answer was sent
    outcome: Outcome
    fault: str  #: the planned faults that took part, such as ``delay,503``; empty for none
    note: str  #: what was accepted but is worth knowing
    picture_id: int | None
