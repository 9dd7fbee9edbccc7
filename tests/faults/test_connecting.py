"""Faults before a request has left: the picture certainly isn't there, so it is sent again."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import ssl
import subprocess
import termios
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Archive
from tests.faults.clocks import Fast, OnRetry
from tests.faults.entry import Fault, shows
from tests.faults.trial import Trial
from tests.in_helpers import CALLS, tell
from tests.wire import Exchange, Wire, linger_not, self_signed

pytestmark = pytest.mark.anyio

IMPATIENT = {"attempts": 2, "connect_s": 0.2, "max_outage_s": 0.3}
HOUR_S = 3_600.0


def one_each(
    behind: int, then: Callable[[], None]
) -> Callable[[Exchange], Coroutine[Any, Any, None]]:
    """Each connection takes one request; ``then`` happens before the answer to this one."""

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        if exchange.receipt.number == behind:
            then()
        await exchange.answer(is_last=True)

    return script


# ---------------------------------------------------------------- the name


@shows(1)
async def test_a_name_that_is_not_found_once(
    fault: Fault, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tried again, and nobody has to know."""
    asked = fail_to_resolve(monkeypatch, tmp_path, times=1)
    trial = Trial(fault, archive, place=0)
    async with Wire(host="localhost") as wire:
        await trial.run(wire, arrived=1)
        await trial.run_again(wire)
    assert asked.stat().st_size >= 2
    assert trial.row["import_attempts"] == "2"


@shows(2)
async def test_a_name_that_is_never_found(
    fault: Fault, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong address, or no network: the run says so, and no row is the worse for it."""
    with monkeypatch.context() as patched:
        fail_to_resolve(patched, tmp_path, times=1_000)
        trial = Trial(fault, archive, place=0)
        async with Wire(host="localhost") as wire:
            summary = await trial.run(wire, arrived=0, after="pending")
            assert summary.stop is not None
            assert "localhost can't be resolved" in summary.stop.why
            patched.undo()
            await trial.run_again(wire)


def fail_to_resolve(monkeypatch: pytest.MonkeyPatch, folder: Path, *, times: int) -> Path:
    """The system's resolver fails so often, in all processes; gives a file of a byte each call."""
    asked, environment = folder / "asked", dict(os.environ)
    words = f"{times}:{asked}"
    tell(environment, __name__, "resolve_badly", words)
    for name in (CALLS, "PYTHONPATH"):
        monkeypatch.setenv(name, environment[name])
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)  # is as before afterwards
    resolve_badly(words)
    return asked


def resolve_badly(words: str) -> None:
    """From now on, in this process."""
    times, _, asked = words.partition(":")
    resolve = socket.getaddrinfo

    def failing(host: Any, *args: Any, **named: Any) -> Any:
        if host != "localhost":
            return resolve(host, *args, **named)
        with Path(asked).open("ab") as file:
            file.write(b".")
            if file.tell() <= int(times):
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return resolve(host, socket.AF_INET if not args else args[0], *args[1:], **named)

    socket.getaddrinfo = failing


# ---------------------------------------------------------------- refused, or nobody there


@shows(3, "once", "for 60 s")
async def test_a_gallery_that_was_away_for_a_while(fault: Fault, archive: Archive) -> None:
    """Nothing was sent, so it is sent when the gallery takes connections again."""
    trial = Trial(fault, archive)
    async with Wire() as wire:
        wire.script = one_each(1, wire.refuse)
        if fault.case == "once":
            await trial.run(wire, arrived=1, clock=OnRetry(wire.listen), concurrency=1)
        else:
            clock = Fast(200)
            patience = {"answer_s": HOUR_S, "base_s": 0.5, "longest_s": 60.0}
            async with back_after(wire, clock, 60):
                await trial.run(wire, arrived=1, clock=clock, concurrency=1, patience=patience)
        assert int(trial.row["import_attempts"]) >= 2
        await trial.run_again(wire)
    assert len(wire.receipts) == 5


