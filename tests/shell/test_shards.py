"""A manifest is cut, its shards run apart, and their results are joined: each row once, in order."""

from __future__ import annotations

import codecs
import csv
from collections import Counter

import pytest

from importer.api import check_manifest, merge_results, split_manifest
from importer.errors import ManifestError, UsageError
from importer.manifest.columns import RESULT_COLUMNS
from importer.model import Status
from importer.settings import Reading
from importer.shards.names import LINE_COLUMN, missing_numbers, shard_name, stem_of
from tests.shell.runs import names, run
from tests.wire import Wire, answering

pytestmark = pytest.mark.anyio

FAIR = ("Summer Fair", "2017-07-15")


def cells_of(path, delimiter=","):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter, strict=True))


async def run_all(archive, wire, shards):
    for shard in shards:
        await run(archive, wire, manifest=shard.path)
    return [shard.path.with_name(f"{shard.path.stem}.results.csv") for shard in shards]


def test_every_row_is_in_one_shard_verbatim(archive):
    """Blank lines, quotes and cells too many: what stands there stands in exactly one shard."""
    rows = [[f"p{n}.jpg", *FAIR, f'"{n}", x\ty'] for n in range(10)]
    rows[3:3] = [["short.jpg"], ["long.jpg", *FAIR, "", "", "more"]]
    archive.write(rows, header=("source", "collection", "date", "remark"))
    cut = split_manifest(archive.manifest, rows=5)
    assert [(shard.path.name, shard.rows) for shard in cut.shards] == [
        ("archive.1-of-3.csv", 5), ("archive.2-of-3.csv", 5), ("archive.3-of-3.csv", 2),
    ]  # fmt: skip
    parts = [cells_of(shard.path) for shard in cut.shards]
    assert {tuple(part[0]) for part in parts} == {
        (LINE_COLUMN, "source", "collection", "date", "remark")
    }
    assert [row[1:] for part in parts for row in part[1:]] == rows
    assert [int(row[0]) for part in parts for row in part[1:]] == list(range(2, 14))


def test_a_copy_goes_where_the_first_one_is(archive):
    """Two jobs don't know of each other: the same row in both would be sent twice, silently."""
    files = archive.pictures(6)
    again = [(file, *FAIR) for file in (*files, files[0], files[5], files[1])]
    archive.write(again)
    cut = split_manifest(archive.manifest, shards=3)
    assert cut.moved == 3
    lines = [[row[0] for row in cells_of(shard.path)[1:]] for shard in cut.shards]
    assert lines == [["2", "3", "4", "8", "10"], ["5", "6", "7", "9"], []]
    assert check_manifest(cut.shards[0].path).duplicates == 2


async def test_shards_are_run_and_joined(archive):
    """What was uploaded, failed, invalid and never sent stands in the joined file, in order."""
    files = archive.pictures(12)
    rows = [(file, *FAIR, f"n{place}") for place, file in enumerate((*files, files[0]))]
    rows[4] = ("gone.jpg", *FAIR, "n4")
    rows[7] = (files[7], "Summer/Fair", "2017-07-15", "n7")
    archive.write(rows, header=("source", "collection", "date", "remark"))
    cut = split_manifest(archive.manifest, shards=4)
    async with Wire(answering()) as wire:
        parts = await run_all(archive, wire, cut.shards)
        joined = merge_results(parts)
        assert joined.path == archive.results
        found = archive.read_results()
        assert list(found[0]) == ["source", "collection", "date", "remark", *RESULT_COLUMNS]
        assert [tuple(row.values())[:4] for row in found] == rows
        assert [int(row["import_line"]) for row in found] == list(range(2, 15))
        assert Counter(row["import_status"] for row in found) == {
            "uploaded": 10, "failed": 1, "invalid": 1, "duplicate": 1,
        }  # fmt: skip
        assert joined.tally[Status.UPLOADED] == 10
        assert (joined.twice, joined.sent_twice) == (0, 0)
        sent = len(names(wire.receipts))
        # The joined file is a results file like any other: only what isn't there is sent.
        archive.pictures(12)
        (archive.folder / "gone.jpg").write_bytes((archive.folder / files[4]).read_bytes() + b"4")
        summary = await run(archive, wire, manifest=joined.path)
        assert (summary.sent, summary.exit_code) == (1, 1)
        assert len(names(wire.receipts)) == sent + 1


