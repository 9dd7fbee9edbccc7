"""Public corpora through everything: reader, validation, address, journal, results, and back."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from importer.destination.event_gallery import EventGallery
from importer.job import open_for_reading
from importer.manifest.formats import open_manifest
from importer.model import Picture
from importer.settings import Reading
from tests.shell.runs import TOKEN, run
from tests.tables import FORMS
from tests.wire import Wire

CORPORA = Path(__file__).parent.parent / "corpora"
SPECTRUM = sorted((CORPORA / "csv-spectrum" / "csvs").glob("*.csv"))
NAUGHTY = json.loads((CORPORA / "blns" / "blns.json").read_text(encoding="utf-8"))
#: where a file of the corpus and its JSON contradict each other
MISPRINTS = {"location_coordinates": {"1234567890": "2095257564"}}
WIDE = 40  # texts in one row


def table_of(path: Path) -> list[list[str]]:
    """What csv-spectrum says that a file of its holds."""
    text = (path.parent.parent / "json" / f"{path.stem}.json").read_text(encoding="utf-8")
    for there, meant in MISPRINTS.get(path.stem, {}).items():
        assert there in text
        text = text.replace(there, meant)
    objects = json.loads(text)
    objects = objects if isinstance(objects, list) else [objects]
    return [list(objects[0]), *([*one.values()] for one in objects)]


@pytest.mark.parametrize("path", SPECTRUM, ids=lambda path: path.stem)
def test_csv_spectrum_is_read_as_it_is_meant(path):
    manifest = open_manifest(path, Reading())
    found = [list(manifest.header), *(list(row.cells) for row in manifest.rows())]
    assert found == [[cell.replace("\r\n", "\n") for cell in row] for row in table_of(path)] or (
        found == table_of(path)
    )


@pytest.mark.anyio
async def test_csv_spectrum_comes_back_in_the_results(archive):
    """Beside a column with a picture, and of all files in one."""
    tables = [table_of(path) for path in SPECTRUM]
    cells = [cell for table in tables for row in table for cell in row]
    await there_and_back(archive, cells, ".csv")


@pytest.mark.anyio
@pytest.mark.parametrize("form", [".csv", ".jsonl", ".xlsx", ".parquet"])
async def test_naughty_strings_come_back_in_the_results(archive, form):
    await there_and_back(archive, NAUGHTY, form)


async def there_and_back(archive, cells, form):
    """In columns of the user's own, many beside each other; the results are run again."""
    (name,) = archive.pictures(1)
    manifest = archive.folder / f"archive{form}"
    header = ["source", "collection", "date", "tag", *(f"mine {n}" for n in range(WIDE))]
    padded = [*cells, *[""] * (-len(cells) % WIDE)]
    rows = [
        [name, "Fair", "2018-02-22", f"t{start}", *padded[start : start + WIDE]]
        for start in range(0, len(padded), WIDE)
    ]
    FORMS[form](manifest, [header, *rows])
    async with Wire() as wire:
        summary = await run(archive, wire, manifest=manifest)
        assert (summary.exit_code, summary.requests) == (0, len(rows))
        again = await run(archive, wire, manifest=archive.results)
    assert (again.exit_code, again.requests) == (0, 0)
    drawn = open_manifest(archive.results, Reading())
    assert [list(row.cells)[: len(header)] for row in drawn.rows()] == rows


def test_naughty_names_and_tags_are_sent_as_they_are_or_refused(tmp_path):
    """What the validator takes arrives whole in the address; what it refuses, it says why."""
    path = tmp_path / "m.csv"
    header = ["source", "collection", "date", "tag", "name"]
    FORMS[".csv"](
        path, [header, *(["a.jpg", "Fair", "2018-02-22", cell, cell] for cell in NAUGHTY)]
    )
    opened = open_for_reading(path, Reading(), origin="")
    gallery = EventGallery("https://gallery.example/upload", encode="raw", content_type="")
    sent = refused = 0
    for row, cell in zip(opened.manifest.rows(), NAUGHTY, strict=True):
        judged = opened.judging.judge(row)
        if not isinstance(judged, Picture):
            assert all(problem.what and problem.fix for problem in judged.problems)
            refused += 1
            continue
        assert judged.row.cells[3] == cell
        assert judged.tag in (cell, cell.strip())
        url = gallery.request(judged, media_type="image/jpeg", token=TOKEN).url
        given = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True))
        assert (given.get("tag", ""), given["name"]) == (judged.tag, judged.name)
        assert url.isascii()
        sent += 1
    assert sent + refused == len(NAUGHTY)
    assert sent > 200
