"""libcurl's multi interface from Python: ``python -m benchmarks.multi MANIFEST URL``."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pycurl

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE_UP_TO = 1 << 20  # bytes; above it libcurl reads the file itself


class Transfer:
    """One handle, used again for each picture."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._start = f"{args.endpoint}?token=T&name="
        self.handle = pycurl.Curl()
        self.handle.transfer = self
        for option, value in (
            (pycurl.HTTPHEADER, ["Content-Type: image/jpeg", "Expect:"]),
            (pycurl.POST, 1),
            (pycurl.NOSIGNAL, 1),
        ):
            self.handle.setopt(option, value)
        if args.ca_file:
            self.handle.setopt(pycurl.CAINFO, args.ca_file)

    def begin(self, path: str) -> None:
        self.path, self.answer = path, io.BytesIO()
        self._file = open(path, "rb", buffering=0)  # noqa: PTH123, SIM115
        size = os.fstat(self._file.fileno()).st_size
        handle = self.handle
        handle.setopt(pycurl.URL, self._start + quote(os.path.basename(path)))  # noqa: PTH119
        handle.setopt(pycurl.WRITEFUNCTION, self.answer.write)
        handle.setopt(pycurl.POSTFIELDSIZE_LARGE, size)
        if size <= WHOLE_UP_TO:
            handle.setopt(pycurl.POSTFIELDS, self._file.read())
        else:
            handle.setopt(pycurl.READFUNCTION, self._file.read)

    def end(self, out: Any) -> None:
        self._file.close()
        status = self.handle.getinfo(pycurl.RESPONSE_CODE)
        out.writerow((self.path, status, json.loads(self.answer.getvalue())["id"]))


def upload(paths: Iterator[str], args: argparse.Namespace, out: Any) -> None:
    multi = pycurl.CurlMulti()
    multi.setopt(pycurl.M_MAXCONNECTS, args.concurrency)
    free = [Transfer(args) for _ in range(args.concurrency)]
    running = 0
    path = next(paths, None)
    while running or path is not None:
        while free and path is not None:
            transfer = free.pop()
            transfer.begin(path)
            multi.add_handle(transfer.handle)
            running += 1
            path = next(paths, None)
        while multi.perform()[0] == pycurl.E_CALL_MULTI_PERFORM:
            pass
        _, done, failed = multi.info_read(args.concurrency)
        if failed:
            raise SystemExit(failed[0][2])
        for handle in done:
            handle.transfer.end(out)
            multi.remove_handle(handle)
            free.append(handle.transfer)
            running -= 1
        if running and not done:
            multi.select(1.0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest")
    parser.add_argument("endpoint")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--out", default=os.devnull)
    parser.add_argument("--ca-file")
    arguments = parser.parse_args()
    with (
        open(arguments.manifest, newline="") as file,  # noqa: PTH123
        open(arguments.out, "w", newline="", buffering=1 << 16) as results,  # noqa: PTH123
    ):
        rows = csv.reader(file)
        next(rows)
        upload((row[0] for row in rows), arguments, csv.writer(results))
