"""Write the example manifests that no editor writes: one table in each form that is read.

    python manifests/make_manifests.py

Wants what a clone has after ``pip install -e '.[dev]'``.
"""

from __future__ import annotations

import csv
import datetime
import gzip
import json
import sys
from pathlib import Path

import duckdb
import xlsxwriter

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.tables import as_csv, ods_cell, ods_of, ods_row  # noqa: E402 (of this very clone)


def rows_of(name: str) -> list[list[str]]:
    with (HERE / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=";" if "europe" in name else ","))


def write_xlsx(header: list[str], rows: list[list[str]]) -> None:
    """A title, real dates, numbers that are text (prints), a sheet of notes before."""
    with xlsxwriter.Workbook(HERE / "archive.xlsx") as book:
        book.set_properties({"created": datetime.datetime(2018, 3, 1, tzinfo=datetime.UTC)})
        notes = book.add_worksheet("Notes")
        notes.write_column(0, 0, ["The pictures are listed on the other sheet."])
        sheet = book.add_worksheet("Pictures")
        sheet.write_string(0, 0, "Our events, 2016 to 2018", book.add_format({"bold": True}))
        day = book.add_format({"num_format": "dd.mm.yyyy"})
        for place, name in enumerate(header):
            sheet.write_string(2, place, name)
        for number, row in enumerate(rows, 3):
            for place, cell in enumerate(row):
                if header[place] == "date":
                    sheet.write_datetime(number, place, datetime.date.fromisoformat(cell), day)
                elif header[place] == "prints" and cell:
                    sheet.write_number(number, place, int(cell))
                else:
                    sheet.write_string(number, place, cell)
        sheet.autofit()
        sheet.activate()


def write_ods(header: list[str], rows: list[list[str]]) -> None:
    dates = header.index("date")

    def cell(place: int, text: str) -> str:
        if place != dates:
            return ods_cell(text)
        shown = ".".join(reversed(text.split("-")))
        return (
            f'<table:table-cell office:value-type="date" office:date-value="{text}">'
            f"<text:p>{shown}</text:p></table:table-cell>"
        )

    body = "".join(ods_row("".join(cell(*one) for one in enumerate(row))) for row in rows)
    content = ods_of(ods_row("".join(map(ods_cell, header))) + body)
    (HERE / "archive.ods").write_bytes(content)


def write_parquet(header: list[str], rows: list[list[str]]) -> None:
    path = HERE / "archive.parquet"
    with duckdb.connect() as database:
        database.execute(f"CREATE TABLE t ({', '.join(f'{name} VARCHAR' for name in header)})")
        database.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(header))})", rows)
        database.execute(
            "COPY (SELECT * REPLACE (CAST(date AS DATE) AS date,"
            f" TRY_CAST(prints AS INTEGER) AS prints) FROM t) TO '{path}' (FORMAT parquet)"
        )


def main() -> None:
    header, *rows = rows_of("archive.csv")
    write_xlsx(header, rows)
    write_ods(header, rows)
    write_parquet(header, rows)
    objects = ({k: v for k, v in zip(header, row, strict=True) if v} for row in rows)
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)
    (HERE / "archive.jsonl").write_text(lines, encoding="utf-8", newline="\n")
    (HERE / "archive.csv.gz").write_bytes(gzip.compress(as_csv([header, *rows]), mtime=0))
    europe = as_csv(rows_of("excel-europe.csv"), delimiter=";").decode()
    (HERE / "excel-europe-ansi.csv").write_bytes(europe.encode("cp1252"))


if __name__ == "__main__":
    main()
