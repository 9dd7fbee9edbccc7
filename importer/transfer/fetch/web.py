"""The HTTP client for pictures behind URLs: one attempt, redirect by redirect, into a Partial.

It shares nothing with the gallery's client, so no host but the gallery ever sees the token. It
keeps no cookies, sends no Referer, and takes its proxy from ``--proxy`` alone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

import aiohttp
import anyio
import anyio.to_thread
from yarl import URL

from importer.destination.verdicts import retry_after
from importer.secret import public_url
from importer.transfer.fetch import hops, resume
from importer.transfer.fetch.codings import Broken, Unpacking
from importer.transfer.fetch.missed import DiskFull, Missed
from importer.transfer.fetch.resolving import CheckedResolver, NotPublic
from importer.transfer.retry import OPEN_FILES
from importer.transfer.transport.breaking import broken, defect_of
from importer.transfer.transport.connector import GuardedConnector
from importer.transfer.trust import trusted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ssl import SSLContext

    from aiohttp.abc import AbstractResolver

    from importer.clock import Clock
    from importer.settings import Patience, Sending, Urls
    from importer.transfer.fetch.partial import Partial
    from importer.transfer.trip import Blocks

KEEPALIVE_S = 4.0  # old servers close an idle connection after five seconds
BLOCK = 256 * 1024  # bytes that are read at once
#: a download must bring so much on average once it has gone on for a while; what stalls wholly is
#: ended by the silence
PATIENT_S = 120.0
SLOWEST = 4_000  # bytes/s

#: answers that say "later"; of the host rather than of the picture, but for a plain 500
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_ANSWERS = {
    401: "wants a login for it",
    403: "forbids it; has the address run out?",
    404: "has no such file",
    410: "had the file once, and has it no more",
    429: "asks to go slower",
    500: "had an error of its own",
    503: "is not available for now",
}
#: how the connection broke, as transport.breaking calls it -> our code; may it pass?
CODES = {
    "dns": ("source_dns", True),
    "connect": ("source_connect", True),
    "connect_timeout": ("source_connect", True),
    "proxy": ("source_proxy", True),
    "proxy_refused": ("source_proxy", False),
    "certificate": ("source_certificate", False),
    "timeout": ("source_timeout", True),
    "not_http": ("source_not_http", False),
    "no_answer": ("source_cut", True),
}


class Web:
    """Use it as an async context manager. Nothing is opened before the first ``get``.

    Args:
        urls: what may be asked, and how much.
        sending: for proxy, certificates, and whether http may follow https.
        patience: for how long a connection may take, and be silent.
        bandwidth: of all downloads together.
        clock: for the pace of a download.
        agent: what it calls itself.
        resolver: asks for names; the system's by default.
    """

    def __init__(
        self,
        urls: Urls,
        sending: Sending,
        patience: Patience,
        *,
        bandwidth: Blocks,
        clock: Clock,
        agent: str,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._urls = urls
        self._sending = sending
        self._patience = patience
        self._bandwidth = bandwidth
        self._clock = clock
        self._agent = agent
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            with anyio.move_on_after(2, shield=True):
                await self._session.close()

    async def get(self, url: str, partial: Partial) -> Missed | None:
        """Download into ``partial``, from where it stands; None when all is there.

        Raises:
            DiskFull: it can't be written.
        """
        at, via = url, ""
        for _ in range(hops.MOST_HOPS + 1):
            refusal = hops.refusal_of(at, allow_private=self._urls.allow_private)
            if refusal is not None:
                return _via(via, refusal)
            found = await self._hop(at, partial)
            if not isinstance(found, str):
                return found and _via(via, found)
            at, via = found, public_url(found)
        return Missed("source_redirect", f"it sends us on and on, {hops.MOST_HOPS} times and more")

    async def _hop(self, url: str, partial: Partial) -> Missed | str | None:
        """One request: why it missed, where to go on, or None when all is there."""
        host = URL(url, encoded=True).host or ""
        response: aiohttp.ClientResponse | None = None
        try:
            async with asyncio.timeout(self._patience.answer_s + self._patience.connect_s):
                response = await self._asked(url, partial)
            return await self._answered(url, host, response, partial)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if isinstance(error, aiohttp.ClientConnectorDNSError) and isinstance(
                cause := error.os_error, NotPublic
            ):
                return hops.private(cause.host, cause.why)
            return _broken(error, host, is_begun=response is not None)
        except DiskFull:
            raise
        except Exception as error:  # noqa: BLE001  (its frames hold the URL, which may be a secret)
            raise defect_of(error) from None
        finally:
            if response is not None:
                response.release()  # closes what wasn't read to its end
                await response.wait_for_close()

    async def _asked(self, url: str, partial: Partial) -> aiohttp.ClientResponse:
        async with self._opening:
            if self._session is None:
                ca_file = self._sending.ca_file  # perhaps a proxy's
                tls = await anyio.to_thread.run_sync(lambda: trusted(also=ca_file))
                self._session = self._opened(tls)
        return await self._session.get(
            URL(url, encoded=True),
            headers=resume.asking_for_rest(partial.got, partial.validator),
            allow_redirects=False,
            proxy=self._sending.proxy or None,
        )

    async def _answered(
        self, url: str, host: str, response: aiohttp.ClientResponse, partial: Partial
    ) -> Missed | str | None:
        headers = {name.lower(): value for name, value in response.headers.items()}
        status = response.status
        if status in hops.REDIRECTS and "location" in headers:
            allow = self._sending.allow_http
            return hops.hop_to(headers["location"], at=url, allow_http=allow)
        coding = headers.get("content-encoding", "")
        try:
            unpacking = Unpacking(coding)
        except LookupError:
            said = f"{host} packs it in a way that isn't known here"
            return Missed("source_encoding", said)
        fault: Missed | None
        if status == 200:
            # What is compressed on the way can't be gone on with: a Range counts other bytes.
            total = resume.total_of(headers) if unpacking.is_plain else None
            validator = resume.validator_of(headers) if unpacking.is_plain else ""
            fault = partial.restart(total=total, validator=validator)
        elif status == 206 and partial.got:
            fault = self._going_on(host, headers, unpacking, partial)
        elif status == 416 and partial.got:
            fault = partial.restart(total=None, validator="")
            fault = Missed("source_range", f"{host} has less of the file now", is_passing=True)
        else:
            fault = self._refused(host, status, headers)
        return fault or await self._taken(host, response, unpacking, partial)

    def _going_on(
        self, host: str, headers: Mapping[str, str], unpacking: Unpacking, partial: Partial
    ) -> Missed | None:
        is_fit = unpacking.is_plain and resume.fits(
            headers, got=partial.got, total=partial.total, validator=partial.validator
        )
        if is_fit:
            partial.total = resume.total_of(headers)
            return None
        partial.restart(total=None, validator="")
        said = f"{host} went on with another part of the file than it was asked for"
        return Missed("source_range", said, is_passing=True)

    def _refused(self, host: str, status: int, headers: Mapping[str, str]) -> Missed:
        said = _ANSWERS.get(status, "doesn't give it")
        return Missed(
            f"source_http_{status}",
            f"{host} {said} (status {status})",
            is_passing=status in _LATER,
            is_hosts=status in _LATER and status != 500,
            not_before_s=retry_after(headers, now=self._clock.now()) if status in _LATER else 0.0,
        )

    async def _taken(
        self,
        host: str,
        response: aiohttp.ClientResponse,
        unpacking: Unpacking,
        partial: Partial,
    ) -> Missed | None:
        """The body, block by block."""
        began, read = self._clock.monotonic(), 0  # began: later by what we ourselves make it wait
        try:
            async for block in response.content.iter_chunked(self._bandwidth.block or BLOCK):
                read += len(block)
                came = self._clock.monotonic()
                await self._bandwidth.go_on(len(block))
                began += self._clock.monotonic() - came
                for piece in unpacking.unpacked(block):
                    if (fault := await partial.add(piece)) is not None:
                        return fault
                if self._clock.monotonic() - began > PATIENT_S + read / SLOWEST:
                    said = f"{host} sends it too slowly"
                    return Missed("source_timeout", said, is_passing=True)
            unpacking.end()
        except Broken:
            partial.restart(total=None, validator="")
            return Missed("source_encoding", f"what {host} packed can't be unpacked", True)
        if partial.total is not None and partial.got != partial.total:
            partial.restart(total=None, validator="")
            return Missed("source_cut", f"{host} sent another size than it said", True)
        return None

    def _opened(self, tls: SSLContext) -> aiohttp.ClientSession:
        inner = self._resolver or aiohttp.ThreadedResolver()
        # By a proxy all connections go to the proxy, which may well be in a private network, and
        # which resolves the names of the others.
        is_free = self._urls.allow_private or self._sending.proxy
        patience = self._patience
        return aiohttp.ClientSession(
            connector=GuardedConnector(
                limit=0,  # how many there are at once is bounded by who calls
                ttl_dns_cache=60,
                keepalive_timeout=KEEPALIVE_S,
                ssl=tls,
                resolver=inner if is_free else CheckedResolver(inner),
            ),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=patience.connect_s, sock_read=patience.answer_s
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=self._bandwidth.block or BLOCK,
            headers={
                "User-Agent": self._agent,
                "Accept": "image/*, video/*, */*;q=0.1",
                "Accept-Encoding": "identity",
            },
        )


def _via(via: str, missed: Missed) -> Missed:
    """Behind a redirect it isn't the row's own address that the message is about."""
    if not via:
        return missed
    return Missed(
        missed.code,
        f"sent on to {via}: {missed.message}",
        missed.is_passing,
        missed.is_hosts,
        missed.is_crowded,
        missed.not_before_s,
    )


def _broken(error: Exception, host: str, *, is_begun: bool) -> Missed:
    """An exception of aiohttp's or the system's as ours; its own text is never used."""
    if is_begun and isinstance(error, TimeoutError):
        return Missed("source_timeout", f"{host} fell silent before the file was complete", True)
    if is_begun:
        said = f"{host} ended the connection before the file was complete"
        return Missed("source_cut", said, is_passing=True)
    how = broken(error, host=host, sent_whole=False)
    if how.code == OPEN_FILES:
        return Missed(OPEN_FILES, how.detail, is_passing=True, is_crowded=True)
    code, is_passing = CODES[how.code]
    said = how.detail if code != "source_certificate" else f"{host}: {how.detail}"
    return Missed(code, said, is_passing, is_hosts=is_passing)
