"""Bodies that were downloaded: complete and looked at before the gallery sees their first byte.

They can't be read anew from where they came, as a file can. So they stay as they are until their
row is settled, and no retry at the gallery downloads anything again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from importer.transfer.bodies import Whole
from importer.transfer.streamed import Streamed

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.model import Stamp


@dataclass(slots=True)
class Held(Whole):
    """A small one, in memory."""

    def again(self) -> Held:
        """For another attempt."""
        return self


class Spooled(Streamed):
    """A large one, in a file of ours."""

    def __init__(
        self, path: str, stamp: Stamp, media_type: str, *, block: int, forget: Callable[[], None]
    ) -> None:
        super().__init__(path, stamp, media_type, block=block)
        self._each = block
        self._forget = forget

    def again(self) -> Spooled:
        """For another attempt."""
        return Spooled(
            self.path, self.stamp, self.media_type, block=self._each, forget=self._forget
        )

    def let_go(self) -> None:
        """The row is settled: the file goes."""
        self._forget()


Fetched: TypeAlias = Held | Spooled
