"""How a body's bytes go past the transport: as they are, or encrypted by whoever has read them."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from importer.transfer.transport.tls import UNIT

if TYPE_CHECKING:
    from importer.transfer.transport.tls import Tls


class Bare:
    """One body's, over plain HTTP."""

    under_way = 0  #: bytes of which something has left, and not all: the kernel may hold what has

    @property
    def is_midway(self) -> bool:
        """Some of it has been encrypted and hasn't left."""
        return False

    @property
    def is_shaking(self) -> bool:
        """It can't go on before it has ``heard``."""
        return False

    def begin(self) -> None:
        """Or go on; in the loop."""

    def end(self) -> None:
        """All of it that is sent this way has left."""

    async def heard(self) -> None:
        """Return when the other side has said something."""

    def write(self, descriptor: int, data: memoryview) -> int:
        """As ``os.write``, which may be asked in any thread.

        Args:
            descriptor: the connection's.
            data: begins with what hasn't left yet.

        Raises:
            BlockingIOError: the connection is full, or it ``is_shaking``.
            OSError: it is broken.
        """
        return os.write(descriptor, data)


class Encrypting(Bare):
    """One body's, over TLS.

    What was encrypted is what has to leave next, and can't be encrypted anew.
    """

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._left = memoryview(b"")  # encrypted
        self._plain_bytes = 0  # these it stands for

    @property
    def is_midway(self) -> bool:
        return bool(self._left)

    @property
    def is_shaking(self) -> bool:
        return self._tls.is_shaking

    def begin(self) -> None:
        self._tls.lend()

    def end(self) -> None:
        self._tls.give_back()

    async def heard(self) -> None:
        await self._tls.heard()

    def write(self, descriptor: int, data: memoryview) -> int:
        """As ``os.write``: gives how many of these bytes have left, with all that they became."""
        written = 0
        try:
            while written < len(data):
                if not self._left:
                    self._encrypt(data[written : written + UNIT])
                self._left = self._left[os.write(descriptor, self._left) :]
                self.under_way = self._plain_bytes if self._left else 0
                if not self._left:
                    written += self._plain_bytes
        except OSError:  # which comes again
            if not written:
                raise
        return written

    def _encrypt(self, piece: memoryview) -> None:
        try:
            self._left = memoryview(self._tls.encrypted(piece))
        except ssl.SSLWantReadError as error:
            raise BlockingIOError from error
        except ssl.SSLError as error:  # its number is no system's
            raise ConnectionAbortedError from error
        self._plain_bytes = len(piece)
