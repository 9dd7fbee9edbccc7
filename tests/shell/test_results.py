"""The results file: every row, verbatim, in its order, replaced in one step, and itself a manifest."""

from __future__ import annotations

import csv

import anyio
import pytest

from importer.errors import ImporterError
from importer.manifest.columns import RESULT_COLUMNS
from importer.secret import Token
from importer.transfer.pipeline import GROUP_ROWS, READY_ROWS
from importer.transfer.scribe import LINGER_S
from tests.shell.disks import fill_disk, small_disk
from tests.shell.runs import doctor, names, run, statuses
from tests.wire import Wire, answering

pytestmark = pytest.mark.anyio

FAIR = ("Summer Fair", "2017-07-15")
CELLS = [
    "plain", "", " ", "a,b", 'said "yes"', '"', "two\nlines", "two\r\nlines", "lone\rcr", "tab\there",
    "=1+1", "+49 30 1", "-5", "@name", "'quoted", "=HYPERLINK(\"http://x\")", "ü é 写真 🎉",
    "1,5", "0012", "1E+15", "TRUE", "\ufeff", "\u2028", "\x85", "a;b", "x" * 5_000,
]  # fmt: skip


def read(path, delimiter=","):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter, strict=True))


def write(path, rows, *, delimiter=",", encoding="utf-8", end="\r\n"):
    with path.open("w", encoding=encoding, newline="") as file:
        # Python's writer quotes a lone CR only where its own line end has one.
        quoting = csv.QUOTE_MINIMAL if "\r" in end else csv.QUOTE_ALL
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
        writer.writerows(rows)


def manifest_with(archive, cells):
    """A manifest whose foreign column holds these cells; their pictures are there."""
    rows = [["remark", "source", "collection", "date"]]
    rows += [
        [cell, name, *FAIR] for cell, name in zip(cells, archive.pictures(len(cells)), strict=True)
    ]
    return rows


# ---------------------------------------------------------------- verbatim


@pytest.mark.parametrize(
    ("delimiter", "encoding", "end"),
    [
        (",", "utf-8", "\r\n"),
        (",", "utf-8-sig", "\n"),
        (";", "utf-8-sig", "\r\n"),
        (";", "utf-8", "\n"),
        ("\t", "utf-8", "\n"),
        ("|", "utf-8", "\r\n"),
    ],
)
async def test_the_manifests_cells_stand_in_the_results_as_they_were(
    end, delimiter, encoding, archive
):
    """Commas, quotes, line breaks, formulas: what came from the manifest is never altered.

    The delimiter stays what it was, and so does the byte order mark.
    """
    rows = manifest_with(archive, CELLS)
    write(archive.manifest, rows, delimiter=delimiter, encoding=encoding, end=end)
    async with Wire() as wire:
        await run(archive, wire)

    drawn = read(archive.results, delimiter)
    assert drawn[0] == [*rows[0], *RESULT_COLUMNS]
    assert [row[: len(rows[0])] for row in drawn] == rows
    assert {row[len(rows[0])] for row in drawn[1:]} == {"uploaded"}
    assert archive.results.read_bytes().startswith(b"\xef\xbb\xbf") is (encoding == "utf-8-sig")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
async def test_results_of_a_utf_16_manifest_are_utf_8_with_a_mark(encoding, archive):
    """Excel's "Unicode text"."""
    rows = manifest_with(archive, ["ü", "写真"])
    write(archive.manifest, rows, delimiter="\t", encoding=encoding)
    if encoding != "utf-16":
        mark = "\ufeff".encode(encoding)
        archive.manifest.write_bytes(mark + archive.manifest.read_bytes())
    async with Wire() as wire:
        await run(archive, wire)
        again = await run(archive, wire, manifest=archive.results)
    assert [row[0] for row in read(archive.results, "\t")[1:]] == ["ü", "写真"]
    assert (again.requests, again.exit_code) == (0, 0)


