"""The rehearsal gallery as a whole: its life from the port to the last receipt.

Loopback only, and without an access log: every URL that it is asked for holds the token.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from aiohttp import web
from filelock import FileLock, Timeout

from importer.rehearsal.acts import Refusal, carry_out
from importer.rehearsal.cabinet import Cabinet
from importer.rehearsal.pages import Pages, missing
from importer.rehearsal.plan import FaultPlan
from importer.rehearsal.schema import PICTURES
from importer.rehearsal.shelf import CollectionSummary, Shelf
from importer.rehearsal.upload import PATH, Uploads
from importer.rehearsal.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp.typedefs import Handler

    from importer.rehearsal.records import Picture, Receipt

HOST = "127.0.0.1"
LINE_BYTES = 64 * 1024  # aiohttp's 8190 cut long names, whose letters take 9 or 12 bytes in a URL
LINGER_S = 2.0  # after an early answer: time for the client to read it before the connection ends
SHUTDOWN_S = 1.0  # for requests under way when the gallery closes

_INCOMING = "incoming"


class GalleryError(Exception):
    """The rehearsal gallery can't start."""


class PortTakenError(GalleryError):
    """Something else listens on the port, or it may not be used."""

    def __init__(self, port: int, why: str) -> None:
        super().__init__(f"port {port} on {HOST} can't be used ({why}); choose another one")
        self.port = port


class FolderTakenError(GalleryError):
    """Another rehearsal gallery works in the data folder."""

    def __init__(self, data: Path) -> None:
        super().__init__(
            f"another rehearsal gallery works in {data}; stop it or choose another one"
        )
        self.data = data


class Gallery:
    """A local stand-in for the Event Gallery's upload API. Use it as an async context manager.

    ``port=0`` takes a free one. What it holds stays readable after it has closed.
    """

    def __init__(
        self,
        *,
        data: Path,
        token: str = "rehearsal",
        port: int = 0,
        faults: FaultPlan | None = None,
    ) -> None:
        self.data = data
        self._token = token
        self._port = port
        self._faults = faults or FaultPlan()
        self._shelf = Shelf(data)
        self._life = AsyncExitStack()

    @property
    def url(self) -> str:
        """Where its pages begin, without a slash at the end."""

        return f"http://{HOST}:{self._port}"

    @property
    def endpoint(self) -> str:
        """Where uploads go, without a query."""

        return self.url + PATH

    def collections(self) -> list[CollectionSummary]:
        return self._shelf.collections()

    def pictures(self) -> list[Picture]:
        """All pictures, in the order in which they were accepted."""

        return self._shelf.pictures()

    def receipts(self, *, after: int = 0) -> list[Receipt]:
        """One receipt a request that came to its end, in the order of arrival."""

        return self._shelf.receipts(after=after)

    async def __aenter__(self) -> Self:
        """Start. Raises GalleryError, and OSError or sqlite3.Error when the folder is unusable."""

        async with AsyncExitStack() as life:
            await asyncio.to_thread(self._prepare_folder, life)
            writer = Writer(self.data)
            life.callback(writer.close)
            runner = self._runner(writer)
            await runner.setup()
            life.push_async_callback(runner.cleanup)
            await self._listen(runner)
            self._life = life.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._life.aclose()

    def __repr__(self) -> str:
        return f"<Gallery {self.url} in {self.data}>"

    def _prepare_folder(self, life: AsyncExitStack) -> None:
        for folder in (self.data, self.data / PICTURES, self.data / _INCOMING):
            folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.data / "gallery.lock", timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout as exc:
            raise FolderTakenError(self.data) from exc
        life.callback(lock.release)
        for leftover in (self.data / _INCOMING).glob("*.part"):
            leftover.unlink()

    def _runner(self, writer: Writer) -> web.AppRunner:
        uploads = Uploads(
            token=self._token,
            course=self._faults.begin(),
            writer=writer,
            cabinet=Cabinet(self.data, self._shelf),
            last_receipt=self._shelf.last_receipt(),
            incoming=self.data / _INCOMING,
        )
        app = web.Application(middlewares=[_answer_errors])
        app.router.add_route("*", PATH, uploads.take, expect_handler=_leave_to_upload)
        app.add_routes(Pages(self._shelf).routes())
        return web.AppRunner(
            app,
            handle_signals=False,
            access_log=None,
            logger=_silent_logger(),
            auto_decompress=False,  # what is on the wire is what is hashed
            max_line_size=LINE_BYTES,
            lingering_time=LINGER_S,
            shutdown_timeout=SHUTDOWN_S,
        )

    async def _listen(self, runner: web.AppRunner) -> None:
        try:
            await web.TCPSite(runner, HOST, self._port).start()
        except (OSError, OverflowError) as exc:
            why = (exc.strerror if isinstance(exc, OSError) else None) or str(exc)
            raise PortTakenError(self._port, why) from exc
        self._port = runner.addresses[0][1]


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as exc:
        if not request.path.startswith("/api/"):
            if exc.status == 404:
                return missing("There is nothing here.")
            raise
        refusal = Refusal(exc.status, "no_such_path", None, f"there is only {PATH} here")
        return await carry_out(refusal.reply(), request)
    except Exception:
        # A defect of ours. aiohttp would log it as well, but the silent logger has its mouth shut.
        logging.getLogger(__name__).exception("the rehearsal gallery failed to answer")
        refusal = Refusal(500, "defect", None, "the rehearsal gallery has a defect; see its log")
        return await carry_out(refusal.reply(), request)


async def _leave_to_upload(request: web.Request) -> None:
    """Send no 100 Continue yet: a fault may answer before the body."""

    del request


def _silent_logger() -> logging.Logger:
    """Return a logger that never speaks: aiohttp's words on a malformed request quote its URL."""

    logger = logging.Logger("importer.rehearsal.silent")
    logger.disabled = True
    return logger
