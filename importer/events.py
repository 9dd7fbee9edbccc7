"""What a run tells those who watch it: frozen records, with units in their names.

Bars, plain lines, JSON and the log are observers of these; the engine knows none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from importer.record import record

if TYPE_CHECKING:
    from importer.model import Outcome, Summary


@dataclass(frozen=True, slots=True)
class RunBegan:
    """The manifest was read once, the job is ours, the first picture is about to go."""

    run: int  #: 1 for a job's first
    manifest: str
    host: str  #: where the pictures go
    rows: int  #: of the manifest, all of them
    is_dry: bool


@record
class RowSettled:
    """An outcome is on the disk. Told once for each picture that this run settles."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Progress:
    """How the run stands; told several times a second, and once at its end."""

    rows: int  #: of the manifest
    rows_done: int  #: settled now or before, so that nothing is left to do for them in this run
    uploaded: int  #: by this run, durably
    failed: int
    unknown: int
    held: int  #: rows this run doesn't send: invalid, duplicate, uploaded before, not asked for
    bytes_uploaded: int  #: by this run, durably
    bytes_in_flight: int  #: of unfinished requests, as far as they have left for the network
    in_flight: int  #: requests
    limit: int  #: requests that may be in flight at once for now
    retries: int
    seconds: float  #: since the run began
    rate: float | None = None  #: pictures a second, at most; None: as many as go
    bandwidth: float | None = None  #: bytes a second, at most
    found_rate: float | None = None  #: pictures a second that the gallery takes; it answers 429
    waiting: str = ""  #: why nothing goes out just now, for a person; empty when all flows


@dataclass(frozen=True, slots=True)
class Warned:
    """Something a person should know, though the run goes on."""

    text: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The last event of a run."""

    summary: Summary


Event: TypeAlias = RunBegan | RowSettled | Progress | Warned | RunEnded


class Observer(Protocol):
    """One who watches a run."""

    def notice(self, event: Event) -> None:
        """Take note of an event. Called from the engine's loop: return at once, never raise."""
        ...


def watches_rows(observer: Observer) -> bool:
    """Whether it wants each RowSettled; one that doesn't say so does.

    Telling all of them to those who let them pass would cost 2 us a row.
    """
    return bool(getattr(observer, "watches_rows", True))


class NoObserver:
    """Watches nothing."""

    watches_rows = False

    def notice(self, event: Event) -> None:
        """Let it pass."""