@asynccontextmanager
async def back_after(wire: Wire, clock: Fast, seconds: float) -> AsyncIterator[None]:
    """The gallery refuses, and takes connections again so much later."""

    async def wait() -> None:
        while wire.is_listening:
            await clock.sleep(0.1)
        await clock.sleep(seconds)
        await wire.listen()

    task = asyncio.create_task(wait())
    yield
    await task


@shows(3, "for ever")
async def test_a_gallery_that_stays_away_burns_no_row(fault: Fault, archive: Archive) -> None:
    """It waits as long as ``--max-outage`` says, then stops; no row has failed."""
    trial = Trial(fault, archive)
    async with Wire() as wire:
        wire.script = one_each(1, wire.refuse)
        summary = await trial.run(
            wire, arrived=0, after="pending", concurrency=1, patience=IMPATIENT
        )
        assert summary.stop is not None
        assert summary.stop.code == "outage"
        await wire.listen()
        await trial.run_again(wire)
    assert len(wire.receipts) == 5


@shows(4, "once", "for ever")
async def test_a_connection_that_nobody_takes(fault: Fault, archive: Archive) -> None:
    """The time-out for connecting ends it, not the one for answers; nothing was sent."""
    trial = Trial(fault, archive)
    hole = BlackHole()
    async with Wire() as wire:

        def fall_in() -> None:
            wire.refuse()
            hole.open(wire.port)

        async def climb_out() -> None:
            hole.close()
            await wire.listen()

        wire.script = one_each(1, fall_in)
        if fault.case == "once":
            await trial.run(
                wire, arrived=1, concurrency=1, clock=OnRetry(climb_out), patience=IMPATIENT
            )
        else:
            await trial.run(wire, arrived=0, after="pending", concurrency=1, patience=IMPATIENT)
            await climb_out()
        await trial.run_again(wire)
    assert len(wire.receipts) == 5


class BlackHole:
    """A port whose queue is full, so that the kernel drops whoever comes."""

    def open(self, port: int) -> None:
        listener = socket.create_server(("127.0.0.1", port), backlog=0)
        self._held = [listener]
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            self._held.append(one)

    def close(self) -> None:
        for one in reversed(self._held):
            one.close()


@shows(7)
async def test_a_reset_of_a_new_connection_that_took_the_picture(
    fault: Fault, archive: Archive
) -> None:
    """A small picture has left before anybody reads: it may have arrived, as far as we can see."""
    trial = Trial(fault, archive)
    async with Wire() as wire:
        port = wire.port

        def trap() -> None:
            wire.refuse()
            tasks.append(asyncio.create_task(reset_unread(port, at_least=2_000, then=wire.listen)))

        tasks: list[asyncio.Task[None]] = []
        wire.script = one_each(1, trap)
        await trial.run(wire, arrived=0, concurrency=1)
        await tasks[0]
        await trial.run_again(wire)