async def test_empty_cells_behind_the_last_column_alter_no_cell(archive):
    """Excel's habit: ``a.jpg,Fair,2018-02-22,``. The date isn't ``2018-02-22,`` for that."""
    (one, other) = archive.pictures(2)
    archive.manifest.write_text(
        f"source,collection,date\n{one},Fair,2018-02-22,\n{other},Fair,2018-02-22,,,\n"
    )
    async with Wire(answering(422, b"no")) as wire:
        await run(archive, wire)
        assert [row["date"] for row in archive.read_results()] == ["2018-02-22"] * 2
        wire.script = None
        await run(archive, wire, manifest=archive.results)
    assert statuses(archive) == ["uploaded", "uploaded"]


async def test_of_a_misshapen_row_nothing_is_lost(archive):
    """Too many cells or too few: it is invalid, and all of its text is in the results."""
    (one,) = archive.pictures(1)
    archive.manifest.write_text(
        f"source,collection,date\n{one},Fair,2018-02-22\nx.jpg,Fair\ny.jpg,Fair,2018-02-22,more,text\n"
    )
    async with Wire() as wire:
        await run(archive, wire)
    assert statuses(archive) == ["uploaded", "invalid", "invalid"]
    text = archive.results.read_text()
    for part in ("x.jpg", "y.jpg", "more", "text"):
        assert part in text


async def test_a_token_with_quotes_in_it_is_masked_too(archive):
    """A CSV file doubles them."""
    value = 'tok"3n;never,seen'
    one, two = archive.pictures(2)
    rows = [("remark", "source", "collection", "date"), ("", one, *FAIR)]
    write(archive.manifest, [*rows, (f"see {value} ok", two, *FAIR)])
    async with Wire() as wire:
        await run(archive, wire, token=Token(value))
    assert statuses(archive) == ["uploaded", "invalid"]
    assert archive.read_results()[1]["remark"] == "see *** ok"
    assert "3n;never" not in archive.results.read_text()


async def test_blank_lines_are_no_rows(archive):
    """They are skipped, and the lines that are named are still those of the file."""
    one, other = archive.pictures(2)
    archive.manifest.write_text(
        f"\nsource,collection,date\n\n{one},Fair,2018-02-22\n\n\n{other},Fair,2018-02-22\n\n"
    )
    async with Wire() as wire:
        summary = await run(archive, wire)
        assert [row["import_line"] for row in archive.read_results()] == ["4", "7"]
        again = await run(archive, wire, manifest=archive.results)
    assert (summary.rows, again.requests) == (2, 0)
    assert [row["import_line"] for row in archive.read_results()] == ["2", "3"]


async def test_excels_own_first_line_is_understood(archive):
    """``sep=;``"""
    (one,) = archive.pictures(1)
    archive.manifest.write_text(f"sep=;\nsource;collection;date\n{one};Fair;2018-02-22\n")
    async with Wire() as wire:
        await run(archive, wire)
        again = await run(archive, wire, manifest=archive.results)
    assert read(archive.results, ";")[1][:4] == [one, "Fair", "2018-02-22", "uploaded"]
    assert again.requests == 0


# ---------------------------------------------------------------- our own columns


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
async def test_text_of_ours_never_runs_in_a_spreadsheet(text, archive):
    """The gallery's answer and our messages get a leading ``'`` where they look like a formula."""
    archive.fill(1)
    async with Wire(answering(422, text.encode())) as wire:
        await run(archive, wire)
    (row,) = archive.read_results()
    assert text.strip() in row["import_answer"]
    for name in RESULT_COLUMNS:
        assert row[name][:1] not in ("=", "+", "-", "@", "\t", "\r"), name


