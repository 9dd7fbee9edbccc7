"""Pictures that are downloaded: an old server that fails, and a run that is killed or stopped."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("signals as POSIX knows them", allow_module_level=True)

from importer.settings import Urls
from importer.transfer.fetch import health
from importer.transfer.sources import WHOLE_UP_TO
from tests.conftest import Archive
from tests.faults.command import done, started
from tests.faults.entry import Fault, shows
from tests.faults.trial import NAME, ROWS, THIRD, Trial
from tests.fetch.old_server import OldServer
from tests.wire import Exchange, Wire

pytestmark = pytest.mark.anyio

FETCH = Urls("fetch", limit=5 * 10**6, allow_private=True)
SECOND = Urls("pass-then-fetch", allow_private=True)
QUICK = {"attempts": 3, "answer_s": 0.2, "connect_s": 0.2}
FLAGS = ("--urls", "fetch", "--allow-private", "--no-report")


@pytest.fixture
async def old() -> AsyncIterator[OldServer]:
    async with OldServer(size=WHOLE_UP_TO + 200_000) as server:
        yield server


def trial_of(fault: Fault, archive: Archive, url: str) -> Trial:
    """Files of this disk, and as the third row a picture behind an address."""
    sources = archive.pictures(ROWS)
    sources[THIRD] = url
    archive.write((source, "Summer Fair", "2017-07-15") for source in sources)
    return Trial(fault, archive)


async def tried(fault: Fault, archive: Archive, url: str, **changes: Any) -> tuple[Trial, Wire]:
    """A run, and what it leaves."""
    trial = trial_of(fault, archive, url)
    async with Wire() as wire:
        arrived = int(fault.status == "uploaded")
        await trial.run(wire, arrived=arrived, **({"urls": FETCH, "patience": QUICK} | changes))
    assert not list(archive.folder.glob("*.fetched")), "what was downloaded is deleted"
    return trial, wire


async def goes_on(trial: Trial, old: OldServer, kind: str, port: int, **changes: Any) -> None:
    """The cause is gone, and the next run does what the table says."""
    setattr(old, f"_{kind}", old._plain)
    async with Wire(port=port) as wire:
        again = {"urls": FETCH, "patience": QUICK} | changes
        summary = await trial.go(wire, **again)
        trial.left_again(summary.exit_code, wire.receipts, sent=wire.receipts)


@shows(101, "twice", "for ever")
async def test_a_server_that_is_busy_is_asked_again(
    fault: Fault, archive: Archive, old: OldServer
) -> None:
    times = 2 if fault.case == "twice" else 99
    trial, wire = await tried(fault, archive, old.url(f"later/503/{times}/{NAME}"))
    await goes_on(trial, old, "later", wire.port)


async def fails_for_good(path: str, fault: Fault, archive: Archive, old: OldServer) -> None:
    """The gallery hears nothing of it, and when the file is there the next run brings it."""
    trial, wire = await tried(fault, archive, old.url(path))
    await goes_on(trial, old, path.partition("/")[0], wire.port)


@shows(102)
async def test_a_file_that_is_gone(fault: Fault, archive: Archive, old: OldServer) -> None:
    await fails_for_good(f"status/404/{NAME}", fault, archive, old)


@shows(103)
async def test_a_file_that_is_forbidden(fault: Fault, archive: Archive, old: OldServer) -> None:
    await fails_for_good(f"status/403/{NAME}", fault, archive, old)


@shows(104)
async def test_a_page_in_a_pictures_place(fault: Fault, archive: Archive, old: OldServer) -> None:
    await fails_for_good(f"page/{NAME}", fault, archive, old)


@shows(107)
async def test_redirects_without_an_end(fault: Fault, archive: Archive, old: OldServer) -> None:
    await fails_for_good(f"round/{NAME}", fault, archive, old)


@shows(108)
async def test_a_redirect_to_this_computer(fault: Fault, archive: Archive, old: OldServer) -> None:
    """Refused even with --allow-private, since nobody writes an address so who means well."""
    await fails_for_good(f"to/302/http://127.1/{NAME}", fault, archive, old)


@shows(109)
async def test_what_is_too_large(fault: Fault, archive: Archive, old: OldServer) -> None:
    trial, wire = await tried(
        fault, archive, old.url(f"plain/{NAME}"), urls=Urls("fetch", 1_000_000, 4, True)
    )
    await goes_on(trial, old, "plain", wire.port)


@shows(110, "once", "other file", "other part", "for ever")
async def test_a_connection_that_ends(fault: Fault, archive: Archive, old: OldServer) -> None:
    """Byte for byte what the server has now, or nothing."""
    kinds = {
        "once": "cut", "other file": "changes", "other part": "wrong_range",
        "for ever": "always_cut",
    }  # fmt: skip
    kind = kinds[fault.case]
    if fault.case == "for ever":
        old.validator = ()  # else it would be gone on with
    trial, wire = await tried(fault, archive, old.url(f"{kind}/{NAME}"))
    await goes_on(trial, old, kind, wire.port)


@shows(111)
async def test_a_server_that_falls_silent(fault: Fault, archive: Archive, old: OldServer) -> None:
    await fails_for_good(f"silent_within/{NAME}", fault, archive, old)


def dead_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@shows(105)
async def test_a_host_that_takes_no_connection(fault: Fault, archive: Archive) -> None:
    port = dead_port()
    trial, wire = await tried(fault, archive, f"http://127.0.0.1:{port}/plain/{NAME}")
    async with OldServer(port=port) as old:
        await goes_on(trial, old, "plain", wire.port)


@shows(106)
async def test_a_host_that_is_down(
    fault: Fault, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row is left for the next run."""
    monkeypatch.setattr(health, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(health, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(health, "PATIENCE_S", 0.2)
    port = dead_port()
    patient = QUICK | {"attempts": 99}
    trial, wire = await tried(
        fault, archive, f"http://127.0.0.1:{port}/plain/{NAME}", patience=patient
    )
    async with OldServer(port=port) as old:
        await goes_on(trial, old, "plain", wire.port)


@shows(112)
async def test_a_disk_that_takes_no_download(
    fault: Fault, archive: Archive, old: OldServer
) -> None:
    """It is no fault of the picture's: the run stops, and says where and why."""
    trial = trial_of(fault, archive, old.url(f"plain/{NAME}"))
    in_the_way = archive.results.with_name(f"{archive.results.name}.fetched")
    in_the_way.write_text("in the way")
    async with Wire() as wire:
        summary = await trial.go(wire, urls=FETCH)
        assert summary.exit_code == fault.exit_code
        assert summary.stop is not None
        assert "fetched pictures can't be kept in" in summary.stop.why
        assert trial.statuses()[THIRD] == fault.status
        in_the_way.unlink()
        before = len(wire.receipts)
        again = await trial.go(wire, urls=FETCH)
        trial.left_again(again.exit_code, wire.receipts, sent=wire.receipts[before:])


@shows(113, "half", "whole", "stored")
async def test_killed_while_it_downloads(fault: Fault, archive: Archive, old: OldServer) -> None:
    """What lay on the disk is deleted by the next run, which downloads it again."""
    places = {"half": "spool.half", "whole": "fetch.loaded", "stored": "answer.read"}
    archive.write([(old.url(f"plain/{NAME}"), "Summer Fair", "2017-07-15")])
    trial = Trial(fault, archive, rows=1, place=0)
    async with Wire() as wire:
        victim = ("--die-at", places[fault.case])
        ended = await done(archive, wire, *FLAGS, victim=victim)
        assert ended.code == fault.exit_code, ended.said
        assert len(wire.whole) == int(fault.case == "stored")
        spool = archive.results.with_name(f"{archive.results.name}.fetched")
        assert len(list(spool.iterdir())) == 1
        before = len(wire.receipts)
        again = await done(archive, wire, *FLAGS)
        sent = wire.receipts[before:]
        assert not spool.exists()
    assert trial.row["import_status"] == ("unknown" if fault.case == "stored" else "uploaded")
    assert (again.code, [one.name for one in sent]) == (
        (4, []) if fault.case == "stored" else (0, [NAME])
    )
    trial.nothing_leaked(ended.said, again.said)


@shows(114)
async def test_ctrl_c_ends_downloads(fault: Fault, archive: Archive, old: OldServer) -> None:
    """At once: nothing of it has gone to the gallery."""
    trial = trial_of(fault, archive, old.url(f"silent_within/{NAME}"))
    async with Wire() as wire:
        running = await started(archive, wire, *FLAGS)
        await running.until(lambda: bool(old.asked))
        running.signal(signal.SIGINT)
        ended = await running.ended()
        assert ended.code == fault.exit_code, ended.said
        assert trial.statuses()[THIRD] == fault.status
    await goes_on(trial, old, "silent_within", wire.port)


@shows(115)
async def test_a_gallery_that_is_busy_costs_no_second_download(
    fault: Fault, archive: Archive, old: OldServer
) -> None:
    busy = [503, 503]

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        is_it = exchange.receipt.name == NAME
        await exchange.answer(busy.pop() if is_it and busy else 200)

    trial = trial_of(fault, archive, old.url(f"plain/{NAME}"))
    async with Wire(script) as wire:
        await trial.run(wire, arrived=3, urls=FETCH)
        await trial.run_again(wire, urls=FETCH)
    assert old.times(f"plain/{NAME}") == 1


def offered(status: int) -> Any:
    """What the gallery says to an address; 0: nothing. Bytes are taken."""

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        is_address = exchange.receipt.headers["content-type"].startswith("text/plain")
        if not is_address:
            await exchange.answer(200)
        elif status:
            await exchange.answer(status, b"no")
        else:
            exchange.fin()

    return script


@shows(116)
async def test_a_refused_address_is_downloaded(
    fault: Fault, archive: Archive, old: OldServer
) -> None:
    trial = trial_of(fault, archive, old.url(f"plain/{NAME}"))
    async with Wire(offered(422)) as wire:
        await trial.run(wire, arrived=2, urls=SECOND)
        await trial.run_again(wire, urls=SECOND)


@shows(117)
async def test_behind_a_lost_answer_nothing_is_downloaded(
    fault: Fault, archive: Archive, old: OldServer
) -> None:
    trial = trial_of(fault, archive, old.url(f"plain/{NAME}"))
    async with Wire(offered(0)) as wire:
        await trial.run(wire, arrived=1, urls=SECOND)
        assert not old.asked
        wire.script = None
        await trial.run_again(wire, urls=SECOND)
    assert not old.asked


@shows(118)
async def test_what_neither_can_have_fails(fault: Fault, archive: Archive, old: OldServer) -> None:
    trial = trial_of(fault, archive, old.url(f"status/404/{NAME}"))
    async with Wire(offered(422)) as wire:
        await trial.run(wire, arrived=1, urls=SECOND)
    await goes_on(trial, old, "status", wire.port)
