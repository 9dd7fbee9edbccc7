"""The sink as an object: compiled at first use, ruled through its stdin, gone with its user."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

SOURCE = Path(__file__).with_name("sink.c")
UPLOADS = "/api/v1/picture/upload"


@dataclass(frozen=True, slots=True)
class Taken:
    """What the sink got since it was told to begin."""

    requests: int
    bytes: int
    connections: int
    peak: int  #: requests on their way at once
    refused: int
    cpu_us: int  #: of the sink itself, since its start


class Sink:
    """A running sink; a context manager. ``has_tls`` says whether OpenSSL's headers were there."""

    def __init__(self) -> None:
        self._folder = _own_folder()
        program, self.has_tls = _compiled_sink(self._folder)
        self.certificate = self._folder / "certificate.pem"
        words = [str(program)]
        if self.has_tls:
            key = self._folder / "key.pem"
            _certify(self.certificate, key)
            words += [str(self.certificate), str(key)]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._ports = self._heard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def origin(self, *, tls: bool) -> str:
        """``http://127.0.0.1:PORT``: where an object store's client is sent to."""
        if tls and not self.has_tls:
            raise SystemExit("the sink has no TLS: OpenSSL's headers or its command are missing")
        scheme, port = ("https", self._ports["tls"]) if tls else ("http", self._ports["plain"])
        return f"{scheme}://127.0.0.1:{port}"

    def endpoint(self, *, tls: bool) -> str:
        """Where pictures are sent to."""
        return self.origin(tls=tls) + UPLOADS

    def begin(self, *, latency_ms: float = 0) -> None:
        """Forget all counts; answer so long after the last byte from now on."""
        self._say(f"begin {latency_ms}")

    def taken(self) -> Taken:
        return Taken(**self._say("count"))

    def _say(self, order: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(order + "\n")
        return self._heard()

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the sink is gone: exit code {self._process.wait(10)}")
        heard: dict[str, Any] = json.loads(line)
        return heard


def compiled(source: Path, *, is_library: bool = False) -> Path:
    """A small C program of ours, or a library that the loader puts before others."""
    program = _own_folder() / f"{source.stem}-{_digest(source)}{'.so' if is_library else ''}"
    if not program.exists():
        flags = ["-shared", "-fPIC"] if is_library else []
        _compile([*flags, "-O2"], source, program, ["-ldl"] if is_library else [])
    return program


def _own_folder() -> Path:
    """Of this user alone: what is compiled here is run."""
    folder = Path(tempfile.gettempdir()) / f"importer-benchmarks-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise SystemExit(f"{folder} is not this user's alone: remove it")
    return folder


def _digest(source: Path) -> str:
    return hashlib.sha256(source.read_bytes()).hexdigest()[:12]


def _compiled_sink(folder: Path) -> tuple[Path, bool]:
    """The program, and whether it has TLS."""
    program = folder / f"sink-{_digest(SOURCE)}"
    with_tls = program.with_name(program.name + "-tls")
    if with_tls.exists():
        return with_tls, True
    try:
        if shutil.which("openssl"):
            _compile(["-O2", "-DTLS"], SOURCE, with_tls, ["-lssl", "-lcrypto"])
            return with_tls, True
    except subprocess.CalledProcessError:
        pass  # no headers of OpenSSL: plain HTTP can be measured all the same
    if not program.exists():
        _compile(["-O2"], SOURCE, program, [])
    return program, False


def _compile(flags: list[str], source: Path, program: Path, libraries: list[str]) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        raise SystemExit("the benchmarks want a C compiler: install gcc")
    made = program.with_name(f"{program.name}.{os.getpid()}")  # two may compile at once
    words = [compiler, *flags, "-o", str(made), str(source), *libraries]
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    made.replace(program)


def _certify(certificate: Path, key: Path) -> None:
    """A certificate for loopback that is its own authority."""
    if certificate.exists():
        is_good = subprocess.run(
            ["openssl", "x509", "-checkend", "86400", "-noout", "-in", str(certificate)],
            stdout=subprocess.DEVNULL,
        )
        if is_good.returncode == 0:
            return
    made = [path.with_name(f"{path.name}.{os.getpid()}") for path in (certificate, key)]
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"]
    words += ["-out", str(made[0]), "-keyout", str(made[1]), "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    words += ["-addext", "basicConstraints=critical,CA:TRUE"]
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    made[1].replace(key)
    made[0].replace(certificate)
