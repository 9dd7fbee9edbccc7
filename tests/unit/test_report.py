"""The report: what it finds in a real journal, and that nothing of it can become markup."""

from __future__ import annotations

import ast
import os
import re
import sqlite3
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

import importer
from importer.destination import verdicts
from importer.errors import JournalMismatch, StorageError, UsageError
from importer.ledger.job import Job
from importer.ledger.journal import Journal
from importer.model import Collection, Status
from importer.report import HEAD_BYTES, write_report
from importer.report.advice import ADVICE, advice_on
from importer.report.findings import LISTED_COLLECTIONS, LISTED_ROWS, find
from importer.report.story import headline, shares, standing, steps
from importer.transfer.fetch import web

NOW = datetime(2026, 7, 29, 12, 0, tzinfo=UTC)
AT = "2026-07-29T10:20:00.000Z"


class Desk:
    """A job's folder, and a journal that is filled by hand."""

    def __init__(self, folder: Path) -> None:
        self.job = Job(folder / "a.csv", folder / "a.results.csv", "https://gallery.example")
        self.out = folder / "a.html"
        self.journal = Journal.open(self.job)
        self.gala = Collection("Gala", "2019-06-21", "gala")
        self._line = 1

    def snapshot(self, rows):
        with self.journal.transaction() as db:
            db.execute("INSERT INTO snapshots (digest, rows) VALUES (x'00', ?)", (rows,))

    def put(self, status, count=1, *, collection=None, line=None, snapshot=1, **columns):
        with self.journal.transaction() as db:
            number = self.journal.collection_id(collection or self.gala)
            for _ in range(count):
                self._line += 1
                values = {
                    "key": os.urandom(16), "snapshot": snapshot, "line": line or self._line,
                    "collection": number, "status": status, **columns,
                }  # fmt: skip
                db.execute(
                    f"INSERT INTO rows ({', '.join(values)})"
                    f" VALUES ({', '.join('?' * len(values))})",
                    tuple(values.values()),
                )

    def run(self, exit_code=None, stop="", *, is_over=True):
        with self.journal.transaction() as db:
            db.execute(
                "INSERT INTO runs (started_at, ended_at, pid, host, exit_code, stop)"
                " VALUES (?, ?, 1, 'h', ?, ?)",
                (AT, AT if is_over else None, exit_code, stop),
            )

    def find(self):
        return find(self.job.journal, now=NOW)

    def write(self):
        written = write_report(
            self.job.journal, out=self.out, results=self.job.results, manifest="a.csv"
        )
        return written.read_text(encoding="utf-8")


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    yield desk
    desk.journal.close()


