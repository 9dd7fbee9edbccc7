"""``python -m tests.preparing FOLDER``: loads what a command loads, and forks into commands.

Listens at FOLDER/socket. Each connection asks for one command and is told its number, and how it
ended. Goes away, with its folder, when its stdin ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any

READY = b"ready\n"

#: what commands load, sooner or later
LOADED = (
    "importer.cli.run", "importer.cli.gallery", "importer.cli.demo", "importer.run", "importer.report", "importer.progress.bars",
    "tests.crash.failpoints", "uvloop",
    "pydantic.type_adapter",  # by typer, as soon as an option has a value
)  # fmt: skip


def main() -> None:
    folder = Path(sys.argv[1])
    for name in LOADED:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a child that is hit early ends without a word
    asked = _serve(folder)
    if asked is not None:
        _become(asked)


def _serve(folder: Path) -> dict[str, Any] | None:
    """Returns None at the end, and in each child what it is to become."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(folder / "socket"))
    listening.listen(64)
    waiting = selectors.DefaultSelector()
    waiting.register(listening, selectors.EVENT_READ)
    waiting.register(sys.stdin.fileno(), selectors.EVENT_READ)
    os.write(1, READY)
    while True:
        for key, _ in waiting.select():
            if key.fileobj is listening:
                talk, _ = listening.accept()
                asked, streams = _read(talk)
                child = os.fork()
                if not child:
                    os.setpgid(0, 0)  # so that it can be ended with its children
                    _take(streams)
                    _close(waiting, listening, talk)
                    return asked
                for stream in streams:
                    os.close(stream)
                talk.sendall(b"%d\n" % child)
                waiting.register(os.pidfd_open(child), selectors.EVENT_READ, (child, talk))
            elif key.data is None:
                shutil.rmtree(folder, ignore_errors=True)
                return None
            else:
                child, talk = key.data
                _, status = os.waitpid(child, 0)
                waiting.unregister(key.fd)
                os.close(key.fd)
                with contextlib.suppress(OSError), talk:
                    talk.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _take(streams: list[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)


def _close(waiting: selectors.BaseSelector, *ours: socket.socket) -> None:
    """What belongs to the one that forked; a command has no use for it."""
    others = [key for key in waiting.get_map().values() if key.data is not None]
    waiting.close()
    for key in others:
        os.close(key.fd)
        key.data[1].close()
    for one in ours:
        one.close()


def _read(talk: socket.socket) -> tuple[dict[str, Any], list[int]]:
    head, streams, _, _ = socket.recv_fds(talk, 4, 3)
    with talk.makefile("rb") as file:
        asked: dict[str, Any] = json.loads(file.read(int.from_bytes(head, "big")))
    return asked, streams


def _become(asked: dict[str, Any]) -> None:
    """As if Python had been started so."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.__stdout__ = _writer(1)
    sys.stderr = sys.__stderr__ = _writer(2)
    sys.argv[:] = ["-m", *asked["words"]]
    sys.path[0] = asked["folder"]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)


def _writer(number: int) -> Any:
    errors = "backslashreplace" if number == 2 else "strict"
    return open(
        number, "w", encoding="utf-8", errors=errors, closefd=False,
        buffering=1 if number == 2 or os.isatty(number) else -1,
    )  # fmt: skip


if __name__ == "__main__":
    main()
