"""Commands that begin at once: forked from a process that has loaded everything already.

To start Python and to load the command's modules costs half a second of CPU, and what is killed,
signalled and resumed is started a thousand times. A child of the prepared process differs from a
command of its own in that alone: it has the environment, the folder and the streams it was given,
runs ``python -m importer`` from its first line, and ends as any interpreter does. How the command
loads is shown by those tests that start it themselves: in ``e2e/`` all that are marked as ``fresh`` or
use ``Command.start``, and ``signals/test_loading.py``.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.ending import remember
from tests.preparing import READY

ROOT = Path(__file__).parents[1]
CAN_PREPARE = hasattr(os, "pidfd_open")  # Linux

#: as it was before any test put another in its place: a socket's address has room for 107 bytes
PLACE = tempfile.gettempdir()


class Prepared:
    """A command that was forked; what asyncio's Process is to those who watch one."""

    def __init__(
        self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.ensure_future(self._end(reader, writer))

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def send_signal(self, number: int) -> None:
        if self.returncode is not None:
            raise ProcessLookupError
        with contextlib.suppress(ProcessLookupError):  # it has ended, and nobody has told us yet
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    async def _end(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        said = await reader.readline()
        writer.close()
        self.returncode = int(said)
        return self.returncode


def prepare() -> None:
    """Now, and not while something is measured."""
    if CAN_PREPARE:
        _ready(os.getpid())


async def fork(
    module: str,
    words: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    streams: tuple[int, int, int],
) -> Prepared:
    """``python -m MODULE WORDS`` in a folder, with these three streams."""
    talk = _asked(module, words, folder, environment, streams)
    talk.setblocking(False)
    reader, writer = await asyncio.open_unix_connection(sock=talk)
    pid = int(await reader.readline())
    remember(pid)
    return Prepared(pid, reader, writer)


class Forked:
    """The same for those who have no loop; as much of a Popen as they want."""

    def __init__(
        self,
        module: str,
        words: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        streams: tuple[int, int, int],
    ) -> None:
        self._talk = _asked(module, words, folder, environment, streams)
        self._said = self._talk.makefile("rb")
        self.pid = int(self._said.readline())
        remember(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code.

        Raises:
            TimeoutError: it still runs after so many seconds.
        """
        if not select.select([self._talk], [], [], timeout)[0]:
            raise TimeoutError
        with self._talk, self._said:
            return int(self._said.readline())

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)


def _asked(
    module: str,
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    streams: tuple[int, int, int],
) -> socket.socket:
    """Where the prepared process answers: a line with the command's number, one with its end."""
    talk = socket.socket(socket.AF_UNIX)
    talk.connect(_ready(os.getpid()))
    asked = {
        "module": module, "words": words, "folder": str(folder), "environment": dict(environment),
    }  # fmt: skip
    written = json.dumps(asked).encode()
    socket.send_fds(talk, [len(written).to_bytes(4, "big")], streams)
    talk.sendall(written)
    return talk


@functools.cache
def _ready(pid: int) -> str:
    """The address of this process's own; a child that was forked makes another."""
    folder = tempfile.mkdtemp(prefix=f"prepared-{pid}-", dir=PLACE)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("IMPORTER_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.preparing", folder],
        stdin=subprocess.PIPE,  # it ends when we do
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=environment | {"PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)},
        start_new_session=True,  # a Ctrl-C that is meant for the tests ends them, not it
    )
    atexit.register(_end, process)
    assert process.stdout is not None
    with process.stdout as said:
        assert said.readline() == READY
    return f"{folder}/socket"


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.wait()