async def test_an_error_that_the_gallery_names_is_guarded_and_on_one_line(archive):
    """Also within a message; control characters and line ends are gone."""
    archive.fill(1)
    body = b'{"error": "=1+1\\r\\n\\u001b[31mred\\u0000,\\"quoted\\""}'
    async with Wire(answering(200, body)) as wire:
        await run(archive, wire)
    (row,) = archive.read_results()
    assert (row["import_status"], row["import_code"]) == ("failed", "rejected")
    for name in ("import_message", "import_answer"):
        assert row[name].isprintable(), name
        assert row[name][:1] != "="


async def test_the_recorded_columns_say_what_happened(archive):
    """Each one of behaviour.md, section 3."""
    archive.fill(1, size=1_234)
    async with Wire(answering(201, b'{"id": 7}')) as wire:
        await run(archive, wire)
    (row,) = archive.read_results()
    (receipt,) = wire.receipts
    assert list(row)[3:] == list(RESULT_COLUMNS)
    assert row["import_status"] == "uploaded"
    assert (row["import_code"], row["import_message"]) == ("", "")
    assert (row["import_http"], row["import_attempts"]) == ("201", "1")
    assert row["import_bytes"] == str(receipt.body_bytes)
    assert row["import_sha256"] == receipt.body_sha256
    assert 0 <= float(row["import_seconds"]) < 20
    assert row["import_at"].endswith("Z")
    assert row["import_possible_duplicate"] == ""
    assert row["import_answer"] == '{"id": 7}'
    assert (row["import_line"], row["import_run"]) == ("2", "1")
    assert len(bytes.fromhex(row["import_key"])) == 16


# ---------------------------------------------------------------- rows that no run got to


async def test_rows_that_were_never_read_are_pending(archive):
    """The run stopped at its first row: the other 999 are in the results all the same."""
    archive.write((archive.pictures(1)[0], f"Fair {n}", "2017-07-15") for n in range(1_000))
    async with Wire(answering(401, b"who are you")) as wire:
        summary = await run(archive, wire)
    assert len(wire.receipts) == 1
    assert statuses(archive) == ["pending"] * 1_000
    assert (summary.exit_code, summary.rows) == (3, 1_000)
    keys = {row["import_key"] for row in archive.read_results()}
    assert len(keys) == 1_000


async def test_a_repeated_row_that_was_not_read_is_counted_once_as_uploaded(archive):
    """Row 2 is uploaded, row 900 is the same row and no run has got to it: it isn't uploaded."""
    pictures = archive.pictures(2)
    rows = [(pictures[0], *FAIR)]
    rows += [(pictures[1], f"Fair {n}", "2017-07-15") for n in range(2_000)]
    rows += [(pictures[0], *FAIR)]
    archive.write(rows)

    async def script(exchange):
        await exchange.read()
        await exchange.answer(200 if exchange.receipt.number < 3 else 401)

    async with Wire(script) as wire:
        summary = await run(archive, wire)
    uploaded = sum(receipt.status == 200 for receipt in wire.receipts)
    assert statuses(archive).count("uploaded") == uploaded == summary.tally.counts["uploaded"]


async def test_a_repeated_row_of_an_edited_manifest_counts_once_too(archive):
    """Both of them were read by the run before, neither by this one, which stopped above them."""
    (one,) = archive.pictures(1)
    rows = [(one, f"Fair {n}", "2017-07-15") for n in range(2_000)]
    archive.write([*rows, rows[-1]])
    async with Wire() as wire:
        first = await run(archive, wire, concurrency=16)
        wire.script = answering(401, b"who are you")
        archive.write([(one, "New Fair", "2017-07-15"), *rows, rows[-1], rows[-1]])
        stopped = await run(archive, wire)
    assert (first.tally["uploaded"], first.tally["duplicate"]) == (2_000, 1)
    assert (stopped.exit_code, stopped.tally["uploaded"], stopped.tally["duplicate"]) == (
        3,
        2_000,
        2,
    )
    assert [row["import_message"][:38] for row in archive.read_results()[-3:]] == [
        "", *["the same row stands on line 2002, and "] * 2
    ]  # fmt: skip


