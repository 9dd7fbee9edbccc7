"""Faults of the line while a picture is on its way: what had left wholly is unknown, the rest isn't."""

from __future__ import annotations

import os

import pytest

from importer.events import Event, RowSettled
from tests.conftest import Archive
from tests.faults.clocks import Fast
from tests.faults.entry import Fault, shows
from tests.faults.trial import NAME, Trial, third
from tests.wire import (
    Exchange,
    Script,
    Wire,
    answering,
    breaking,
    early,
    in_turn,
)

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REFUSAL = b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno"
LATE = b"HTTP/1.1 408 Late\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
LARGE = 20_000_000  # more than the two kernels' buffers take by themselves
SMALL_BUFFER = 65_536
QUICK = {"answer_s": 0.3, "connect_s": 0.2}


def grown(trial: Trial, size: int) -> None:
    """Make the picture that meets the fault so large; sparse, so that it costs no disk."""
    os.truncate(trial.archive.folder / "pictures" / trial.name, size)


async def shown(trial: Trial, script: Script, *, arrived: int, **changes: object) -> Wire:
    """The third picture meets the script; then the cause is gone."""
    async with Wire(script, receive_buffer=SMALL_BUFFER) as wire:
        await trial.run(wire, arrived=arrived, **changes)
        wire.script = None
        await trial.run_again(wire)
    return wire


# ---------------------------------------------------------------- the connection breaks


@shows(8)
@pytest.mark.parametrize("how", ["rst", "fin"])
async def test_a_body_that_had_not_left_wholly_is_sent_again(
    how: str, fault: Fault, archive: Archive
) -> None:
    """The gallery can't have the picture, so it is simply sent again."""
    trial = Trial(fault, archive)
    grown(trial, LARGE)
    await shown(trial, third(breaking(how, after=100_000), answering()), arrived=1)
    assert trial.row["import_attempts"] == "2"


@shows(9)
async def test_a_body_that_the_kernel_took_is_unknown(fault: Fault, archive: Archive) -> None:
    """It had left, and nobody knows how far it came. Here it never arrived: that is the price."""
    trial = Trial(fault, archive, size=50_000)
    wire = await shown(trial, third(breaking("rst", after=1_000)), arrived=0)
    assert wire.receipts[2].body_bytes == 1_000


@shows(10)
@pytest.mark.parametrize("size", [2_000, 2_000_000], ids=["whole", "streamed"])
async def test_a_reset_behind_the_body_is_unknown(
    size: int, fault: Fault, archive: Archive
) -> None:
    """The gallery has every byte, and says nothing."""
    trial = Trial(fault, archive)
    grown(trial, size)
    await shown(trial, third(breaking("rst", after=None)), arrived=1)


@shows(11)
@pytest.mark.parametrize("size", [2_000, 2_000_000], ids=["whole", "streamed"])
async def test_a_close_behind_the_body_is_unknown(
    size: int, fault: Fault, archive: Archive
) -> None:
    """The same in the orderly way."""
    trial = Trial(fault, archive)
    grown(trial, size)
    await shown(trial, third(breaking("fin", after=None)), arrived=1)


# ---------------------------------------------------------------- a connection's second request


@shows(12)
async def test_a_connection_that_is_closed_as_we_send_leaves_the_row_unknown(
    fault: Fault, archive: Archive
) -> None:
    """From here it looks like a gallery that took the picture and went away."""
    trial = Trial(fault, archive)
    wire = await shown(trial, third(breaking("fin", after=0)), arrived=0, concurrency=1)
    assert [receipt.connection for receipt in wire.receipts[:3]] == [0, 0, 0]


class WhileIdle:
    """An observer: once the first picture is settled, something comes over its idle connection.

    ``--rate`` makes the second one wait until long after that.
    """

    def __init__(self, wire: Wire, unasked: bytes, *, closes: bool) -> None:
        self._has_spoken = False
        self._wire, self._unasked, self._closes = wire, unasked, closes

    def notice(self, event: Event) -> None:
        if isinstance(event, RowSettled) and not self._has_spoken:
            self._has_spoken = True
            self._wire.say_unasked(self._unasked)
            for link in self._wire.idle if self._closes else ():
                link.is_over = True
                link.writer.close()


async def shown_after(unasked: bytes, own: Script, trial: Trial, *, closes: bool = False) -> None:
    """The second picture goes out when these bytes, or the end, lie on the idle connection."""
    async with Wire(in_turn(answering(), own, answering())) as wire:
        idle = WhileIdle(wire, unasked, closes=closes)
        await trial.run(wire, arrived=1, concurrency=1, rate=1.0, observer=idle)
        assert len(wire.receipts) == trial.rows
        assert wire.receipts[1].connection != wire.receipts[0].connection
        wire.script = None
        await trial.run_again(wire)


