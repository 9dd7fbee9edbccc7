"""What is sent: a body that lies in memory, here or with another process, or one that is read while
it goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from importer.transfer.streamed import Streamed

if TYPE_CHECKING:
    from importer.model import Reply, Request, Source, Stamp
    from importer.transfer.source_faults import SourceFault
    from importer.transfer.trip import Trip


@dataclass(slots=True)
class Whole:
    """A body that lies in memory, until it is let go of."""

    content: bytes = field(repr=False)  #: a picture is long, and a URL may be a secret
    sha256: bytes
    stamp: Stamp | None  #: None for the text of a URL
    media_type: str
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.size_bytes = len(self.content)

    def let_go(self) -> None:
        """It won't be sent any more as it lies here; its size and digest stay."""
        self.content = b""


class Keeper(Protocol):
    """Another process of this run, that keeps bodies and sends them."""

    @property
    def is_awake(self) -> bool:
        """It can be asked."""

    async def send(self, request: Request, body: Elsewhere, trip: Trip) -> Reply | SourceFault: ...

    def forget(self, handle: int) -> None: ...


@dataclass(slots=True)
class Elsewhere:
    """A body that lies in the memory of another process of this run, until it is let go of."""

    source: Source  #: from which it was read
    size_bytes: int
    sha256: bytes
    stamp: Stamp | None
    media_type: str
    keeper: Keeper
    handle: int  #: by which the keeper knows it
    is_kept: bool = True

    def let_go(self) -> None:
        """It won't be sent any more as it lies there; its size and digest stay."""
        if self.is_kept:
            self.is_kept = False
            self.keeper.forget(self.handle)


Body: TypeAlias = Whole | Streamed