# ---------------------------------------------------------------- in place


async def test_a_results_file_that_is_run_in_place_comes_out_the_same(archive):
    """Nothing to do: byte for byte what it was, as often as it is run."""
    rows = manifest_with(archive, CELLS)
    write(archive.manifest, rows)
    async with Wire() as wire:
        await run(archive, wire)
        before = archive.results.read_bytes()
        for _ in range(2):
            summary = await run(archive, wire, manifest=archive.results)
            assert archive.results.read_bytes() == before
            assert (summary.requests, summary.warnings) == (0, ())


def _columns_first(rows):
    width = len(rows[0]) - len(RESULT_COLUMNS)
    return [[*row[width:], *row[:width]] for row in rows]


def _two_columns_deleted(rows):
    gone = {rows[0].index("import_message"), rows[0].index("import_answer")}
    return [[cell for n, cell in enumerate(row) if n not in gone] for row in rows]


def _with_blank_lines(rows):
    return [rows[0], [], *rows[1:3], [], *rows[3:]]


REARRANGED = {
    "recorded columns first": _columns_first,
    "two of them deleted": _two_columns_deleted,
    "blank lines": _with_blank_lines,
}


@pytest.mark.parametrize("case", REARRANGED)
@pytest.mark.parametrize("was_cut_off", [False, True], ids=["", "after a crash"])
async def test_a_rearranged_results_file_loses_nothing(case, was_cut_off, archive):
    """A spreadsheet moved the columns; perhaps the run before was killed, too.

    The user's cells are all there afterwards, each row's outcome is its own, nothing goes twice.
    """
    rows = manifest_with(archive, [f"remark {n}" for n in range(6)])
    write(archive.manifest, rows)

    async def script(exchange):
        await exchange.read()
        await exchange.answer(422 if exchange.receipt.name == "p00003.jpg" else 200)

    async with Wire(script) as wire:
        await run(archive, wire)
        write(archive.results, REARRANGED[case](read(archive.results)))
        if was_cut_off:
            archive.results.with_name("archive.results.csv.part").touch()
        wire.script = None
        summary = await run(archive, wire, manifest=archive.results)
    drawn = {row["remark"]: row for row in archive.read_results()}
    assert [drawn[f"remark {n}"]["source"] for n in range(6)] == [row[1] for row in rows[1:]]
    assert statuses(archive) == ["uploaded"] * 6
    assert sorted(names(wire.receipts)) == sorted(
        [f"p{n:05d}.jpg" for n in range(6)] + ["p00003.jpg"]
    )
    assert summary.warnings == ()


# ---------------------------------------------------------------- edited while a run goes on


@pytest.mark.parametrize("where", ["manifest", "results"])
async def test_a_file_that_is_sorted_during_a_run_puts_no_outcome_on_another_row(where, archive):
    """Fault 83: a warning, and every outcome in the results stands on the row that it is of."""
    archive.fill(30)
    path = getattr(archive, where)

    async def script(exchange):
        await exchange.read()
        number = int(exchange.receipt.name[1:6])
        if exchange.receipt.number == 45:
            rows = read(path)
            write(path, [rows[0], *rows[:0:-1]])
        await exchange.answer(422 if number % 2 else 200)

    async with Wire(answering(422, b"no")) as wire:
        await run(archive, wire)
        wire.script = script
        summary = await run(archive, wire, manifest=path)
    assert any("changed during the run" in warning for warning in summary.warnings)
    found = {row["source"][-9:-4]: row["import_status"] for row in archive.read_results()}
    wanted = {f"{n:05d}": "failed" if n % 2 else "uploaded" for n in range(30)}
    assert found == wanted


