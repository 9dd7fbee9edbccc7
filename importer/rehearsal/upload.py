"""A request to the upload path becomes one act and one receipt; everything else here is asked.

The order is the API's promise: the ledger first, durably, the answer after it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from importer.rehearsal.acts import Act, HangUp, Refusal, Reply, carry_out, json_reply, status_of
from importer.rehearsal.cabinet import Cabinet, differences
from importer.rehearsal.intake import BodyCutShort, Intake
from importer.rehearsal.judgement import judge
from importer.rehearsal.parameters import Query, read_query
from importer.rehearsal.records import Body, NewPicture, Outcome, Picture, Receipt
from importer.rehearsal.writer import Accepted, Refused, Writer

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

    from importer.rehearsal.faults import Fault
    from importer.rehearsal.plan import Course

PATH = "/api/v1/picture/upload"


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of a request before its body: the beginning of its receipt."""

    number: int
    at: str
    method: str
    query: Query
    content_type: str | None
    content_length: int | None
    chunked: bool


class Uploads:
    """Takes uploads: one instance a gallery, one call a request."""

    def __init__(
        self,
        *,
        token: str,
        course: Course,
        cabinet: Cabinet,
        writer: Writer,
        incoming: Path,
        last_receipt: int,
    ) -> None:
        self._token = token
        self._course = course
        self._cabinet = cabinet
        self._writer = writer
        self._incoming = incoming
        self._number = last_receipt

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Handle one request of any method."""

        # Both count before the first await, so that numbers are the order of arrival.
        arrival, fault = self._arrive(request), self._course.next()
        with Intake(self._incoming, bytes_per_s=fault.bytes_per_s) as intake:
            act = await self._settle(request, arrival, fault, intake)
        return await carry_out(act, request)

    def _arrive(self, request: web.Request) -> Arrival:
        self._number += 1
        return Arrival(
            number=self._number,
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            method=request.method,
            query=read_query(request.rel_url.raw_query_string, token=self._token),
            content_type=_readable(request.headers.get("Content-Type")),
            content_length=_countable(request.content_length),
            chunked="chunked" in request.headers.get("Transfer-Encoding", "").lower(),
        )

    async def _settle(
        self, request: web.Request, arrival: Arrival, fault: Fault, intake: Intake
    ) -> Act:
        """Follow the exchange through its stages; what is returned is already in the ledger."""

        gone = HangUp(resets=False)
        try:
            heard = await _hear(request, fault, intake)
        except asyncio.CancelledError:
            # The gallery closes. Nobody can wait for the receipt any more, yet it is written.
            self._writer.keep(Refused(_receipt(arrival, fault, intake, gone, "incomplete")))
            raise
        except (BodyCutShort, ConnectionError):
            return await self._note(arrival, fault, intake, gone, outcome="incomplete")
        except OSError as exc:
            return await self._refuse(arrival, fault, intake, _storage_refusal(exc))
        if isinstance(heard, Act):
            return await self._note(arrival, fault, intake, heard, outcome="fault")
        if (act := fault.after_body()) is not None:
            return await self._note(arrival, fault, intake, act, outcome="fault")
        match self._judge(arrival, heard):
            case Refusal() as refusal:
                return await self._refuse(arrival, fault, intake, refusal)
            case picture:
                return await self._store(arrival, fault, intake, picture)

    def _judge(self, arrival: Arrival, body: Body | Refusal) -> NewPicture | Refusal:
        if arrival.method != "POST":
            return Refusal(405, "method", None, f"{arrival.method} isn't possible here, only POST")
        if arrival.query.refusal is not None:
            return arrival.query.refusal
        if isinstance(body, Refusal):
            return body
        return judge(arrival.query.parameters, body)

    async def _refuse(
        self, arrival: Arrival, fault: Fault, intake: Intake, refusal: Refusal
    ) -> Act:
        act = fault.instead_of(refusal.reply())
        return await self._note(arrival, fault, intake, act, outcome="refused")

    async def _store(self, arrival: Arrival, fault: Fault, intake: Intake, new: NewPicture) -> Act:
        collection = self._cabinet.collection_for(new, made_at=arrival.at)
        try:
            picture = self._cabinet.place(
                new, collection, receipt=arrival.number, stored_at=arrival.at
            )
        except OSError as exc:
            return await self._refuse(arrival, fault, intake, _storage_refusal(exc))
        act = fault.instead_of(_confirm(picture))
        outcome: Outcome = "stored" if isinstance(act, Reply) else "stored_unanswered"
        receipt = replace(
            _receipt(arrival, fault, intake, act, outcome),
            kind=new.kind,
            note="; ".join(filter(None, (intake.note, new.note, differences(new, collection)))),
            picture_id=picture.id,
        )
        try:
            await self._writer.keep(Accepted(receipt, picture, collection))
        except sqlite3.Error as exc:
            return _storage_refusal(exc).reply()
        return act

    async def _note(
        self, arrival: Arrival, fault: Fault, intake: Intake, act: Act, *, outcome: Outcome
    ) -> Act:
        """Write the receipt of a request that brought no picture."""

        try:
            await self._writer.keep(Refused(_receipt(arrival, fault, intake, act, outcome)))
        except sqlite3.Error as exc:
            return _storage_refusal(exc).reply()
        return act


async def _hear(request: web.Request, fault: Fault, intake: Intake) -> Body | Refusal | Act:
    """Read the body, unless the fault acts before it."""

    if fault.wait_s:
        await asyncio.sleep(fault.wait_s)
    if (act := fault.before_body()) is not None:
        return act
    await _invite(request)
    return await intake.read(request)


async def _invite(request: web.Request) -> None:
    """Tell a client that waits with its body to send it (RFC 9110, section 10.1.1)."""

    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = (
            0  # it was no part of the answer; aiohttp's own handler does so
        )


def _readable(header: str | None) -> str | None:
    # aiohttp keeps bytes that are no UTF-8 as lone surrogates, which no database takes.
    return header and header.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _countable(length: int | None) -> int | None:
    return None if length is None else min(length, 2**63 - 1)  # SQLite's largest integer


def _receipt(arrival: Arrival, fault: Fault, intake: Intake, act: Act, outcome: Outcome) -> Receipt:
    parameters = arrival.query.parameters
    return Receipt(
        number=arrival.number,
        arrived_at=arrival.at,
        kind=intake.kind,
        name=parameters.name,
        collection_name=parameters.collection_name,
        collection_date=parameters.collection_date,
        collection_url=parameters.collection_url,
        tag=parameters.tag,
        content_type=arrival.content_type,
        content_length=arrival.content_length,
        chunked=arrival.chunked,
        size_bytes=intake.size_bytes,
        sha256=intake.sha256,
        status=status_of(act),
        outcome=outcome,
        fault=fault.label,
        note=intake.note,
        picture_id=None,
    )


def _confirm(picture: Picture) -> Reply:
    content: dict[str, object] = {
        "id": picture.id,
        "name": picture.name,
        "collection": picture.collection,
        "sha256": picture.sha256,
        "bytes": picture.size_bytes,
    }
    if picture.source_url is not None:
        content["note"] = "the rehearsal keeps the URL and doesn't fetch it"
    return json_reply(200, content)


def _storage_refusal(exc: OSError | sqlite3.Error) -> Refusal:
    why = exc.strerror if isinstance(exc, OSError) else str(exc)
    return Refusal(507, "storage", None, f"the gallery couldn't keep the picture: {why}")
