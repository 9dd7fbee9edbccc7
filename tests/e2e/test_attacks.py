"""Answers as attacks, on the real command: memory stays flat, nothing runs, nothing is scrambled."""

from __future__ import annotations

import csv
import gzip
import json
import statistics
import sys
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.conftest import Archive
from tests.e2e.conftest import TOKEN, Command
from tests.swift import Asked, Link, Swift

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="memory is asked the POSIX way")

ROWS = 40
MAY_TAKE = 2_000_000  # bytes more than a run that nobody disturbs


def said(status: int, body: bytes = b"{}", *headers: bytes, reason: bytes = b"Said") -> bytes:
    lines = [b"HTTP/1.1 %d %s" % (status, reason), b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def always(answer: bytes) -> Callable[[Link, Asked], None]:
    """The same answer to each request; 422 ones would stop a run in which nothing ever works."""

    def script(link: Link, asked: Asked) -> None:
        link.say(answer if asked.name != "p00000.jpg" else said(200))

    return script


def for_ever(head: bytes, piece: bytes) -> Callable[[Link, Asked], None]:
    """An answer without an end: more of it whenever there is room."""

    def more(link: Link) -> None:
        if not link.transport.is_closing():
            if link.transport.get_write_buffer_size() < 1 << 20:
                link.say(piece)
            link.loop.call_later(0.001, more, link)

    def script(link: Link, asked: Asked) -> None:
        link.say(head)
        more(link)

    return script


def to_every_third(script: Callable[[Link, Asked], None]) -> Callable[[Link, Asked], None]:
    """The others get what they should, or the breaker would take it for an outage and wait."""

    def mixed(link: Link, asked: Asked) -> None:
        if int(asked.name[1:-4]) % 3 == 1:
            script(link, asked)
        else:
            link.say(said(200))

    return mixed


def run(archive: Archive, command: Command, gallery: Swift, *words: str) -> tuple[int, int, str]:
    """A whole run; gives its exit code, its peak of memory in bytes, and what it said."""
    for path in archive.folder.glob("archive.results*"):
        path.unlink()
    log = archive.folder / "said"
    with log.open("w", encoding="utf-8") as output:
        used = command.measured(
            "run", archive.manifest, "--endpoint", gallery.endpoint, "-c", "2", "--timeout", "2",
            "-vv", *words, stdout=output, stderr=output,
        )  # fmt: skip
    return used.exit_code, used.peak, log.read_text(encoding="utf-8")


# ---------------------------------------------------------------- memory

ZEROS = bytes(100_000_000)
NESTED = b'{"error":' + b'{"a":' * 200_000
BOMBS: dict[str, tuple[Callable[[Link, Asked], None], str]] = {
    "gzip bomb": (always(said(200, gzip.compress(ZEROS, 9), b"Content-Encoding: gzip")),
                  "uploaded"),
    "gzip bomb that names no coding": (always(said(200, gzip.compress(ZEROS, 9))), "uploaded"),
    "bomb in a bomb": (always(said(200, gzip.compress(gzip.compress(ZEROS, 9), 9),
                                   b"Content-Encoding: gzip, gzip")), "uploaded"),
    "deflate bomb": (always(said(200, zlib.compress(ZEROS, 9), b"Content-Encoding: deflate")),
                     "uploaded"),
    "endless chunks": (for_ever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                                b"4000\r\n" + b"x" * 0x4000 + b"\r\n"), "uploaded"),
    "endless body": (for_ever(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
                              b"x" * 0x4000), "uploaded"),
    "endless header": (for_ever(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 0x4000), "unknown"),
    "endless headers": (for_ever(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 2_000), "unknown"),
    "header bomb of 500": (always(said(200, b"{}", *[b"X-%d: y" % n for n in range(500)])),
                           "unknown"),
    "a megabyte of nesting": (always(said(200, NESTED)), "uploaded"),
    "a wide JSON": (always(said(200, b'{"a": [' + b"{}," * 20_000 + b"{}]}")), "uploaded"),
    "a megabyte of text": (always(said(422, b"no " * 350_000)), "failed"),
}  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> int:
    """The peak of memory of the same runs, when the gallery answers as one does."""
    folder = tmp_path_factory.mktemp("undisturbed")
    archive = Archive(folder)
    archive.fill(ROWS)
    with Swift(always(said(200))) as gallery:
        peaks = [run(archive, Command(folder), gallery)[1] for _ in range(3)]
    return int(statistics.median(peaks))


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_answer_takes_memory(
    bomb: str, archive: Archive, command: Command, undisturbed: int
) -> None:
    """2 MB more than an undisturbed run at most, though each row gets such an answer."""
    script, status = BOMBS[bomb]
    archive.fill(ROWS)
    peaks: list[int] = []
    if status == "unknown":
        script = to_every_third(script)
    with Swift(script) as gallery:
        while len(peaks) < 5:
            code, peak, _ = run(archive, command, gallery)
            peaks.append(peak)
            if statistics.median(peaks) <= undisturbed + MAY_TAKE:
                break
    assert code in (0, 1, 4)
    assert {row["import_status"] for row in archive.read_results()[1::3]} == {status}
    assert statistics.median(peaks) - undisturbed <= MAY_TAKE


