"""How an answer comes: whole in one piece, or as a beginning whose rest is still to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import aiohttp

if TYPE_CHECKING:
    from aiohttp.http import RawResponseMessage
    from aiohttp.streams import StreamReader

    from importer.transfer.transport.keeping import Keeping, Wire
    from importer.transfer.transport.plain import Plain
    from importer.transfer.transport.pour import Pour


class Arrived(NamedTuple):
    """A plain answer, and the connection on which it came: to be given back, or closed."""

    plain: Plain
    wire: Wire


class Opening:
    """The beginning of an answer, and the way to its rest: as much of a response as is wanted."""

    __slots__ = ("_keeping", "_pour", "_wire", "closed", "content", "headers", "status", "version")

    def __init__(
        self,
        message: RawResponseMessage,
        content: StreamReader,
        wire: Wire,
        keeping: Keeping,
        pour: Pour | None,
    ) -> None:
        self.status = message.code
        self.version = message.version
        self.headers = message.headers
        self.content = content
        self.closed = False
        self._wire = wire
        self._keeping = keeping
        self._pour = pour

    def release(self) -> None:
        """The connection may be used again, if the answer was read to its end."""
        if self._pour is not None and not self._pour.is_over:
            self.close()  # another request would look like the rest of this one
        elif not self.closed and (self._pour is None or self._pour.is_done):
            self.closed = True
            self._keeping.give_back(self._wire)

    def close(self) -> None:
        """Hang up; who reads hears so by an error."""
        if self._pour is not None:
            self._pour.break_off()
        if not self.closed:
            self.closed = True
            if self.content.exception() is None:
                self.content.set_exception(aiohttp.ClientConnectionError())
            self._wire.connection.close()

    async def wait_for_close(self) -> None:
        """Return when nothing is written any more; only then may others have the connection, since
        whoever waits with it in the hand takes the next one's answer for a second of its own."""
        if self._pour is not None:
            await self._pour.wait()
            self.release()
