"""Clients run in turn against one sink: what each cost, and whether every byte came."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.data import DataSet
from benchmarks.sink import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from benchmarks.sink import Sink

LAUNCH = Path(__file__).with_name("launch.c")
PAUSE_S = 0.1  # between two runs: sockets close, the sink is at rest


@dataclass(frozen=True, slots=True)
class Job:
    """What one run of a client is given."""

    data: DataSet
    concurrency: int
    origin: str  #: of an object store
    endpoint: str  #: of a gallery
    folder: Path  #: empty, and gone afterwards
    certificate: Path | None  #: to trust; None without TLS

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.csv"


@dataclass(frozen=True, slots=True)
class Client:
    """A command that uploads a job's pictures, and nothing else."""

    name: str
    words: Callable[[Job], Sequence[str]]
    environment: Mapping[str, str] = field(default_factory=dict)
    start_in: Path | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run: the whole tree of its processes, start and end included."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    requests: int
    connections: int
    trouble: str  #: empty: each byte came, and the command ended well
    sink_s: float = 0.0  #: CPU that the sink used for it
    others_s: float = 0.0  #: CPU that everyone else on this machine used meanwhile


@dataclass(slots=True)
class Measured:
    """All runs of one client on one data set, and its start-ups: runs of one row."""

    data: DataSet
    latency_s: float = 0.0
    runs: list[Run] = field(default_factory=list)
    starts: list[Run] = field(default_factory=list)

    @property
    def trouble(self) -> str:
        return next((run.trouble for run in [*self.runs, *self.starts] if run.trouble), "")

    @property
    def start_cpu_s(self) -> float:
        """Of the quickest start: noise only ever adds to it, and too much would be subtracted."""
        return min(run.cpu_s for run in self.starts)

    @property
    def start_wall_s(self) -> float:
        """Of the quickest start, without the one answer that was waited for."""
        return max(0.0, min(run.wall_s for run in self.starts) - self.latency_s)

    @property
    def cpus_us(self) -> list[float]:
        """A round's CPU an upload, start-up subtracted."""
        rows = self.data.rows
        return [max(1e-9, run.cpu_s - self.start_cpu_s) / rows * 1e6 for run in self.runs]

    @property
    def cpu_us(self) -> float:
        return statistics.median(self.cpus_us)

    @property
    def rates(self) -> list[float]:
        """A round's uploads a second, start-up subtracted."""
        rows = self.data.rows
        return [rows / max(1e-3, run.wall_s - self.start_wall_s) for run in self.runs]

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def mb_s(self) -> float:
        return self.rate * self.data.size_bytes / 1e6

    @property
    def peak_mb(self) -> float:
        return max(run.peak_mb for run in self.runs)

    @property
    def connections(self) -> int:
        return max(run.connections for run in self.runs)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios: what changes from round to round strikes both."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def measure(
    clients: Sequence[Client],
    sink: Sink,
    data: DataSet,
    *,
    concurrency: int,
    rounds: int,
    tls: bool = False,
    latency_ms: float = 0.0,
    limit_s: float = 120.0,
    turn: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext,
) -> dict[str, Measured]:
    """Run all clients in turn, in another order each round; a start-up before each run."""
    found = {client.name: Measured(data, latency_ms / 1000) for client in clients}
    one = DataSet(data.folder.with_name(f"{data.folder.name}-one"), 1, data.size_bytes)
    _link_first(data, one)
    for number in range(rounds):
        first = number % len(clients)
        order = [*clients[first:], *clients[:first]]
        with turn():
            for client in order if number % 2 else reversed(order):
                measured = found[client.name]
                for what, into in ((one, measured.starts), (data, measured.runs)):
                    run = _run(
                        client,
                        sink,
                        what,
                        concurrency=concurrency,
                        tls=tls,
                        latency_ms=latency_ms,
                        limit_s=limit_s,
                    )
                    into.append(run)
                    _tell(number, client, what, run)
    return found


def _link_first(data: DataSet, one: DataSet) -> None:
    """A folder with the first picture alone, for clients that take a folder."""
    one.folder.mkdir(exist_ok=True)
    link = one.folder / "000000.jpg"
    if not link.exists():
        os.link(data.folder / "000000.jpg", link)


def _run(
    client: Client,
    sink: Sink,
    data: DataSet,
    *,
    concurrency: int,
    tls: bool,
    latency_ms: float,
    limit_s: float,
) -> Run:
    time.sleep(PAUSE_S)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=data.folder.parent))
    try:
        certificate = sink.certificate if tls else None
        origin, endpoint = sink.origin(tls=tls), sink.endpoint(tls=tls)
        job = Job(data, concurrency, origin, endpoint, folder, certificate)
        job.manifest.write_text("source\n" + "".join(f"{path}\n" for path in data.paths()))
        words = list(client.words(job))
        sink.begin(latency_ms=latency_ms)
        sink_us, busy_s = sink.taken().cpu_us, _machine_s()
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            began = time.perf_counter()
            process = subprocess.Popen(
                [str(compiled(LAUNCH)), str(folder / "usage"), *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**_clean_environment(), **client.environment},
                cwd=client.start_in,
                start_new_session=True,
            )
            code = _wait(process, limit_s)
            wall_s = time.perf_counter() - began
        cpu_s, peak_mb = _used(folder / "usage")
        taken, busy_s = sink.taken(), _machine_s() - busy_s
        trouble = ""
        if (taken.requests, taken.bytes) != (data.rows, data.bytes):
            trouble = f"INCOMPLETE: {taken.requests} requests, {taken.bytes} bytes came"
        elif code:
            trouble = f"exit code {code}"
        if trouble:
            said = (folder / "stderr").read_text(errors="replace").strip()
            trouble += f"; its last words: {said[-400:]}" if said else ""
        return Run(
            wall_s=wall_s,
            cpu_s=cpu_s,
            peak_mb=peak_mb,
            requests=taken.requests,
            connections=taken.connections,
            trouble=trouble,
            sink_s=(taken.cpu_us - sink_us) / 1e6,
            others_s=max(0.0, busy_s - cpu_s - (taken.cpu_us - sink_us) / 1e6),
        )
    finally:
        shutil.rmtree(folder)


def _machine_s() -> float:
    """CPU that all of the machine has used so far; idle and waiting stand fourth and fifth."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def _used(report: Path) -> tuple[float, float]:
    """Seconds of CPU and MB at the peak; nothing of a command that was cut off."""
    if not report.exists():
        return 0.0, 0.0
    user, system, peak_kib = report.read_text().split()
    return float(user) + float(system), int(peak_kib) / 1024


def _wait(process: subprocess.Popen[bytes], limit_s: float) -> int:
    """Wait for a command; at the limit, or when we are stopped, cut it off with all it started."""
    try:
        return process.wait(limit_s)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            return 124  # as timeout(1) says it
        raise


def _clean_environment() -> dict[str, str]:
    """Without settings of ours, and without a proxy in the way of loopback."""
    unwanted = ("IMPORTER_", "AWS_", "RCLONE_", "COV_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(unwanted)}
    return {k: v for k, v in kept.items() if not k.lower().endswith("_proxy")}


def _tell(number: int, client: Client, data: DataSet, run: Run) -> None:
    """For whoever waits; the tables come at the end."""
    text = f"round {number + 1} {client.name}: {data.rows:,} rows in {run.wall_s:.2f} s"
    print(f"{text}; {run.trouble}" if run.trouble else text, file=sys.stderr, flush=True)