async def test_a_corrected_cell_stays_corrected(archive):
    """A shard's results file was edited and run: the joined file has the new cell."""
    archive.write([(file, *FAIR) for file in (*archive.pictures(3), "wrong.jpg")])
    cut = split_manifest(archive.manifest, shards=2)
    async with Wire(answering()) as wire:
        parts = await run_all(archive, wire, cut.shards)
        parts[1].write_text(
            parts[1].read_text("utf-8").replace("wrong", "pictures/p00000"), "utf-8"
        )
        await run(archive, wire, manifest=parts[1])
        joined = merge_results(parts)
    assert archive.read_results()[3]["source"] == "pictures/p00000.jpg"
    assert joined.tally[Status.UPLOADED] == 4


async def test_a_row_in_two_shards_is_said(archive):
    """Somebody ran one shard twice under two names: it may be there twice, and is marked."""
    archive.fill(3)
    (shard,) = split_manifest(archive.manifest, shards=1).shards
    other = shard.path.with_name("again.csv")
    other.write_bytes(shard.path.read_bytes())
    async with Wire(answering()) as wire:
        await run(archive, wire, manifest=shard.path)
        await run(archive, wire, manifest=other, send_again=True)
    parts = [archive.folder / f"{stem}.results.csv" for stem in (shard.path.stem, "again")]
    joined = merge_results(parts, out=archive.results)
    assert (joined.twice, joined.sent_twice) == (3, 3)
    assert {row["import_possible_duplicate"] for row in archive.read_results()} == {"yes"}


async def test_what_does_not_belong_together(archive, make_archive):
    """Each way to join the wrong files is refused with the next step, and nothing is written."""
    archive.fill(4)
    cut = split_manifest(archive.manifest, shards=2)
    async with Wire(answering()) as wire:
        parts = await run_all(archive, wire, cut.shards)
    with pytest.raises(UsageError, match="shard 2 is not among these 1 files"):
        merge_results(parts[:1])
    with pytest.raises(UsageError, match=r"archive.1-of-2.csv is no results file"):
        merge_results([cut.shards[0].path, parts[1]])
    turned = parts[0].read_text("utf-8").splitlines(keepends=True)
    parts[0].write_text("".join([turned[0], turned[2], turned[1]]), "utf-8")
    with pytest.raises(UsageError, match="column manifest_line: '2' comes behind 3"):
        merge_results(parts)
    parts[0].write_text("".join(turned).replace("source", "file"), "utf-8")
    with pytest.raises(
        UsageError, match=r"has other columns than .*: it has source and lacks file"
    ):
        merge_results(parts)
    with pytest.raises(UsageError, match=r"archive.1-of-2.results.csv is named twice"):
        merge_results([parts[0], parts[0].parent / "." / parts[0].name])
    assert not archive.results.exists()
    assert not list(archive.folder.glob("*.tmp"))
    parts[0].write_text("".join(turned), "utf-8")
    with pytest.raises(UsageError, match=r"all.xlsx would be a CSV file"):
        merge_results(parts, out=archive.folder / "all.xlsx")
    merge_results(parts)
    with pytest.raises(UsageError, match=r"archive.results.csv is there already"):
        merge_results(parts)
    assert merge_results(parts, replace=True).tally.rows == 4