class Page(HTMLParser):
    """The tags, attributes and words of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


# ---------------------------------------------------------------- what is found


def test_only_the_last_snapshot_counts(desk):
    """Rows that have left the manifest are told no more; rows that no run has read are pending."""

    desk.snapshot(50)
    desk.put("failed", 5, code="connect")
    desk.snapshot(10)
    desk.put("uploaded", 4, size=1000, snapshot=2)
    desk.put("pending", 1, snapshot=2)
    found = desk.find()
    assert found.rows == 10
    assert dict(found.tally.counts) == {Status.UPLOADED: 4, Status.PENDING: 6}
    assert (found.unread, found.tally.uploaded_bytes) == (5, 4000)
    assert found.failed == ()
    assert headline(found) == "4 of 10 pictures are in the gallery"


def test_collections_come_by_need(desk):
    """Those with rows that need a person first, then those with rows to be sent."""

    desk.snapshot(8)
    desk.put("uploaded", 2, collection=Collection("Done", "2019-01-01"), size=7)
    desk.put("sending", 1, collection=Collection("Going", "2019-01-02"))
    desk.put("failed", 1, collection=Collection("Bad", "2019-01-03"), size=5)
    desk.put("unknown", 1, collection=Collection("Worse", "2019-01-04"))
    desk.put("invalid", 1, collection=Collection("Worse", ""))
    desk.put("changed", 1, collection=Collection("Worse", "2019-01-04"))
    found = desk.find().collections
    assert [one.name for one in found] == ["Worse", "Bad", "Going", "Done"]
    worse, bad, going, done = found
    assert (worse.unknown, worse.invalid, worse.changed, worse.date) == (1, 1, 1, "2019-01-04")
    assert (bad.failed, bad.size_bytes, going.pending) == (1, 0, 1)
    assert (done.uploaded, done.size_bytes) == (2, 14)


def test_an_invalid_row_isnt_guessed_into_one_of_two(desk):
    """Where two collections have the name, the row stands by itself, without a date."""

    desk.snapshot(3)
    for date in ("2019-01-01", "2020-01-01", ""):
        desk.put("invalid" if not date else "uploaded", collection=Collection("Fair", date))
    assert [one.date for one in desk.find().collections] == ["", "2019-01-01", "2020-01-01"]


def test_a_frequent_fault_leaves_room_for_a_rare_one(desk):
    """5,000 missing files: the first are listed, and so is the one that is too large."""

    desk.snapshot(5001)
    desk.put("failed", 5000, code="file_missing", message="there is no such file", source="x.jpg")
    desk.put("failed", 1, code="too_large", message="too large", source="y.jpg")
    missing, large = desk.find().failed
    assert (missing.name, missing.count) == ("file_missing", 5000)
    assert len(missing.rows) == LISTED_ROWS - 1
    assert [row.line for row in missing.rows] == sorted(row.line for row in missing.rows)
    assert (large.count, large.more) == (1, 0)
    text = desk.write()
    assert f"and {5000 - LISTED_ROWS + 1:,} more, see the results file" in Page(text).text
    assert len(text) < 1_000_000


def test_many_collections_are_cut(desk):
    """The first 500 by need, and how many more there are."""

    desk.snapshot(600)
    for number in range(600):
        desk.put("uploaded", collection=Collection(f"Event {number}", "2019-01-01"))
    desk.put("failed", collection=Collection("Event 599", "2019-01-01"), code="connect")
    found = desk.find()
    assert (len(found.collections), found.collection_count) == (LISTED_COLLECTIONS, 600)
    assert found.collections[0].name == "Event 599"
    assert "and 100 more" in Page(desk.write()).text


def test_a_report_can_be_drawn_while_a_run_writes(desk):
    """It reads what is committed, waits for nobody, and writes nothing to the journal."""

    desk.snapshot(2)
    desk.put("uploaded")
    desk.run(is_over=False)
    desk.journal.db.execute("BEGIN IMMEDIATE")
    desk.journal.db.execute("UPDATE rows SET status = 'failed'")
    text = Page(desk.write()).text
    desk.journal.db.execute("ROLLBACK")
    assert "1 of 2 pictures are in the gallery" in text
    assert "Run 1 had not ended when this was written" in text


@pytest.mark.parametrize("kind", ["missing", "foreign", "newer", "damaged"])
def test_what_is_no_journal_is_refused(tmp_path, kind):
    """Each says so, and no report appears."""

    path = tmp_path / "a.results.csv.journal"
    if kind in ("foreign", "newer"):
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE t (a)")
        if kind == "newer":
            db.execute(f"PRAGMA application_id = {0x44494D50}")
            db.execute("PRAGMA user_version = 999")
        db.close()
    if kind == "damaged":
        path.write_bytes(b"not a database at all" * 100)
    wanted = {"missing": UsageError, "damaged": StorageError}.get(kind, JournalMismatch)
    with pytest.raises(wanted):
        write_report(path, out=tmp_path / "r.html", results=tmp_path / "a.csv", manifest="a.csv")
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("name", ["what?.csv", "50%25 #1.csv", "ä ö.csv"])
def test_a_journal_may_have_any_name(tmp_path, name):
    """The name stands in a URI for SQLite, where ? and # mean something."""

    (tmp_path / "a&b;").mkdir()
    job = Job(tmp_path / "a.csv", tmp_path / "a&b;" / name, "https://gallery.example")
    with Journal.open(job):
        found = find(job.journal, now=NOW)
    assert found.origin == "https://gallery.example"


