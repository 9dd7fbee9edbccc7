"""Names become addresses that were looked at: the connection goes to one of those, and no other.

A name that leads to a public address when it is checked and to a private one when it is used (DNS
rebinding) wins nothing so, since nobody asks a second time.
"""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from importer.manifest.addresses import not_public


class NotPublic(OSError):
    """A name leads to no public address."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(f"{host}: {why}")
        self.host = host
        self.why = why


class CheckedResolver(AbstractResolver):
    """Gives the public ones of what another resolver finds."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve.

        Raises:
            NotPublic: none of the addresses may be asked.
            OSError: there is no such name.
        """
        found = await self._inner.resolve(host, port, family)
        public = [one for one in found if not not_public(one["host"])]
        if not public:
            address = found[0]["host"] if found else ""
            raise NotPublic(host, f"leads to {address}, which {not_public(address)}")
        return public

    async def close(self) -> None:
        await self._inner.close()
