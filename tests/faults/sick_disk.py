"""A disk that really fails: a small file system of our own (FUSE), whose reads answer as they are told.

The kernel hands each call to a thread of the test, and the answer comes back to the importer as any
disk's would. Linux, and root; elsewhere the tests that want it are skipped.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

# linux/fuse.h: what a request is, and what an answer must look like
UNANSWERED = (2, 36, 42)  # FORGET, INTERRUPT, BATCH_FORGET
HEADER = struct.Struct("<IIQQIIII")
ROOT = 1
DIRECT_IO = 1  # no cache between us and who reads
LARGEST = 1 << 20  # of one request

#: asked before a file is opened or read, with its name and the read's first byte (-1: it is opened);
#: gives the error's number, or 0
Sickness: TypeAlias = Callable[[str, int], int]


class SickDisk:
    """Shows the files of a folder in another one."""

    def __init__(self, source: Path, sickness: Sickness) -> None:
        self._files = sorted(path for path in source.iterdir() if path.is_file())
        self._sickness = sickness

    def serve(self, device: int) -> None:
        """Answer the kernel until the disk is unmounted."""
        while True:
            try:
                request = os.read(device, LARGEST + 4096)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                    continue
                return
            _, kind, unique, node, *_ = HEADER.unpack_from(request)
            if kind in UNANSWERED:
                continue
            number, answer = self._answer(kind, node, request[HEADER.size :])
            head = struct.pack("<IiQ", 16 + len(answer), -number, unique)
            with contextlib.suppress(OSError):  # whoever asked has gone
                os.write(device, head + answer)

    def _answer(self, kind: int, node: int, asked: bytes) -> tuple[int, bytes]:
        match kind:
            case 26:  # INIT
                # Version 7.31; nothing special is wanted, and little is read ahead.
                return 0, struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, 0, 8, 6, LARGEST, 1, 256, 0, 0)
            case 1:  # LOOKUP
                name = os.fsdecode(asked.rstrip(b"\0"))
                for place, path in enumerate(self._files):
                    if path.name == name:
                        number = ROOT + 1 + place
                        return 0, struct.pack("<QQQQII", number, 0, 0, 0, 0, 0) + self._look(number)
                return errno.ENOENT, b""
            case 3:  # GETATTR
                return 0, struct.pack("<QII", 0, 0, 0) + self._look(node)
            case 14:  # OPEN
                sick = self._sickness(self._path(node).name, -1)
                return sick, b"" if sick else struct.pack("<QII", 0, DIRECT_IO, 0)
            case 15:  # READ
                place, size = struct.unpack_from("<QI", asked, 8)
                sick = self._sickness(self._path(node).name, place)
                if sick:
                    return sick, b""
                with self._path(node).open("rb") as file:
                    file.seek(place)
                    return 0, file.read(size)
            case 18 | 25:  # RELEASE, FLUSH
                return 0, b""
        return errno.ENOSYS, b""

    def _path(self, node: int) -> Path:
        return self._files[node - ROOT - 1]

    def _look(self, node: int) -> bytes:
        """A node's attributes."""
        if node == ROOT:
            size, mode, when = 0, stat.S_IFDIR | 0o755, 0
        else:
            found = self._path(node).stat()
            size, mode, when = found.st_size, stat.S_IFREG | 0o644, int(found.st_mtime)
        blocks = -(-size // 512)
        return struct.pack(
            "<QQQQQQIIIIIIIIII",
            node, size, blocks, when, when, when, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0,
        )  # fmt: skip


@contextmanager
def sick_disk(source: Path, at: Path, sickness: Sickness) -> Iterator[None]:
    """Mount it while the block runs."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError:
        pytest.skip("there is no FUSE here")
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    if libc.mount(b"sick", os.fsencode(at), b"fuse", 6, options.encode()):
        os.close(device)
        pytest.skip("file systems can't be mounted here")
    thread = threading.Thread(target=SickDisk(source, sickness).serve, args=(device,))
    thread.start()
    try:
        yield
    finally:
        libc.umount2(os.fsencode(at), 2)  # MNT_DETACH
        thread.join(10)
        os.close(device)