async def test_no_row_is_lost_when_the_manifest_was_sorted_during_a_run(archive):
    """The next run, of the manifest or of its results, sends what is left and nothing else."""
    archive.fill(30)

    async def script(exchange):
        await exchange.read()
        if exchange.receipt.number == 15:
            rows = read(archive.manifest)
            write(archive.manifest, [rows[0], *rows[:0:-1]])
        await exchange.answer(401 if exchange.receipt.number > 15 else 200)

    async with Wire(script) as wire:
        await run(archive, wire)
        wire.script = None
        await run(archive, wire, manifest=archive.results)
    taken = [receipt.name for receipt in wire.receipts if receipt.status == 200]
    assert sorted(taken) == [f"p{n:05d}.jpg" for n in range(30)]
    assert statuses(archive) == ["uploaded"] * 30


# ---------------------------------------------------------------- ``.part``, and after a crash


async def test_outcomes_can_be_followed_while_a_run_goes_on(archive):
    """``<results>.part`` grows as outcomes become durable, and is gone at the end."""
    archive.fill(8)
    part = archive.results.with_name(archive.results.name + ".part")
    seen = []

    async def script(exchange):
        await exchange.read()
        with anyio.move_on_after(10):
            while len(read(part)) <= len(seen):
                await anyio.sleep(LINGER_S / 4)
        seen.append(read(part))
        await exchange.answer()

    async with Wire(script) as wire:
        await run(archive, wire, concurrency=1)
    assert seen[0] == [["source", "collection", "date", *RESULT_COLUMNS]]
    assert [len(rows) for rows in seen] == list(range(1, 9)), "each before the next answer came"
    assert {row[3] for row in seen[-1][1:]} == {"uploaded"}
    assert not part.exists()


async def test_after_a_crash_the_results_are_drawn_though_the_next_run_stops_at_once(archive):
    """What the killed run did is in the results; drawing them first would let a large job wait."""
    archive.fill(5)
    async with Wire() as wire:
        await run(archive, wire)
        archive.results.unlink()
        archive.results.with_name(archive.results.name + ".part").touch()
        doctor(archive, "UPDATE rows SET status = 'sending' WHERE line = 4")
        doctor(archive, "UPDATE rows SET status = 'pending' WHERE line = 5")
        wire.script = answering(401)
        await run(archive, wire)
    assert statuses(archive) == ["uploaded", "uploaded", "unknown", "pending", "uploaded"]


async def test_results_go_where_they_are_asked_to(archive, tmp_path):
    """``-o``; the journal lies beside them."""
    archive.fill(2)
    other = tmp_path / "elsewhere" / "out.csv"
    other.parent.mkdir()
    async with Wire() as wire:
        await run(archive, wire, results=other)
    assert len(read(other)) == 3
    assert {path.name for path in other.parent.iterdir()} >= {"out.csv", "out.csv.journal"}
    assert not archive.results.exists()


# ---------------------------------------------------------------- a full disk


async def exit_code_of(running):
    """Of a run that ends in one way or the other."""
    try:
        return (await running).exit_code
    except ImporterError as error:
        return error.exit_code


@pytest.mark.needs("mount", "umount")
async def test_a_full_disk_leaves_the_old_results_whole(archive, tmp_path):
    """Fault 66: exit code 5, the old file to the last byte, no litter; and later all is well."""
    disk = tmp_path / "disk"
    disk.mkdir()
    archive.write((archive.pictures(1)[0], f"Fair {n}", "2017-07-15") for n in range(300))
    results = disk / "out.csv"
    with small_disk(disk, "2m"):
        async with Wire() as wire:
            first = await run(archive, wire, results=results)
            assert first.exit_code == 0
            before = results.read_bytes()
            ballast = fill_disk(disk)
            # Room for the journal's own few pages, not for the results.
            with ballast.open("r+b") as file:
                file.truncate(ballast.stat().st_size - 80_000)
            summary = await run(archive, wire, results=results)
            assert summary.exit_code == 5
            assert summary.stop is not None
            assert "full" in summary.stop.why or "No space" in summary.stop.why
            assert results.read_bytes() == before
            assert not list(disk.glob("*.tmp"))
            ballast.unlink()
            last = await run(archive, wire, results=results)
            assert last.exit_code == 0
            assert len(read(results)) == 301
    assert len(wire.receipts) == 300


