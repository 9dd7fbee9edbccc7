"""An empty manifest to fill in: a line of column names, or a workbook that explains itself.

The workbook's cells are of the type text, so that Excel leaves dates, leading zeros and long
numbers as they are typed.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, NamedTuple

from importer.errors import StorageError, UsageError
from importer.manifest.columns import ALIASES, REQUIRED

if TYPE_CHECKING:
    from pathlib import Path

    from xlsxwriter import Workbook


class Column(NamedTuple):
    """What a person is told of a column."""

    field: str
    says: str
    example: str
    width: int  #: characters


COLUMNS = (
    Column(
        "source",
        "The picture: its path, counted from the folder of this list, or an http(s) URL.",
        "2017/summer-fair/0001.jpg",
        42,
    ),
    Column(
        "collection",
        "The event's name. Letters, digits, spaces and - are allowed.",
        "Summer Fair",
        28,
    ),
    Column(
        "date",
        "The event's day, as year-month-day. One collection has one date.",
        "2017-07-15",
        14,
    ),
    Column(
        "collection_url",
        "The collection's own address in the gallery: a-z, A-Z, 0-9 and -. One collection has one.",
        "summer-fair-2017",
        24,
    ),
    Column(
        "tag",
        "Ties pictures together, such as those of one photo-booth session. One tag a picture.",
        "session 1",
        18,
    ),
    Column(
        "name",
        "The picture's name in the gallery. Left blank, it is the file's own name.",
        "fair-0001.jpg",
        28,
    ),
)
_TEXT = 49  # Excel's own number format for text


def write(out: Path, *, replace: bool = False) -> None:
    """Write the empty manifest; the name's end says in which form.

    Raises:
        UsageError: there is such a file, or its name ends with neither ``.csv`` nor ``.xlsx``.
        StorageError: it can't be written.
    """
    forms = {".csv": as_csv, ".xlsx": as_workbook}
    form = forms.get(out.suffix.lower())
    if form is None:
        raise UsageError(
            f"{out.name}: a template is written as {' or '.join(forms)}",
            fix="choose such a name: -o manifest.xlsx",
        )
    try:
        with out.open("wb" if replace else "xb") as file:
            file.write(form())
    except FileExistsError:
        raise UsageError(
            f"{out.name} is there already", fix="add --force to write over it, or name another: -o"
        ) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StorageError(f"{out} can't be written: {reason}", fix="choose another -o") from None


def as_csv() -> bytes:
    """The line of column names. The byte order mark tells Excel that the file is UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerow(column.field for column in COLUMNS)
    return text.getvalue().encode("utf-8-sig")


def as_workbook() -> bytes:
    """A sheet of text cells with a note at each column's name, and a sheet that explains."""
    from xlsxwriter import Workbook

    content = io.BytesIO()
    with Workbook(content, {"in_memory": True, "strings_to_urls": False}) as book:
        _write_sheet(book)
        _write_explanation(book)
    return content.getvalue()


def _write_sheet(book: Workbook) -> None:
    sheet = book.add_worksheet("Pictures")
    typed = book.add_format({"num_format": _TEXT})
    head = {"bold": True, "num_format": _TEXT, "bottom": 1}
    required = book.add_format(head | {"bg_color": "#DDEBF7"})
    other = book.add_format(head)
    for place, column in enumerate(COLUMNS):
        is_required = column.field in REQUIRED
        sheet.set_column(place, place, column.width, typed)
        sheet.write_string(0, place, column.field, required if is_required else other)
        note = f"{column.says}\n\nFor example: {column.example}"
        sheet.write_comment(0, place, note, {"x_scale": 2, "y_scale": 1.4})
    sheet.freeze_panes(1, 0)
    sheet.set_first_sheet()
    sheet.activate()


def _write_explanation(book: Workbook) -> None:
    sheet = book.add_worksheet("How to fill it in")
    bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True})
    for place, width in enumerate((18, 12, 60, 30, 44)):
        sheet.set_column(place, place, width, wrapped)
    for place, title in enumerate(("column", "", "what it says", "for example", "also called")):
        sheet.write_string(0, place, title, bold)
    for number, column in enumerate(COLUMNS, 1):
        cells = (
            column.field,
            "required" if column.field in REQUIRED else "",
            column.says,
            column.example,
            ", ".join(ALIASES[column.field]),
        )
        for place, cell in enumerate(cells):
            sheet.write_string(number, place, cell)
    sheet.write_string(len(COLUMNS) + 2, 0, "Other columns are kept, and never sent.")
    sheet.write_string(len(COLUMNS) + 3, 0, "Then: importer check manifest.xlsx")
