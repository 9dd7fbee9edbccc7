"""How the texts of options become values."""

import io
import sys
from pathlib import Path

import pytest
import typer.main

from importer.cli.app import app
from importer.cli.options import (
    flags_again,
    is_terminal,
    parse_concurrency,
    parse_defaults,
    parse_lines,
    wants_color,
)
from importer.errors import UsageError


@pytest.mark.parametrize(
    ("texts", "defaults"),
    [
        (None, {}),
        ([], {}),
        (["collection=Summer Fair"], {"collection": "Summer Fair"}),
        (["Collection = Summer Fair "], {"collection": "Summer Fair"}),
        (["collection-url=fair", "DATE=2018-02-22"], {"collection_url": "fair", "date": "2018-02-22"}),
        (["Collection URL=fair"], {"collection_url": "fair"}),
        (["tag=a=b"], {"tag": "a=b"}),
        (["tag="], {"tag": ""}),
        (["tag=a", "tag=b"], {"tag": "b"}),
    ],
)  # fmt: skip
def test_a_default_names_a_field_and_its_text(texts, defaults):
    """Names are matched as the columns are; the last one of a field counts."""

    assert parse_defaults(texts) == defaults


@pytest.mark.parametrize(
    "text", ["", "=", "=x", "collection", "source=a.jpg", "colour=red", "import_status=uploaded"]
)
def test_a_default_of_anything_else_is_refused(text):
    """A source has no default: no two rows are the same picture."""

    with pytest.raises(UsageError, match="--default") as caught:
        parse_defaults([text])
    assert "collection, date, collection_url, tag, name" in caught.value.fix


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (None, None),
        ("17", (17, 17)),
        ("1200-1400", (1200, 1400)),
        (" 5-5 ", (5, 5)),
        ("0-3", (0, 3)),
    ],
)
def test_lines_are_the_first_and_the_last(text, lines):
    assert parse_lines(text) == lines


def test_lines_may_be_open_at_the_end():
    first, last = parse_lines("1200-")
    assert first == 1200
    assert last >= 10**12


@pytest.mark.parametrize(
    "text", ["", "-", "-5", "a-b", "1,2", "1-2-3", "1.5", "1400-1200", "\u0661", "1200 - x"]
)
def test_lines_of_another_form_are_refused(text):
    with pytest.raises(UsageError, match="--lines"):
        parse_lines(text)


@pytest.mark.parametrize(
    ("text", "number"), [("auto", None), (" AUTO ", None), ("8", 8), (" 64 ", 64)]
)
def test_concurrency_is_a_number_or_found_out(text, number):
    assert parse_concurrency(text) == number


@pytest.mark.parametrize("text", ["", "many", "-1", "1.5", "8x", "\u0668"])
def test_concurrency_of_another_form_is_refused(text):
    with pytest.raises(UsageError, match="--concurrency"):
        parse_concurrency(text)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("choice", "stream", "no_color", "wanted"),
    [
        ("always", io.StringIO, "1", True),
        ("never", Terminal, "", False),
        ("auto", Terminal, "", True),
        ("auto", Terminal, "1", False),
        ("auto", io.StringIO, "", False),
    ],
)
def test_colours_are_for_terminals_unless_asked_otherwise(
    monkeypatch, choice, stream, no_color, wanted
):
    """An empty ``NO_COLOR`` is none (no-color.org)."""

    monkeypatch.setattr(sys, "stderr", stream())
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    assert wants_color(choice) is wanted


@pytest.mark.parametrize(
    ("stream", "term", "is_one"),
    [(Terminal, "xterm", True), (Terminal, "dumb", False), (io.StringIO, "xterm", False)],
)
def test_a_terminal_is_one_on_which_a_line_can_be_drawn_again(monkeypatch, stream, term, is_one):
    monkeypatch.setattr(sys, "stderr", stream())
    monkeypatch.setenv("TERM", term)
    assert is_terminal() is is_one


def test_without_a_stderr_there_is_no_terminal(monkeypatch):
    """As under pythonw."""

    monkeypatch.setattr(sys, "stderr", None)
    assert not is_terminal()


@pytest.mark.parametrize(
    ("typed", "again"),
    [
        ([], ()),
        (["--endpoint", "https://h/up"], ("--endpoint", "https://h/up")),
        (["-c", "8", "--rate=5/s"], ("--concurrency", "8", "--rate", "5/s")),
        (["--retries", "0"], ("--retries", "0")),
        (["--token-file", "my token"], ("--token-file", str(Path("my token").absolute()))),
        (["--any-type", "--allow-http", "-y"], ("--any-type", "--yes", "--allow-http")),
        (["--no-report"], ("--no-report",)),
        (["--default", "tag=a", "--default", "date=2018-02-22"],
         ("--default", "tag=a", "--default", "date=2018-02-22")),
        (["-o", "r.csv", "--rows", "failed", "--lines", "1-9", "--no-canary", "-vv"], ()),
        (["--strict"], ("--strict",)),
    ],
)  # fmt: skip
def test_the_command_that_goes_on_has_the_flags_that_were_typed(typed, again):
    """All but those that choose rows or say how much is told; the environment is there anyway."""

    command = typer.main.get_command(app).commands["run"]
    with command.make_context("run", ["archive.csv", *typed]) as context:
        assert flags_again(context) == again


def test_what_the_environment_said_is_said_again(monkeypatch):
    """Another terminal doesn't have it; and with another tag each picture is another one."""
    monkeypatch.setenv("IMPORTER_ENDPOINT", "https://h/up")
    monkeypatch.setenv("IMPORTER_DEFAULT", "tag=blue sky\ndate=2018-02-22")
    monkeypatch.setenv("IMPORTER_REPORT", "0")
    monkeypatch.setenv("IMPORTER_VERBOSE", "1")
    command = typer.main.get_command(app).commands["run"]
    with command.make_context("run", ["archive.csv"]) as context:
        assert context.params["endpoint"] == "https://h/up"
        assert flags_again(context) == (
            "--endpoint", "https://h/up", "--default", "tag=blue sky", "--default",
            "date=2018-02-22", "--no-report",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("proxy", "again"),
    [("http://p:1", ("--proxy", "http://p:1")), ("http://me:secret@p:1", ())],
)
def test_a_password_of_the_environment_stays_there(monkeypatch, proxy, again):
    """Said with ``***`` in it, it would take the variable's place."""
    monkeypatch.setenv("IMPORTER_PROXY", proxy)
    command = typer.main.get_command(app).commands["run"]
    with command.make_context("run", ["archive.csv"]) as context:
        assert flags_again(context) == again


def test_a_default_of_the_environment_may_have_a_space(monkeypatch):
    """behaviour.md section 1: each flag also as ``IMPORTER_<FLAG>``."""

    monkeypatch.setenv("IMPORTER_DEFAULT", "collection=Summer Fair")
    command = typer.main.get_command(app).commands["run"]
    with command.make_context("run", ["archive.csv"]) as context:
        assert parse_defaults(context.params["default"]) == {"collection": "Summer Fair"}