# ---------------------------------------------------------------- how it is told


@pytest.mark.parametrize(
    ("counts", "rows", "words"),
    [
        ({}, 0, "The manifest has no rows"),
        ({"uploaded": 1}, 1, "The picture is in the gallery"),
        ({"uploaded": 3}, 3, "All 3 pictures are in the gallery"),
        ({"uploaded": 3, "duplicate": 2}, 5, "All 3 pictures are in the gallery"),
        ({"uploaded": 2, "changed": 1}, 3, "All 3 pictures are in the gallery"),
        ({"failed": 1}, 1, "None of 1 pictures is in the gallery yet"),
        ({}, 5000, "None of 5,000 pictures are in the gallery yet"),
        ({"uploaded": 2, "failed": 1}, 3, "2 of 3 pictures are in the gallery"),
    ],
)
def test_the_headline_counts_pictures(desk, counts, rows, words):
    """A repeated row is no picture of its own; a changed one is in the gallery as it was."""

    desk.snapshot(rows)
    for status, count in counts.items():
        desk.put(status, count)
    assert headline(desk.find()) == words


def test_the_next_steps_come_in_order(desk):
    """Unknown rows first: a run of the rest doesn't touch them."""

    desk.snapshot(10)
    for status in ("unknown", "failed", "changed"):
        desk.put(status)
    desk.journal.begin_run(AT, flags='["-p", "studio"]', is_drawn="no")
    (step,) = steps(desk.find(), results=desk.job.results)[1:2]
    assert step.command == f"importer run {desk.job.manifest} -p studio"
    desk.journal.end_run(AT, 4, "", is_drawn="yes")
    found = steps(desk.find(), results=Path("/my jobs/a.results.csv"))
    assert [step.command for step in found] == [
        "importer run '/my jobs/a.results.csv' --rows unknown -p studio",
        "importer run '/my jobs/a.results.csv' -p studio",
        "",
    ]
    assert "the 7 still to be sent" in found[1].text


@pytest.mark.parametrize("flags", ["", "[", "5", "{}", '"-y"'])
def test_flags_that_nobody_can_read_are_none(desk, flags):
    """Of an older importer's journal, or a damaged one."""
    desk.journal.begin_run(AT, flags=flags)
    assert desk.find().flags == ()


def test_a_whole_job_asks_for_nothing(desk):
    """No steps, no sections, one share."""

    desk.snapshot(2)
    desk.put("uploaded", 2, size=10)
    desk.run(0)
    found = desk.find()
    assert steps(found, results=desk.job.results) == []
    assert [(share.word, share.count) for share in shares(found)] == [("uploaded", 2)]
    assert standing(found) == "Run 1 ended well."
    assert "What to do next" not in desk.write()


def test_an_empty_journal_makes_a_page(desk):
    """Before the first run has read anything."""

    text = Page(desk.write()).text
    assert "The manifest has no rows" in text
    assert "No run has begun yet" in text


def test_the_page_tells_of_everything(desk):
    """Each section is there, with the advice, the rows and what unknown means."""

    desk.snapshot(6)
    desk.put("failed", code="file_missing", message="there is no such file", source="p/a.jpg")
    desk.put("unknown", code="no_answer", message="no answer", source="p/b.jpg", at=AT)
    desk.put("invalid", code="bad_date", message="Date: no", collection=Collection("Gala", ""))
    desk.put("changed", code="changed", message="other content", source="p/c.jpg")
    desk.put("uploaded", possible_duplicate=1, at=AT)
    desk.run(3, "unavailable")
    desk.run(4)
    text = Page(desk.write()).text
    for words in (
        "Import report · a.csv · https://gallery.example", "2 of 6 pictures are in the gallery",
        "The file is not there", ADVICE["file_missing"].todo, "p/a.jpg", "What unknown means:",
        "p/b.jpg", "2026-07-29 10:20", "The date is not in the gallery's form", "p/c.jpg",
        "Possible duplicates", "stopped for a cause that concerns every row", "unavailable",
        "ended, some rows are unknown", f"importer run {desk.job.results}",
        "1 row of the manifest has not been read yet",
    ):  # fmt: skip
        assert words in text


