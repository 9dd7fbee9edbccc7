"""Faults of the pictures' files: each is its own row's, and none of them looks like the network's."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest

if sys.platform == "win32":
    pytest.skip("files as POSIX knows them", allow_module_level=True)

from importer.clock import SystemClock
from tests.conftest import Archive, picture_bytes
from tests.faults.command import done, rights, without_roots_rights
from tests.faults.entry import Fault, shows
from tests.faults.trial import Trial, third
from tests.wire import Exchange, Wire

pytestmark = pytest.mark.anyio

LARGE = 20_000_000  # bytes; more than the two kernels' buffers take by themselves
SMALL_BUFFER = 65_536


def path_of(trial: Trial) -> Path:
    """The picture that meets the fault."""
    return trial.archive.folder / "pictures" / trial.name


def grown(trial: Trial, size: int = LARGE) -> Path:
    """Make that picture so large; sparse, so that it costs no disk."""
    os.truncate(path_of(trial), size)
    return path_of(trial)


def restored(trial: Trial) -> None:
    """The cause is gone: the picture is there."""
    path = path_of(trial)
    if path.is_symlink() or path.exists():
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    path.write_bytes(picture_bytes(trial.place))


# ---------------------------------------------------------------- not there, not any more


@shows(74, "before")
async def test_a_missing_file_fails_its_row(fault: Fault, archive: Archive) -> None:
    """Nothing is sent of it; when it is there, the next run sends it."""
    trial = Trial(fault, archive)
    path_of(trial).unlink()
    async with Wire() as wire:
        await trial.run(wire, arrived=0)
        restored(trial)
        await trial.run_again(wire)


@shows(74, "between")
async def test_a_file_that_vanishes_before_its_turn_fails_its_row(
    fault: Fault, archive: Archive
) -> None:
    """Large files are only looked at while they wait in the queue, for minutes perhaps."""
    trial = Trial(fault, archive)
    path = grown(trial)

    async def script(exchange: Exchange) -> None:
        if exchange.receipt.number == 0:  # the canary, while the others wait
            path.unlink()

    async with Wire(script) as wire:
        await trial.run(wire, arrived=0)
        restored(trial)
        await trial.run_again(wire)


async def meets(
    change: Callable[[Path], object], fault: Fault, archive: Archive, *, arrived: int
) -> None:
    """The file changes while it is sent; then it is as somebody wanted it."""
    trial = Trial(fault, archive)
    path = grown(trial)

    async def script(exchange: Exchange) -> None:
        await exchange.read(100_000)
        change(path)
        await exchange.read()

    async with Wire(third(script), receive_buffer=SMALL_BUFFER) as wire:
        await trial.run(wire, arrived=arrived)
        wire.script = None
        await trial.run_again(wire)


@shows(74, "during")
async def test_a_file_that_vanishes_while_it_is_sent_arrives(
    fault: Fault, archive: Archive
) -> None:
    """Who has a file open can read it to its end."""
    await meets(Path.unlink, fault, archive, arrived=1)


def _shrink(path: Path) -> None:
    os.truncate(path, 1_000_000)


def _grow(path: Path) -> None:
    os.truncate(path, LARGE + 1)


def _rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(LARGE - 10)
        file.write(b"other")


@shows(75, "shrinks", "grows", "rewritten")
async def test_a_file_that_changes_while_it_is_sent_never_arrives_whole(
    fault: Fault, archive: Archive
) -> None:
    """Which of the two was meant? Its connection is closed before its last byte."""
    change = {"shrinks": _shrink, "grows": _grow, "rewritten": _rewrite}[fault.case]
    await meets(change, fault, archive, arrived=0)


# ---------------------------------------------------------------- no file, or not for this user


def _directory(path: Path) -> None:
    path.mkdir()


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        before = Path.cwd()
        os.chdir(path.parent)  # a socket's path has 108 characters at most
        one.bind(path.name)
        os.chdir(before)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _circle(path: Path) -> None:
    path.symlink_to(path.name)


KINDS: dict[str, Callable[[Path], object]] = {
    "directory": _directory,
    "FIFO": os.mkfifo,
    "socket": _socket,
    "device": _device,
    "circle": _circle,
}


@shows(76, "directory", "FIFO", "socket", "device", "circle")
async def test_what_is_no_file_fails_its_row_and_never_blocks(
    fault: Fault, archive: Archive
) -> None:
    """The four others arrive."""
    trial = Trial(fault, archive)
    path_of(trial).unlink()
    KINDS[fault.case](path_of(trial))
    async with Wire() as wire:
        await trial.run(wire, arrived=0)
        restored(trial)
        await trial.run_again(wire)


@shows(76, "forbidden")
async def test_a_file_that_this_user_may_not_read_fails_its_row(
    fault: Fault, archive: Archive
) -> None:
    """The real command, for which rights count though root may run the tests."""
    trial = Trial(fault, archive)
    flags = {"preexec_fn": without_roots_rights}
    async with Wire() as wire:
        with rights(path_of(trial), 0o000):
            ended = await done(archive, wire, "--no-report", **flags)
            trial.left(ended.code, wire.receipts, arrived=0, texts=[ended.said])
        before = len(wire.receipts)
        again = await done(archive, wire, "--no-report", **flags)
        trial.left_again(again.code, wire.receipts, sent=wire.receipts[before:])


@shows(77)
async def test_an_empty_file_fails_its_row(fault: Fault, archive: Archive) -> None:
    """A copy that broke off leaves such files."""
    trial = Trial(fault, archive)
    path_of(trial).write_bytes(b"")
    async with Wire() as wire:
        await trial.run(wire, arrived=0)
        restored(trial)
        await trial.run_again(wire)


@shows(78)
async def test_more_than_2_gib_are_streamed(fault: Fault, archive: Archive) -> None:
    """Every byte of a length that 31 bits can't hold, from a sparse file.

    That memory stays flat is measured with 1 GiB in e2e/test_large.py.
    """
    trial = Trial(fault, archive, rows=1, place=0)
    size = 2**31 + 1
    grown(trial, size)

    async with Sink() as sink:
        await trial.go(sink, at_most_s=100)  # type: ignore[arg-type]
        assert sink.length == sink.received == size
        assert trial.statuses() == [fault.status]
        assert (await trial.go(sink)).exit_code == 0  # type: ignore[arg-type]
        assert sink.requests == 1


class Sink:
    """A gallery that lets the kernel throw away what it gets, and counts it."""

    def __init__(self) -> None:
        self.length = self.received = self.requests = 0

    async def __aenter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}/upload"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        try:
            while True:
                with self._listener.accept()[0] as link:
                    link.settimeout(60)
                    self.requests += 1
                    self._take(link)
        except OSError:  # the listener is closed
            return

    def _take(self, link: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += link.recv(4096)
        head, _, rest = head.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        self.length, self.received = int(fields[b"content-length"]), len(rest)
        buffer = bytearray(1 << 20)
        while self.received < self.length and (got := link.recv_into(buffer)):
            self.received += got
        link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


# ---------------------------------------------------------------- the clock


class Leaping(SystemClock):
    """The wall clock is set when it is told to; what waiting goes by isn't touched."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


@shows(81, "ahead", "back")
async def test_a_clock_that_is_set_touches_nothing(fault: Fault, archive: Archive) -> None:
    """Waiting goes by a clock of its own; what people read says the new time."""
    trial = Trial(fault, archive)
    clock = Leaping()
    leap = timedelta(days=1 if fault.case == "ahead" else -1)

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        clock.by = leap

    async with Wire(third(script)) as wire:
        await trial.run(wire, arrived=1, clock=clock)
        assert trial.row["import_at"][:10] == (datetime.now(UTC) + leap).date().isoformat()
        await trial.run_again(wire, clock=clock)
