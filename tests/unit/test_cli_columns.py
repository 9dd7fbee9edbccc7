"""How the texts of the columns' options become settings, in each verb that reads rows."""

import pytest
import typer.main

from importer.cli.app import app
from importer.cli.columns import parse_columns
from importer.errors import UsageError


@pytest.mark.parametrize(
    ("texts", "columns"),
    [
        (None, {}),
        (["source=Datei"], {"source": "Datei"}),
        (["Collection URL = Kurz=Name ", "date=Datum"], {"collection_url": "Kurz=Name", "date": "Datum"}),
    ],
)  # fmt: skip
def test_a_column_names_a_field_and_its_header(texts, columns):
    assert parse_columns(texts) == columns


@pytest.mark.parametrize(
    ("texts", "fix"),
    [
        (["source"], "write source=NAME"),
        (["source="], "write source=NAME"),
        (["url=Datei"], "write source=NAME"),
        (["evnt=Datei"], "write collection=NAME"),
        (["xyz=Datei"], "write FIELD=NAME"),
        (["tag=a", "TAG=b"], "name one of them"),
    ],
)
def test_a_column_of_nothing_known_is_refused(texts, fix):
    """An alias or a slip leads to the field that is probably meant."""

    with pytest.raises(UsageError, match="--column") as caught:
        parse_columns(texts)
    assert caught.value.fix.startswith(fix)


@pytest.mark.parametrize("verb", ["run", "check", "bench"])
def test_every_verb_that_reads_rows_takes_them(verb):
    """And as variables, those with several values a line each."""

    command = typer.main.get_command(app).commands[verb]
    known = {name for parameter in command.params for name in parameter.opts}
    assert {
        "--column",
        "--fill-down",
        "--date-format",
        "--ascii-names",
        "--allow-conflicts",
    } <= known


def test_columns_come_from_the_environment_a_line_each(monkeypatch):
    monkeypatch.setenv("IMPORTER_COLUMN", "source=Datei Name\ntag=Sitzung")
    monkeypatch.setenv("IMPORTER_DATE_FORMAT", "%d.%m.%Y")
    command = typer.main.get_command(app).commands["check"]
    with command.make_context("check", ["m.csv"]) as context:
        assert parse_columns(context.params["column"]) == {"source": "Datei Name", "tag": "Sitzung"}
        assert context.params["date_format"] == "%d.%m.%Y"
    with command.make_context("check", ["m.csv", "--column", "source=X"]) as context:
        assert parse_columns(context.params["column"]) == {"source": "X"}
