"""The manifest is written: CSV, a spreadsheet, or CSV to stdout; whole, or not at all."""

from __future__ import annotations

import csv
import io
import os
import sys
import tempfile
from typing import TYPE_CHECKING

from importer.errors import StorageError, UsageError
from importer.in_place import put_in_place
from importer.places import place_of, refuse_long, refuse_no_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

HEADER = ("source", "collection", "date", "tag")
STDOUT = "-"
MOST_OF_A_SHEET = 1_048_575  # rows of an .xlsx sheet, without the line of names
_WIDTHS = (48, 28, 12, 20)  # of the sheet's columns, in characters


def destination_of(out: str, *, force: bool) -> Path | None:
    """Where the manifest goes; None for stdout.

    Raises:
        UsageError: something lies there already, or nothing can.
    """
    if out == STDOUT:
        return None
    path = place_of(out)
    if path.suffix.lower() in (".xls", ".ods", ".parquet", ".jsonl", ".gz"):
        raise UsageError(f"{path.name} can't be written", fix="call it .csv or .xlsx")
    refuse_long(path, beside=".tmp")
    refuse_no_file(path, "manifest.csv")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", fix="make it, or name another one")
    if os.path.lexists(path) and not force:
        raise UsageError(
            f"{path} is there already, and was left as it is",
            fix="name another file with -o, or say --force to write over it",
        )
    return path


def write_manifest(rows: Iterable[Sequence[str]], path: Path | None, *, count: int) -> None:
    """Write the rows; a file is put in its place in one step, when it is whole.

    Raises:
        UsageError: a spreadsheet has no room for so many rows.
        StorageError: it couldn't be written; what lay there before still does.
    """
    if path is None:
        _write_lines(rows)
        return
    is_sheet = path.suffix.lower() == ".xlsx"
    if is_sheet and count > MOST_OF_A_SHEET:
        raise UsageError(
            f"a spreadsheet has no room for {count:,} rows, only for {MOST_OF_A_SHEET:,}",
            fix=f"write {path.with_suffix('.csv').name} instead",
        )
    try:
        with put_in_place(path) as temporary:
            if is_sheet:
                _write_sheet(rows, temporary)
            else:
                _write_csv(rows, temporary)
    except OSError as error:
        raise StorageError(
            f"{path} can't be written: {error.strerror or error}", fix="scan again afterwards"
        ) from None


def _write_csv(rows: Iterable[Sequence[str]], path: Path) -> None:
    # With a byte order mark: without one, Excel takes UTF-8 for Windows' own encoding.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())


def _write_sheet(rows: Iterable[Sequence[str]], path: Path) -> None:
    """All cells are text, so that no spreadsheet turns a date or a number into its own."""
    from xlsxwriter import Workbook  # here: most manifests are CSV
    from xlsxwriter.exceptions import FileCreateError

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        # What is stopped before it is closed leaves its rows there.
        book = Workbook(str(path), {"constant_memory": True, "tmpdir": scratch})
        text = book.add_format({"num_format": "@"})
        bold = book.add_format({"num_format": "@", "bold": True})
        sheet = book.add_worksheet("manifest")
        for column, width in enumerate(_WIDTHS):
            sheet.set_column(column, column, width, text)
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(HEADER):
            sheet.write_string(0, column, name, bold)
        try:
            for number, row in enumerate(rows, 1):
                for column, cell in enumerate(row):
                    if cell:
                        sheet.write_string(number, column, cell, text)
        except BaseException:
            sheet.row_data_fh.close()  # closing the book would first write all that is there
            raise
        try:
            book.close()
        except FileCreateError as error:
            raise OSError(str(error)) from None


def _write_lines(rows: Iterable[Sequence[str]]) -> None:
    """To stdout, for another program: UTF-8 without a mark."""
    text = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        writer = csv.writer(text)
        writer.writerow(HEADER)
        writer.writerows(rows)
        text.flush()
    finally:
        text.detach()