@shows(13)
async def test_a_connection_that_was_closed_while_idle_costs_nothing(
    fault: Fault, archive: Archive
) -> None:
    """The end lies there already when the connection is taken up, so another one is made."""
    await shown_after(b"", answering(), Trial(fault, archive, place=1), closes=True)


@shows(14, "200", "500")
async def test_an_answer_that_nobody_asked_for_is_given_to_no_row(
    fault: Fault, archive: Archive
) -> None:
    """The next row's outcome is what its own answer says, on a connection of its own."""
    unasked, own = (OK, 422) if fault.case == "200" else (REFUSAL, 200)
    await shown_after(unasked, answering(own), Trial(fault, archive, place=1))


@shows(15)
async def test_a_late_408_on_an_idle_connection_is_no_answer(
    fault: Fault, archive: Archive
) -> None:
    """Servers say so to a connection that was idle for too long, and close it."""
    await shown_after(LATE, answering(), Trial(fault, archive, place=1), closes=True)


# ---------------------------------------------------------------- a slow line


@shows(16)
async def test_answers_that_take_half_a_minute_are_waited_for(
    fault: Fault, archive: Archive
) -> None:
    """Slow is not broken: no attempt is given up, none is made twice."""
    clock = Fast(80)  # a silence of 122 s is then 1.5 s of a machine that may be busy

    async def slow(exchange: Exchange) -> None:
        await exchange.read()
        await clock.sleep(30)

    trial = Trial(fault, archive)
    wire = await shown(trial, slow, arrived=1, clock=clock, patience={"answer_s": 60.0})
    assert len(wire.receipts) == 5


@shows(17)
async def test_a_thin_line_is_no_stall(fault: Fault, archive: Archive) -> None:
    """A picture that takes three minutes at 1 KB/s, longer than any silence that is tolerated."""
    clock = Fast(80)  # a silence of 122 s is then 1.5 s of a machine that may be busy

    async def thin(exchange: Exchange) -> None:
        for _ in range(18):
            await exchange.read(10_000)
            await clock.sleep(10)

    trial = Trial(fault, archive)
    grown(trial, 180_000)
    async with Wire(third(thin), receive_buffer=16_384) as wire:
        await trial.run(wire, arrived=1, clock=clock, patience={"answer_s": 60.0})
        await trial.run_again(wire)
    assert len(wire.receipts) == 5


@shows(18)
async def test_an_answer_in_single_bytes_is_an_answer(fault: Fault, archive: Archive) -> None:
    """Nothing depends on how the bytes were cut on the way."""

    async def sliced(exchange: Exchange) -> None:
        await exchange.read()
        exchange.receipt.status = 200
        await exchange.drip(OK, every_s=0)

    await shown(Trial(fault, archive), third(sliced), arrived=1)


@shows(19, "once", "for ever")
async def test_a_gallery_that_stops_reading_is_noticed(fault: Fault, archive: Archive) -> None:
    """Nothing moves any more and the picture isn't wholly sent: it certainly isn't there."""
    trial = Trial(fault, archive)
    grown(trial, LARGE)
    stall = breaking("hang", after=100_000)
    is_once = fault.case == "once"
    script = third(stall, answering()) if is_once else third(stall)
    patience = QUICK | {"attempts": 2}
    await shown(trial, script, arrived=int(is_once), patience=patience)


# ---------------------------------------------------------------- answers before the end


@shows(36, "incomplete")
async def test_a_408_before_the_end_is_tried_again(fault: Fault, archive: Archive) -> None:
    """The gallery says itself that it didn't get the picture."""
    trial = Trial(fault, archive)
    grown(trial, LARGE)
    await shown(trial, third(early(408, then="hang"), answering()), arrived=1)


@shows(36, "whole")
async def test_a_408_behind_the_end_is_unknown(fault: Fault, archive: Archive) -> None:
    """It waited for something that was there: who knows what it made of it."""
    await shown(Trial(fault, archive), third(answering(408)), arrived=1)


@shows(43, "kept", "closed", "reset")
async def test_a_picture_that_is_too_large_fails_alone(fault: Fault, archive: Archive) -> None:
    """The refusal comes first and the connection may break behind it.

    A reset may overtake the answer; then the next attempt is told.
    """
    trial = Trial(fault, archive)
    grown(trial, LARGE)
    then = {"kept": "", "closed": "fin", "reset": "rst"}[fault.case]
    script = third(early(413, b"too large", then=then), early(413, b"too large"))
    wire = await shown(trial, script, arrived=0)
    refused = [one for one in wire.receipts if one.name == NAME and one.status == 413]
    assert len(refused) <= (1 if fault.case == "kept" else 2)


@shows(50)
async def test_a_yes_before_the_end_is_not_believed(fault: Fault, archive: Archive) -> None:
    """The gallery can't have seen the picture that it says it took."""
    trial = Trial(fault, archive)
    grown(trial, LARGE)
    await shown(trial, third(early(200, b"ok", then="hang")), arrived=0)
