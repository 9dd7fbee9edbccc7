"""Bare threads that read, hash and send: ``python -m benchmarks.threads MANIFEST URL``.

What Python, its interpreter lock and two cores allow whoever keeps checksums: no loop, no journal,
no retries, no results, no progress.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import socket
import ssl
import threading
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

THREADS = 4
BLOCK = 256 * 1024  # bytes that are read, hashed and sent at once


def upload(paths: Iterator[str], url: SplitResult, tls: ssl.SSLContext | None) -> None:
    """Take one path after the other, and send them all over one connection.

    Raises:
        OSError: it broke, or an answer was no 200.
    """
    line: socket.socket = socket.create_connection((url.hostname, url.port))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is not None:
        line = tls.wrap_socket(line, server_hostname=url.hostname)
    room = memoryview(bytearray(BLOCK))
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        left = os.fstat(descriptor).st_size
        name = quote(os.path.basename(path))  # noqa: PTH119
        head = f"POST {url.path}?token=T&name={name} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        line.sendall(f"{head}Content-Type: image/jpeg\r\nContent-Length: {left}\r\n\r\n".encode())
        digest = hashlib.sha256()
        while left:
            got = os.readv(descriptor, [room])
            digest.update(room[:got])
            line.sendall(room[:got])
            left -= got
        os.close(descriptor)
        digest.digest()
        if not line.recv(4096).startswith(b"HTTP/1.1 200"):
            raise ConnectionError("no 200")


class Shared:
    """An iterator that several threads take from."""

    def __init__(self, paths: Iterator[str]) -> None:
        self._paths = paths
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        with self._lock:
            return next(self._paths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest")
    parser.add_argument("endpoint")
    parser.add_argument("--ca-file")
    args = parser.parse_args()
    tls = ssl.create_default_context(cafile=args.ca_file) if args.ca_file else None
    with open(args.manifest, newline="") as file:  # noqa: PTH123
        paths = Shared(row["source"] for row in csv.DictReader(file))
        threads = [
            threading.Thread(target=upload, args=(paths, urlsplit(args.endpoint), tls))
            for _ in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
