"""Spoilt manifests of every form, made by a seed: each is read, or refused with one sentence.

    python -m tests.fuzz.readers --minutes 60
    python -m tests.fuzz.readers --seed 17 --cases 1

Rows in are states out: each row of a file that is read is judged, and as many rows come out as the
survey counted. Nothing but an ImporterError may be raised. A case is told by its number, which is also
in ``importer-fuzz-case.txt`` of the folder for temporary files, should the process itself die.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import sys
import tempfile
import time
import traceback
import zipfile
import zlib
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

from importer.errors import ImporterError
from importer.job import open_for_reading
from importer.ledger.snapshot import look_at_bytes
from importer.manifest.protocol import Seekable
from importer.settings import Reading
from tests.tables import FORMS

CORPORA = Path(__file__).parent.parent / "corpora"
ANY = {"collection": "Fair", "date": "2018-02-22"}
HEADER = ["source", "collection", "date", "tag", "mine"]
WORDS = [
    "a.jpg", "Fair", "2018-02-22", "", " ", "ü 写真", '"', '""', "a\nb", "a\r\nb", ",;|\t", "=1+1", "00123",
    "https://x.example/a.jpg?sig=1", "\ufeff", "\u2028", "x" * 300, "{", "[1]", "null", "sep=;", "😀", "PK\x03\x04",
]  # fmt: skip
PIECES = [
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\r", b"\n", b'"', b",", b";", b"{", b"}", b"[[[[", b"\\u0000",
    b"\\ud800", b"NaN", b"1e999", b"<", b"&#0;", b"&lol;", b"]]>", b'r="XFD1048576"', b' t="e"', b' t="s"',
    b'table:number-columns-repeated="99999"', b'table:number-rows-repeated="9999999"', b"-1", b"99999999999999999999",
    b"\xc0\xaf", b"\xed\xa0\x80", b"\xe9", b"PAR1", b"PK\x05\x06",
]  # fmt: skip
ENCODINGS = [*[""] * 24, "cp1252", "utf-16-le", "mac-roman", "utf-8", "shift_jis", "utf-32"]


def seeds(folder: Path) -> dict[str, bytes]:
    """Whole files of each form, from which the spoilt ones are made."""
    chance = Random(0)
    rows = [[chance.choice(WORDS) for _ in HEADER] for _ in range(30)]
    texts = [[cell.replace("PK\x03\x04", "PK") for cell in row] for row in rows]
    found = {}
    for form, write in FORMS.items():
        path = folder / f"seed{form}"
        write(path, [HEADER, *texts])
        found[form] = path.read_bytes()
    found[".xls"] = (CORPORA / "excel-97.xls").read_bytes()
    found["utf-16.csv"] = found[".csv"].decode().encode("utf-16")
    found["cp1252.csv"] = found[".csv"].decode().encode("cp1252", "replace")
    for path in (CORPORA / "csv-spectrum" / "csvs").glob("*.csv"):
        found[path.name] = path.read_bytes().replace(b"a,b", b"source,collection,date,a,b", 1)
    return found


def spoilt(content: bytes, chance: Random) -> bytes:
    """Some bytes of it are others, gone, new or there twice."""
    text = bytearray(content)
    for _ in range(chance.choice([0, 1, 1, 1, 2, 8])):
        place, other = chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)
        some = slice(
            min(place, other),
            min(max(place, other), min(place, other) + chance.choice([1, 4, 64, 4096])),
        )
        match chance.randrange(6):
            case 0:
                text[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                text[place:place] = chance.choice(PIECES) * chance.choice([1, 1, 1, 2, 100])
            case 2:
                del text[some]
            case 3:
                text[place:place] = text[some]
            case 4 if chance.random() < 0.3:
                del text[place:]
            case _:
                word = chance.choice(WORDS).encode()
                text[place : place + len(word)] = word
        if not text:
            text += b" "
    return bytes(text)


def repacked(content: bytes, chance: Random) -> bytes:
    """A zip archive whose part is spoilt, with sums that are right: it is opened, and read."""
    found = io.BytesIO()
    try:
        with (
            zipfile.ZipFile(io.BytesIO(content)) as archive,
            zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as made,
        ):
            names = archive.namelist()
            chosen = {
                chance.choice(names),
                "xl/worksheets/sheet1.xml" if chance.random() < 0.5 else "content.xml",
            }
            for name in names:
                part = archive.read(name)
                made.writestr(name, spoilt(part, chance) if name in chosen else part)
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError):
        return content
    return found.getvalue()


def case(number: int, whole: dict[str, bytes]) -> tuple[str, bytes, Reading]:
    """The file and the settings of a case."""
    chance = Random(number)
    form = chance.choice(list(whole))
    content = whole[form]
    if form.endswith(".gz") and chance.random() < 0.7:
        content = gzip.compress(spoilt(gzip.decompress(content), chance), 1)
    elif form in (".xlsx", ".ods") and chance.random() < 0.8:
        content = repacked(content, chance)
    else:
        content = spoilt(content, chance)
    reading = Reading(
        ANY,
        encoding=chance.choice(ENCODINGS),
        delimiter=chance.choice([*[""] * 12, ";", "tab"]),
        sheet=chance.choice([*[""] * 12, "Pictures"]),
    )
    return form, content, reading


def look(path: Path, reading: Reading) -> str:
    """Read a file as a run does; gives what became of it, a word.

    Raises:
        AssertionError: rows were lost.
    """
    try:
        opened = open_for_reading(path, reading, origin="")
        manifest = opened.manifest
        survey = manifest.survey()
        rows = list(manifest.rows())
    except ImporterError as error:
        assert error.what
        assert "\n" not in str(error)
        return "refused"
    assert len(rows) == survey.rows, "rows were lost between two readings"
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines)), "lines don't ascend"
    judged = [opened.judging.judge(row) for row in rows]
    assert len(judged) == len(rows)
    for row, one in zip(rows, judged, strict=True):
        assert one.line == row.line
        if len(row.cells) == len(manifest.header) and not opened.columns.recorded:
            assert list(one.row.cells) == list(row.cells), "cells were changed"
        "\x1f".join(row.cells).encode()  # can be written
    marks = look_at_bytes(path).landmarks
    if rows and marks and isinstance(manifest, Seekable) and manifest.can_seek:
        middle = len(rows) // 2
        assert list(manifest.rows_from(rows[middle].line, marks)) == rows[middle:]
        with manifest.finder(marks) as finder:
            assert finder.row(rows[-1].line) == rows[-1]
    return "read" if rows else "empty"


def try_case(number: int, whole: dict[str, bytes], folder: Path) -> tuple[str, str]:
    """One case; gives its form and what became of it: a traceback where it shouldn't have."""
    form, content, reading = case(number, whole)
    path = folder / "case.dat"
    path.write_bytes(content)
    try:
        return form, look(path, reading)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 (a panic of a library is no Exception)
        return form, traceback.format_exc()


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    options.add_argument("--minutes", type=float, default=0.0)
    options.add_argument("--cases", type=int, default=0)
    options.add_argument("--seed", type=int, default=1)
    args = options.parse_args()
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))  # what takes more is a defect
    until = time.monotonic() + args.minutes * 60 if args.minutes else float("inf")
    most = args.cases or (10**12 if args.minutes else 10_000)
    counts: Counter[str] = Counter()
    forms: Counter[str] = Counter()
    note = Path(tempfile.gettempdir()) / "importer-fuzz-case.txt"
    failed, longest = 0, (0.0, 0)
    with tempfile.TemporaryDirectory() as made, note.open("w") as said:
        folder = Path(made)
        whole = seeds(folder)
        for number in range(args.seed, args.seed + most):
            began = time.monotonic()
            if began > until:
                break
            os.pwrite(said.fileno(), f"{number:20}".encode(), 0) if hasattr(os, "pwrite") else None
            form, outcome = try_case(number, whole, folder)
            longest = max(longest, (time.monotonic() - began, number))
            if "\n" in outcome:
                failed += 1
                print(
                    f"case {number} ({form}) failed: --seed {number} --cases 1\n{outcome}",
                    flush=True,
                )
                outcome = "FAILED"
            counts[outcome] += 1
            forms[form] += 1
    note.unlink(missing_ok=True)
    print(
        f"{sum(counts.values()):,} cases: {dict(counts)}; longest {longest[0]:.2f} s (case {longest[1]})"
    )
    print(f"by form: {dict(forms)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