HOSTILE = [
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "'><svg/onload=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "&lt;b&gt; \N{PARTY POPPER} \u202egpj.exe\u202c \x1b[2J \x00",
]


@pytest.mark.parametrize("cell", HOSTILE)
def test_nothing_becomes_markup(desk, cell):
    """Whatever a cell, a message, a code, a file's name or a stop says, it stays text."""

    desk.snapshot(9)
    plain = set(Page(desk.write()).tags)
    hostile = Collection(cell, cell, cell)
    for status in ("failed", "unknown", "invalid", "changed"):
        columns = {"code": cell, "message": cell, "source": cell, "at": cell}
        desk.put(status, collection=hostile, **columns)
        desk.put(status, collection=hostile, **{**columns, "message": "other"})
    desk.put("uploaded", collection=hostile, possible_duplicate=1, source=cell)
    desk.run(1, cell)
    with desk.journal.transaction() as db:
        db.execute("UPDATE meta SET value = ? WHERE name = 'origin'", (cell,))
    text = write_report(
        desk.job.journal, out=desk.out, results=Path(f"x{cell}".replace("\0", "")), manifest=cell
    ).read_text(encoding="utf-8")
    page = Page(text)
    known = {"section", "details", "summary", "table", "thead", "tbody", "tr", "th", "td", "h2",
             "h3", "ol", "li", "ul", "pre", "code", "span", "div", "b", "bdi", "a", "time",
             "strong", "p", "h1"}  # fmt: skip
    assert set(page.tags) - plain <= known
    assert not {"script", "img", "svg"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    hrefs = [value for name, value in page.attributes if name == "href"]
    assert all(re.fullmatch(r"#[a-z]+|data:,", href) for href in hrefs)
    assert "\u202e" not in text
    assert "\x00" not in text
    assert "\x1b" not in text
    if cell.isprintable():
        assert " ".join(cell.split()) in page.text


def test_the_page_needs_nothing_beside_it(desk):
    """No script, no link to load, and a policy that forbids both."""

    text = desk.write()
    assert "default-src 'none'" in text
    assert not re.search(r"<script|@import|url\(|src=|https?://(?!gallery\.example)", text)


def test_the_report_is_put_in_place_in_one_step(desk, monkeypatch):
    """A disk that fails leaves the old report, and nothing beside it."""

    desk.write()
    before = desk.out.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("importer.report.os.replace", fail)
    with pytest.raises(StorageError):
        desk.write()
    assert desk.out.read_bytes() == before
    assert not list(desk.out.parent.glob("*.tmp"))


# ---------------------------------------------------------------- advice


def codes_of(module: str) -> set[str]:
    """The codes in a module's source: what verdicts and faults are built with, and the first of
    each tuple that goes on with a sentence."""
    tree = ast.parse((Path(importer.__file__).parent / module).read_text(encoding="utf-8"))
    makers = {
        "Missed",
        "Left",
        "Failed",
        "Unknown",
        "TryAgain",
        "StopRun",
        "SourceFault",
        "NoAnswer",
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in makers:
            found.append(node.args[0])
        elif isinstance(node, ast.Tuple) and len(node.elts) > 1 and _is_words(node.elts[1]):
            found.append(node.elts[0])
    values = [node.value for node in found if isinstance(node, ast.Constant)]
    return {
        value for value in values if isinstance(value, str) and re.fullmatch(r"[a-z_0-9]+", value)
    }


def _is_words(node: ast.expr) -> bool:
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return any(isinstance(text, str) and " " in text for text in texts)


@pytest.mark.parametrize(
    ("module", "at_least"),
    [
        ("destination/verdicts.py", {"http_422", "early_answer", "rejected", "captive_portal"}),
        ("transfer/sources.py", {"file_changed", "not_a_file"}),
        ("transfer/streamed.py", {"file_changed"}),
        ("transfer/source_faults.py", {"file_missing", "file_forbidden"}),
        ("transfer/crew/crew.py", {"file_changed"}),
        ("transfer/fetch/web.py", {"source_cut", "source_range", "source_timeout"}),
        ("transfer/fetch/hops.py", {"source_private", "source_url", "source_redirect"}),
        ("transfer/fetch/partial.py", {"source_empty", "source_too_large", "not_a_picture"}),
        ("transfer/fetching.py", {"source_down"}),
        ("transfer/transport/breaking.py", {"dns", "no_answer", "not_http"}),
        ("transfer/transport/client.py", {"stalled"}),
        ("manifest/rules.py", {"bad_date", "windows_path", "pattern"}),
        ("manifest/validate.py", {"no_source"}),
    ],
)
def test_every_code_has_advice(module, at_least):
    """A new code wants a line in the table."""

    codes = codes_of(module)
    assert at_least <= codes
    assert codes <= set(ADVICE)


def test_the_tables_of_verdicts_have_advice():
    """Each status that the destination names."""

    tables = (verdicts.FAILED, verdicts.TEMPORARY, verdicts.SYSTEMIC)
    assert {entry[0] for table in tables for entry in table.values()} <= set(ADVICE)
    assert {code for code, _ in web.CODES.values()} <= set(ADVICE)
    assert {"long_tag", "bad_tag", "long_name", "interrupted", "bad_row"} <= set(ADVICE)


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("http_418", "The gallery refuses the picture (status 418)"),
        ("source_http_404", "The old server doesn't give the picture (status 404)"),
        ("source_http_503", "The old server doesn't give the picture (status 503)"),
        ("http_504", "The gallery had trouble (status 504)"),
        ("never_heard", "Something else went wrong"),
        ("", "Something else went wrong"),
    ],
)
def test_other_codes_have_general_advice(code, title):
    """Statuses by their class, the rest by the message."""

    assert advice_on(code).title == title


@pytest.mark.parametrize("kind", ["journal", "picture", "page", "link", "nothing", "folder"])
def test_a_report_takes_no_other_files_place(desk, kind):
    """Only where nothing lies, or what is ours."""
    desk.snapshot(1)
    desk.put(Status.UPLOADED)
    if kind == "journal":
        desk.out = desk.job.journal
    elif kind == "link":
        desk.out.symlink_to("nowhere")
    elif kind == "folder":
        desk.out.mkdir()
    else:
        content = {"picture": b"\xff\xd8\xff", "page": b"<!DOCTYPE html>\n<title>", "nothing": b""}
        desk.out.write_bytes(content[kind])
    before = desk.out.read_bytes() if desk.out.is_file() else None
    with pytest.raises(UsageError, match="no report of the importer") as caught:
        desk.write()
    assert caught.value.fix == "choose another name with -o"
    assert (desk.out.read_bytes() if desk.out.is_file() else None) == before


def test_a_report_takes_an_older_ones_place(desk):
    """Also of one that was drawn before there was a mark."""
    desk.snapshot(1)
    desk.put(Status.UPLOADED)
    page = desk.write()
    mark = '<meta name="generator" content="importer report">\n'
    assert page.index(mark) + len(mark) < HEAD_BYTES
    assert desk.write()[:HEAD_BYTES] == page[:HEAD_BYTES]
    desk.out.write_text(page.replace(mark, ""))
    assert mark in desk.write()
