"""Which hosts are asked and how often: addresses, proxies, and hosts that don't work."""

from __future__ import annotations

import socket
import time

import pytest
from aiohttp.abc import AbstractResolver

from importer.clock import SystemClock
from importer.events import NoObserver, Progress
from importer.settings import Sending, Urls
from importer.transfer import pipeline
from importer.transfer.allowance import Bandwidth
from importer.transfer.fetch import health, resolving
from importer.transfer.fetch.hosts import Servers
from importer.transfer.fetch.partial import Partial
from importer.transfer.fetch.spool import Spool
from importer.transfer.fetch.web import Web
from importer.transfer.halting import Halting
from tests.conftest import picture_bytes
from tests.fetch.old_server import OldServer
from tests.shell.runs import QUICK, run, statuses
from tests.wire import Wire, self_signed

pytestmark = pytest.mark.anyio


class Names(AbstractResolver):
    """Leads every name to these addresses, in turn where there are several lists."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked.append(host)
        found = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return [
            {"hostname": host, "host": address, "port": port, "proto": 0, "flags": 0,
             "family": socket.AF_INET6 if ":" in address else socket.AF_INET}
            for address in found
        ]  # fmt: skip

    async def close(self):
        pass


@pytest.fixture
async def get(tmp_path):
    """One download; gives why it missed, or its content."""

    async def getting(url, names, **urls):
        partial = Partial("a.jpg", Spool(tmp_path / "spool", room=10**9), limit=10**9)
        web = Web(
            Urls("fetch", **urls),
            Sending(),
            QUICK,
            bandwidth=Bandwidth(None, clock=SystemClock(), halting=Halting(SystemClock())),
            clock=SystemClock(),
            agent="test",
            resolver=names,
        )
        async with web:
            missed = await web.get(url, partial)
            return missed or (await partial.whole()).content

    return getting


@pytest.mark.parametrize(
    ("address", "why"),
    [("127.0.0.1", "this computer's own"), ("10.0.0.7", "private"), ("::1", "this computer's own"),
     ("169.254.169.254", "link-local"), ("fd00::1", "private"), ("64:ff9b::a9fe:a9fe", "link-local"),
     ("::ffff:10.0.0.1", "disguise"), ("100.100.1.1", "provider's")],
)  # fmt: skip
async def test_a_name_that_leads_to_no_public_address_isnt_asked(get, address, why):
    missed = await get("http://pictures.example.com/a.jpg", Names([address]))

    assert missed.code == "source_private"
    assert missed.message.startswith(f"the host pictures.example.com leads to {address}, which ")
    assert why in missed.message
    assert not missed.is_passing


async def test_the_connection_goes_to_an_address_that_was_looked_at(get, monkeypatch):
    """The name leads elsewhere as soon as it was looked at (DNS rebinding), and nobody asks again."""

    looks = resolving.not_public
    monkeypatch.setattr(resolving, "not_public", lambda a: "" if a == "127.0.0.1" else looks(a))
    async with OldServer() as old:
        names = Names(["10.0.0.1", "127.0.0.1", "127.0.0.2"], ["10.0.0.1"])
        url = f"http://pictures.example.com:{old.port}/plain/a.jpg"
        assert await get(url, names) == old.content("plain/a.jpg")
        assert names.asked == ["pictures.example.com"]
        assert old.receipts[0].headers["host"] == f"pictures.example.com:{old.port}"


async def test_each_hop_of_a_redirect_is_looked_at(get, monkeypatch):
    monkeypatch.setattr(resolving, "not_public", lambda a: "" if a == "127.0.0.1" else "is private")
    async with OldServer() as old:
        url = f"http://pictures.example.com:{old.port}/to/302/{old.url('plain/a.jpg')}"
        missed = await get(url, Names(["127.0.0.1"]))
        assert missed.code == "source_private"
        assert missed.message.startswith(f"sent on to {old.url('plain/a.jpg')}: the host 127.0.0.1")

        away = f"http://pictures.example.com:{old.port}/to/302/http://inner.example.org/a.jpg"
        missed = await get(away, Names(["127.0.0.1"], ["192.168.1.1"]))
        assert "the host inner.example.org leads to 192.168.1.1" in missed.message
        assert [path for path, _ in old.asked if path.startswith("plain")] == []


async def test_a_proxy_gets_it_and_resolves_the_names(archive):
    """Only the proxy that --proxy names; the environment's are nobody's business."""

    async def script(exchange):
        await exchange.read()
        is_get = exchange.receipt.method == "GET"
        await exchange.answer(200, picture_bytes(1) if is_get else b"{}")

    async with Wire(script) as proxy:
        archive.write(
            [("http://pictures.example.com/a.jpg?sig=1", "Fair", "2017-07-15"),
             ("http://127.0.0.1:1/b.jpg", "Fair", "2017-07-15")]
        )  # fmt: skip
        await run(archive, proxy, urls=Urls("fetch"), sending={"proxy": proxy.origin})
        gets = [receipt for receipt in proxy.receipts if receipt.method == "GET"]

    (one, other) = archive.read_results()
    assert one["import_status"] == "uploaded"
    assert other["import_code"] == "source_private"
    assert [receipt.target for receipt in gets] == ["http://pictures.example.com/a.jpg?sig=1"]


@pytest.mark.needs("openssl")
async def test_certificates_are_checked_and_tls_is_not_left(archive, tmp_path):
    """--ca-file names one's own authority, --allow-http lets a redirect lead to http."""

    context, certificate = self_signed(tmp_path)
    fetch = Urls("fetch", allow_private=True)
    async with Wire() as gallery, OldServer(tls=context) as old, OldServer() as plain:
        to_http = old.url(f"to/302/{plain.url('plain/b.jpg')}")
        archive.write((url, "Fair", "2017-07-15") for url in (old.url("plain/a.jpg"), to_http))
        codes = []
        for sending in ({}, {"ca_file": certificate}, {"ca_file": certificate, "allow_http": True}):
            await run(archive, gallery, urls=fetch, sending=sending)
            codes.append([row["import_code"] for row in archive.read_results()])

    assert codes == [["source_certificate"] * 2, ["", "source_redirect"], ["", ""]]
    assert plain.times("plain/b.jpg") == 1


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(health, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(health, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(health, "PATIENCE_S", 0.2)


def dead_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_server_that_is_down_burns_none_of_its_rows_and_stops_no_others(
    archive, impatient, host
):
    """Its rows stay pending, the others' arrive, also from its own host; and a person is told."""

    name = f"{host}:{dead_port()}"
    down = f"http://{name}"
    async with Wire() as gallery, OldServer() as old:
        urls = [f"{down}/{n}.jpg" if n % 2 else old.url(f"plain/{n}.jpg") for n in range(60)]
        archive.write((url, "Fair", "2017-07-15") for url in urls)
        summary = await run(
            archive, gallery, urls=Urls("fetch", allow_private=True), patience={"attempts": 6}
        )

    rows = archive.read_results()
    assert {row["import_status"] for row in rows[::2]} == {"uploaded"}
    assert {row["import_status"] for row in rows[1::2]} == {"pending"}
    assert {row["import_code"] for row in rows[1::2]} == {"source_down"}
    assert f"nothing works at {name} just now: {host} can't be reached" in rows[1]["import_message"]
    assert summary.exit_code == 1
    assert summary.warnings == (
        f"30 rows of {name} wait for the next run: nothing worked there for too long",
    )


@pytest.mark.parametrize("others", ["urls", "files"])
async def test_a_dead_server_at_the_top_of_the_manifest_keeps_nobody_waiting(
    archive, impatient, monkeypatch, others
):
    """The first picture goes alone, and that is the first that can be had."""
    monkeypatch.setattr(health, "PATIENCE_S", 4.0)
    monkeypatch.setattr(pipeline, "FIRST_S", 0.2)
    began, came_s = time.monotonic(), []

    async def note(exchange):
        came_s.append(time.monotonic() - began)
        await exchange.answer()

    async with Wire(note) as gallery, OldServer() as old:
        port = dead_port()
        down = [f"http://127.0.0.1:{port}/{n}.jpg" for n in range(50)]
        if others == "urls":
            alive = [old.url(f"plain/{n}.jpg") for n in range(4)]
        else:
            alive = archive.pictures(4)
        archive.write((url, "Fair", "2017-07-15") for url in down[:3] + alive + down[3:])
        await run(
            archive, gallery, urls=Urls("fetch", allow_private=True), patience={"attempts": 6}
        )

    assert statuses(archive) == ["pending"] * 3 + ["uploaded"] * 4 + ["pending"] * 47
    assert max(came_s) < 3.0, "the dead server was given up first"


async def test_servers_of_one_host_share_its_connections_and_nothing_else():
    """A host's name alone names the server at its scheme's own port, and so does that port."""
    servers = Servers(per_host=1)
    async with (
        servers.place("http://a.example/1.jpg") as plain,
        servers.place("https://a.example/1.jpg") as tls,
        servers.place("http://A.example:8080/1.jpg") as odd,
        servers.place("http://[2001:db8::1]:8080/1.jpg") as six,
    ):
        assert [one.name for one in (plain, tls, odd, six)] == [
            "a.example", "a.example", "a.example:8080", "[2001:db8::1]:8080",
        ]  # fmt: skip
        assert plain.connections is tls.connections is odd.connections is not six.connections
        for _ in range(health.DOWN_AFTER):
            odd.health.failed(0.0)
        assert odd.health.is_down and not plain.health.is_down and not tls.health.is_down
    assert len(servers) == 1, "what is sound is forgotten"
    async with servers.place("http://a.example:8080/2.jpg") as again:
        assert again is odd
    servers = Servers(per_host=2)
    async with (
        servers.place("http://a.example/") as one,
        servers.place("http://a.example:80/") as two,
    ):
        assert one is two


async def test_a_host_that_comes_back_is_gone_on_with(archive, impatient, monkeypatch):
    monkeypatch.setattr(health, "PATIENCE_S", 30.0)
    async with Wire() as gallery, OldServer() as old:
        archive.write((old.url(f"later/503/6/{n}.jpg"), "Fair", "2017-07-15") for n in range(8))
        await run(
            archive, gallery, urls=Urls("fetch", allow_private=True), patience={"attempts": 2}
        )

    rows = archive.read_results()
    assert "uploaded" in {row["import_status"] for row in rows}
    assert all(row["import_status"] in ("uploaded", "failed") for row in rows)


async def test_a_person_sees_what_is_waited_for(archive, impatient):
    """Nothing goes to the gallery meanwhile, so the display says why."""

    seen = set()

    class Watching(NoObserver):
        def notice(self, event):
            if isinstance(event, Progress) and event.waiting:
                seen.add(event.waiting)

    async with Wire() as gallery, OldServer() as old:
        archive.write([(old.url("silent/a.jpg"), "Fair", "2017-07-15")])
        await run(
            archive, gallery, urls=Urls("fetch", allow_private=True), observer=Watching(),
            patience={"attempts": 1, "answer_s": 0.4, "connect_s": 0.2},
        )  # fmt: skip
    assert seen == {"downloading 1 picture"}


async def test_a_single_row_of_a_host_that_isnt_there_fails(archive):
    archive.write([(f"http://localhost:{dead_port()}/a.jpg", "Fair", "2017-07-15")])
    async with Wire() as gallery:
        await run(
            archive, gallery, urls=Urls("fetch", allow_private=True), patience={"attempts": 3}
        )

    (row,) = archive.read_results()
    assert (row["import_status"], row["import_code"]) == ("failed", "source_connect")
    assert row["import_message"].endswith("3 times")
