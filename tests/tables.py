"""One table of texts written in each form that a manifest may have: for tests of all readers."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import duckdb
import xlsxwriter

Table = Sequence[Sequence[str]]  # the first row names the columns


def as_csv(table: Table, *, delimiter: str = ",", end: str = "\r\n") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(table)
    return text.getvalue().encode()


def as_json_lines(table: Table) -> bytes:
    header, *rows = table
    objects = (dict(zip(header, row, strict=True)) for row in rows)
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects).encode()


def as_xlsx(table: Table) -> bytes:
    found = io.BytesIO()
    with xlsxwriter.Workbook(found, {"in_memory": True, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet("Pictures")
        for number, row in enumerate(table):
            for place, cell in enumerate(row):
                sheet.write_string(number, place, cell)
    return found.getvalue()


def ods_row(cells: str, repeated: int = 1) -> str:
    return f'<table:table-row table:number-rows-repeated="{repeated}">{cells}</table:table-row>'


def ods_cell(text: str) -> str:
    """As LibreOffice writes it: runs of blanks and line ends have elements of their own."""
    if not text:
        return "<table:table-cell/>"
    lines = "".join(
        f"<text:p>{escape(line)}</text:p>" for line in text.replace("\r\n", "\n").split("\n")
    )
    value = quoteattr(text)
    return (
        f'<table:table-cell office:value-type="string" office:string-value={value}>{lines}'
        "</table:table-cell>"
    )


def ods_of(rows: str, *, sheet: str = "Pictures") -> bytes:
    names = "".join(
        f' xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{u}:1.0"'
        for n, u in (("office", "office"), ("table", "table"), ("text", "text"))
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{names}><office:body>'
        f"<office:spreadsheet><table:table table:name={quoteattr(sheet)}>{rows}</table:table>"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr(
            "META-INF/manifest.xml",
            '<?xml version="1.0"?><manifest:manifest xmlns:manifest='
            '"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
    return found.getvalue()


def as_ods(table: Table) -> bytes:
    return ods_of("".join(ods_row("".join(map(ods_cell, row))) for row in table))


def write_parquet(path: Path, table: Table) -> None:
    header, *rows = table
    names = ", ".join('"' + name.replace('"', '""') + '" VARCHAR' for name in header)
    with duckdb.connect() as database:
        database.execute(f"CREATE TABLE t ({names})")
        for row in rows:
            database.execute(f"INSERT INTO t VALUES ({', '.join('?' * len(row))})", list(row))
        target = str(path).replace("'", "''")
        database.execute(f"COPY t TO '{target}' (FORMAT parquet)")


def _writing(form: Callable[[Table], bytes]) -> Callable[[Path, Table], None]:
    return lambda path, table: path.write_bytes(form(table)) and None


#: the end of a file's name -> writes a table there
FORMS: dict[str, Callable[[Path, Table], None]] = {
    ".csv": _writing(as_csv),
    ".tsv": _writing(lambda table: as_csv(table, delimiter="\t")),
    ".csv.gz": _writing(lambda table: gzip.compress(as_csv(table))),
    ".jsonl": _writing(as_json_lines),
    ".jsonl.gz": _writing(lambda table: gzip.compress(as_json_lines(table))),
    ".xlsx": _writing(as_xlsx),
    ".ods": _writing(as_ods),
    ".parquet": write_parquet,
}