async def test_columns_that_a_spreadsheet_saved_behind_the_last_one(archive):
    """Without a name and without cells they are nothing; what stands in one isn't lost silently."""
    archive.fill(4)
    cut = split_manifest(archive.manifest, shards=2)
    async with Wire(answering()) as wire:
        parts = await run_all(archive, wire, cut.shards)
    merge_results(parts)
    joined = archive.results.read_bytes()
    lines = parts[1].read_text("utf-8").splitlines()
    for wide, narrow in ((parts[1], parts[0]), (parts[1], parts[0])[::-1]):
        plain = wide.read_text("utf-8")
        wide.write_text("".join(f"{line},,,\n" for line in plain.splitlines()), "utf-8")
        merge_results([narrow, wide], replace=True)
        assert archive.results.read_bytes() == joined
        wide.write_text(plain, "utf-8")
    parts[1].write_text("\n".join([f"{lines[0]},,", f"{lines[1]},,again?", lines[2]]), "utf-8")
    with pytest.raises(ManifestError, match=r"csv:2: 'again\?' stands in a column without a name"):
        merge_results(parts, replace=True)
    assert archive.results.read_bytes() == joined
    parts[1].write_text("".join(f",,{line}\n" for line in lines), "utf-8")
    with pytest.raises(UsageError, match="it has 2 columns without a name;"):
        merge_results(parts, replace=True)


async def test_results_with_accents_keep_the_mark_by_which_excel_knows_utf_8(archive):
    """Of several files one may have it: the joined one holds that one's accents."""
    archive.fill(4)
    cut = split_manifest(archive.manifest, shards=2)
    async with Wire(answering()) as wire:
        parts = await run_all(archive, wire, cut.shards)
    for number in range(2):
        parts[number].write_text(
            parts[number].read_text("utf-8-sig"), ("utf-8", "utf-8-sig")[number]
        )
    assert merge_results(parts).path.read_bytes().startswith(codecs.BOM_UTF8)


def test_blank_cells_are_filled_before_they_are_parted_from_what_is_above(archive):
    """With ``fill_down``: a shard's first row has nothing above it."""
    rows = [(f"p{n}.jpg", *(FAIR if not n else ("", ""))) for n in range(4)]
    archive.write(rows)
    anything = {"source": "-", "collection": "-", "date": "-"}
    reading = Reading(defaults=anything, fill_down=True)
    cut = split_manifest(archive.manifest, shards=2, reading=reading)
    assert [row[1:] for row in cells_of(cut.shards[1].path)[1:]] == [
        ["p2.jpg", *FAIR], ["p3.jpg", *FAIR],
    ]  # fmt: skip


def test_shards_are_not_written_over(archive):
    """A second split is refused, and leaves the shards as they are."""
    archive.fill(2)
    (first, _) = split_manifest(archive.manifest, shards=2).shards
    before = first.path.read_bytes()
    archive.fill(4)
    with pytest.raises(UsageError, match=r"archive.1-of-2.csv is there already"):
        split_manifest(archive.manifest, shards=2)
    assert first.path.read_bytes() == before
    assert split_manifest(archive.manifest, shards=2, replace=True).rows == 4


async def test_a_shard_is_cut_once_more(archive):
    """Its parts joined are the shard's results, which are joined with the others'."""
    archive.fill(6)
    first, second = split_manifest(archive.manifest, shards=2).shards
    inner = split_manifest(first.path, shards=2).shards
    async with Wire(answering()) as wire:
        parts = await run_all(archive, wire, [*inner, second])
    half = merge_results(parts[:2])
    assert half.path.name == "archive.1-of-2.results.csv"
    whole = merge_results([half.path, parts[2]])
    assert whole.tally[Status.UPLOADED] == 6
    assert [row["import_line"] for row in archive.read_results()] == list("234567")


@pytest.mark.parametrize(
    ("given", "stem", "missing"),
    [
        (["a.1-of-2.results.csv", "a.2-of-2.results.csv"], "a", []),
        (["my.fair.03-of-10.results.csv"], "my.fair", [1, 2, 4, 5, 6, 7, 8, 9, 10]),
        (["a.1-of-2.results.csv", "b.2-of-2.results.csv"], "", []),
        (["a.results.csv"], "", []),
    ],
)
def test_names(given, stem, missing):
    """The names tell of the whole manifest, and of what isn't there."""
    assert stem_of(given) == stem
    assert missing_numbers(given) == missing


def test_names_sort_as_the_manifest_does():
    """By any file manager."""
    made = [shard_name("a", number, 12) for number in range(1, 13)]
    assert made == sorted(made)