@pytest.mark.needs("mount", "umount")
@pytest.mark.parametrize("room", [0, 4_096, 12_288, 40_960])
async def test_a_disk_that_was_full_from_the_start_is_no_trap(room, archive, tmp_path):
    """Exit code 5, nothing sent that isn't recorded; with room, the same command does it all."""
    disk = tmp_path / "disk"
    disk.mkdir()
    archive.fill(20)
    results = disk / "out.csv"
    with small_disk(disk, "8m"):
        ballast = fill_disk(disk)
        with ballast.open("r+b") as file:
            file.truncate(ballast.stat().st_size - room)
        async with Wire() as wire:
            assert await exit_code_of(run(archive, wire, results=results)) == 5
            ballast.unlink()
            last = await run(archive, wire, results=results)
            assert last.exit_code in (0, 4)
            found = [row[3] for row in read(results)[1:]]
    sent = names(wire.receipts)
    assert len(sent) == len(set(sent)), "sent twice"
    assert len(sent) + found.count("unknown") >= 20
    assert set(found) <= {"uploaded", "unknown"}


@pytest.mark.needs("mount", "umount")
async def test_a_disk_that_fills_up_on_the_way_stops_the_sending(archive, tmp_path):
    """Fault 65: what was sent is recorded or unknown, what wasn't sent is sent by the next run."""
    disk = tmp_path / "disk"
    disk.mkdir()
    archive.fill(200)
    results = disk / "out.csv"
    with small_disk(disk, "16m"):
        ballast = None

        async def script(exchange):
            nonlocal ballast
            await exchange.read()
            if exchange.receipt.number == 60:
                ballast = fill_disk(disk)
            await exchange.answer()

        async with Wire(script) as wire:
            assert await exit_code_of(run(archive, wire, results=results)) == 5
            assert len(wire.receipts) < 200, "it went on sending"
            assert ballast is not None
            ballast.unlink()
            wire.script = None
            last = await run(archive, wire, results=results)
            found = [row[3] for row in read(results)[1:]]
    assert last.exit_code in (0, 4)
    sent = names(wire.receipts)
    assert len(sent) == len(set(sent)), "sent twice"
    assert set(found) <= {"uploaded", "unknown"}
    assert found.count("uploaded") + found.count("unknown") == 200
    most = GROUP_ROWS + READY_ROWS  # intended, of which some were on their way
    assert found.count("unknown") <= most, "far more unknown than can have been on their way"


async def test_a_results_path_that_becomes_a_folder_is_a_storage_error(archive):
    """One that is made during the run; what was sent stays recorded in the journal."""
    archive.fill(2)

    async def script(exchange):
        await exchange.read()
        archive.results.mkdir(exist_ok=True)
        await exchange.answer(200)

    async with Wire(script) as wire:
        summary = await run(archive, wire)
        assert summary.exit_code == 5
        archive.results.rmdir()
        wire.script = None
        again = await run(archive, wire)
    assert (again.exit_code, len(wire.receipts)) == (0, 2)


async def test_a_journal_that_is_deleted_during_a_run_stops_it(archive):
    """Fault 86: whatever goes on being sent would be forgotten at a crash, and sent again."""
    archive.fill(100)

    async def script(exchange):
        await exchange.read()
        if exchange.receipt.number == 10:
            for path in archive.folder.glob("*.journal*"):
                path.unlink()
        await exchange.answer()

    async with Wire(script) as wire:
        summary = await run(archive, wire)
    assert summary.exit_code == 5
    assert len(wire.receipts) < 60