async def reset_unread(
    port: int, *, at_least: int, then: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Take one connection, let so many bytes come into its kernel, read none, and reset it."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.setblocking(False)
        taken, _ = await loop.sock_accept(listener)
    with taken:
        while waiting_bytes(taken) < at_least:
            await asyncio.sleep(0.001)
        await then()
        linger_not(taken)


def waiting_bytes(one: socket.socket) -> int:
    return int.from_bytes(fcntl.ioctl(one.fileno(), termios.FIONREAD, b"\0\0\0\0"), "little")


# ---------------------------------------------------------------- TLS


@shows(5, "untrusted", "expired", "another host")
@pytest.mark.needs("openssl")
async def test_a_certificate_that_is_not_trusted_stops_the_run(
    fault: Fault, archive: Archive, tmp_path: Path
) -> None:
    """It concerns every row. No byte of a picture and no token has left."""
    good, authority = self_signed(made(tmp_path / "good"))
    trial = Trial(fault, archive, place=0)
    match fault.case:
        case "untrusted":
            bad, trusted = self_signed(made(tmp_path / "bad"))[0], None
        case "expired":
            bad, trusted = expired(made(tmp_path / "bad"))
        case _:
            bad, trusted = self_signed(made(tmp_path / "bad"), host="127.0.0.2")
    async with Wire(tls=bad) as wire:
        sending = {"ca_file": trusted} if trusted else {}
        summary = await trial.run(wire, arrived=0, after="pending", sending=sending)
        assert summary.requests == 1
        assert wire.receipts == []
        wire.refuse()
        wire.tls = good
        await wire.listen()
        await trial.run_again(wire, sending={"ca_file": authority})


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def expired(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A certificate that was good for one day of the year 2020."""
    key, request, certificate = folder / "key.pem", folder / "request.pem", folder / "old.pem"
    (folder / "index.txt").touch()
    (folder / "ca.cnf").write_text(
        f"[ca]\ndefault_ca = d\n[d]\ndatabase = {folder}/index.txt\nnew_certs_dir = {folder}\n"
        "default_md = sha256\nrand_serial = yes\npolicy = p\nx509_extensions = e\n"
        "[p]\ncommonName = supplied\n[e]\nsubjectAltName = IP:127.0.0.1\n"
        "basicConstraints = critical,CA:TRUE\n",
        encoding="ascii",
    )
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=wire"],
        check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run(
        ["openssl", "ca", "-batch", "-notext", "-selfsign", "-config", folder / "ca.cnf",
         "-in", request, "-keyfile", key, "-out", certificate,
         "-startdate", "20200101000000Z", "-enddate", "20200102000000Z"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


@shows(6, "once", "for ever")
@pytest.mark.needs("openssl")
async def test_a_handshake_that_is_reset(fault: Fault, archive: Archive, tmp_path: Path) -> None:
    """Nothing of a request leaves before the handshake is done."""
    tls, authority = self_signed(tmp_path)
    trial = Trial(fault, archive, place=0)
    sending = {"ca_file": authority}
    async with Wire(tls=tls) as wire:
        wire.refuse()
        async with resetting(wire.port) as server:

            async def cure() -> None:
                server.close()
                await wire.listen()

            if fault.case == "once":
                await trial.run(wire, arrived=1, sending=sending, clock=OnRetry(cure))
            else:
                await trial.run(
                    wire, arrived=0, after="pending", sending=sending, patience=IMPATIENT
                )
                await cure()
        await trial.run_again(wire, sending=sending)
    assert len(wire.receipts) == 5


@asynccontextmanager
async def resetting(port: int) -> AsyncIterator[asyncio.Server]:
    """Whoever begins to speak here is cut off."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        linger_not(writer.get_extra_info("socket"))
        writer.transport.abort()

    async with await asyncio.start_server(connected, "127.0.0.1", port) as server:
        yield server


# ---------------------------------------------------------------- a slow door


@shows(53)
async def test_a_gallery_that_takes_one_connection_after_the_other(
    fault: Fault, archive: Archive
) -> None:
    """It takes its time, and that is all."""
    trial = Trial(fault, archive, rows=8)
    times = 20.0
    async with Wire(one_each(-1, lambda: None)) as wire:
        wire.refuse()
        doorkeeper = asyncio.create_task(take_every(1 / times, wire))
        await trial.run(wire, arrived=1, clock=Fast(times), patience={"answer_s": 600.0})
        doorkeeper.cancel()
        await asyncio.gather(doorkeeper, return_exceptions=True)
        await wire.listen()
        await trial.run_again(wire)
    assert (len(wire.receipts), wire.connections) == (8, 8)


async def take_every(seconds: float, wire: Wire) -> None:
    """Take the connections that wait, one after the other."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", wire.port)) as listener:
        listener.setblocking(False)
        while True:
            await wire.take((await loop.sock_accept(listener))[0])
            await asyncio.sleep(seconds)