# ---------------------------------------------------------------- what a person and a file see

EVIL = (
    "\x1b[2J\x1b]0;pwned\x07\x1b[31m\x9b1m red \r\n\r\nfake,row,\"quoted\n\t\x08\x00\x7f "
    "<script>alert(1)</script><img src=x onerror=alert(2)>\u202etxt.exe\u2028\u2029\u2066"
)  # fmt: skip
ECHO = f"{quote(TOKEN, safe='')} {TOKEN}"
TEXTS: dict[str, bytes] = {
    "in the body": said(422, EVIL.encode()),
    "in Latin-1": said(422, EVIL.encode("latin-1", "ignore")),
    "in a named error": said(200, json.dumps({"error": {"message": EVIL}}).encode()),
    "in gzip": said(422, gzip.compress(EVIL.encode()), b"Content-Encoding: gzip"),
    "in the reason": said(422, b"{}", reason=b"\x1b[2J\x9b31m\x07 <script>alert(1)</script>"),
    "in header fields": said(503, b"{}", b"Retry-After: \x1b[2J", b"Date: \x1b[2J\x07",
                             b"Content-Type: \x1b[31m"),
    "in a redirect": said(302, b"{}", b"Location: http://\x1b[2J<script>alert(1)</script>/"),
    "in a redirect's host": said(302, b"{}", b"Location: http://%1b%5b2J%0d%0a.example/"),
    "the token in a redirect's host": said(302, b"{}", b"Location: http://"
                                           + quote(TOKEN, safe="").encode() + b".example/"),
    "the token in the body": said(422, ECHO.encode()),
    "the token in gzip": said(422, gzip.compress(ECHO.encode()), b"Content-Encoding: gzip"),
    "formula": said(422, b"=cmd|'/C calc'!A0"),
    "formula behind blanks": said(422, b"\r\n\t @SUM(1+1)"),
    "formula in gzip": said(422, gzip.compress(b"-2+3+cmd|' /C calc'!A0")),
}  # fmt: skip


def is_clean(text: str) -> bool:
    """Nothing that a terminal would act on."""
    return all(sign.isprintable() for sign in text)


@pytest.mark.parametrize("case", TEXTS)
def test_no_answer_writes_to_the_terminal_or_the_files_as_it_likes(
    case: str, archive: Archive, command: Command
) -> None:
    """One line a row, no control character, no formula, no markup, no token; JSON stays JSON."""
    archive.fill(6)
    parts: list[str] = []

    def script(link: Link, asked: Asked) -> None:
        if asked.name == "p00005.jpg":  # .part is gone when the run has ended
            link.loop.call_later(0.1, last, link)
        else:
            always(TEXTS[case])(link, asked)

    def last(link: Link) -> None:
        parts.append(part.read_bytes().decode() if part.exists() else "")
        link.say(said(200))

    part = archive.folder / "archive.results.csv.part"
    for words in ((), ("--json", "--log-file", str(archive.folder / "run.log"))):
        with Swift(script) as gallery:
            code, _, output = run(archive, command, gallery, "--retries", "1", *words)
        assert code in (1, 3)
        if words:
            events = [json.loads(line) for line in output.splitlines() if line[:1] == "{"]
            assert events[-1]["event"] == "summary"
            assert all(is_clean(line) for line in output.split("\n"))
        else:
            assert all(is_clean(line) for line in output.split("\n"))
        assert_files_are_clean(archive, [*parts, output])


def assert_files_are_clean(archive: Archive, texts: list[str]) -> None:
    results = archive.results.read_bytes().decode()
    tables = [results, *(text for text in texts if text.startswith("source,"))]
    for table in tables:
        lines = table.split("\r\n")
        assert all(sign.isprintable() for line in lines for sign in line)
        assert len(list(csv.reader(lines[:-1]))) == len(lines) - 1
    assert len(results.split("\r\n")) == 1 + 6 + 1
    for row in archive.read_results():
        for column in ("import_message", "import_answer"):
            assert not row[column].startswith(("=", "+", "-", "@", "\t"))
    report = archive.results.with_suffix(".html").read_text(encoding="utf-8")
    assert "<script>alert" not in report
    assert "<img src=x" not in report
    assert all(sign.isprintable() or sign == "\n" for sign in report)
    for path in archive.folder.iterdir():
        if path.is_file():
            texts.append(path.read_bytes().decode("latin-1"))
    for form in (TOKEN, quote(TOKEN, safe=""), quote(TOKEN, safe="").lower()):
        assert not any(form in text for text in texts)
