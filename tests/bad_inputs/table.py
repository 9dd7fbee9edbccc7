"""The whole table, in the order of its numbers."""

from __future__ import annotations

import codecs
import gzip
import os
import unicodedata
import zipfile
from io import BytesIO
from pathlib import Path

from tests.bad_inputs.entry import (
    GOOD,
    HEADER,
    REST,
    Bad,
    OnTheWay,
    collection,
    date,
    more,
    source,
    table,
)
from tests.conftest import JPEG_HEAD

COUNT = 82
TOKEN = "tok3n-never-to-be-seen"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0"
KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAA\n"
LONG = "x" * 10_000
PRESIGNED = "https://bucket.example/a.jpg?X-Amz-Signature=secret-0123"


def zipped() -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("m.csv", HEADER + GOOD)
    return made.getvalue()


def link_out(folder: Path) -> None:
    (folder / "link.jpg").symlink_to(folder.parent / "outside.jpg")


def folder_of_pictures(folder: Path) -> None:
    (folder / "pictures").mkdir()


def not_utf_8(folder: Path) -> None:
    name = os.fsencode(folder) + b"/caf\xe9.jpg"
    with open(name, "wb") as file:
        file.write(JPEG_HEAD)


def as_folder(folder: Path) -> None:
    (folder / "m.csv").unlink()
    (folder / "m.csv").mkdir()


def as_pipe(folder: Path) -> None:
    (folder / "m.csv").unlink()
    os.mkfifo(folder / "m.csv")


FILE = [
    Bad(1, "a byte order mark", codecs.BOM_UTF8 + (HEADER + GOOD).encode()),
    Bad(2, "UTF-16 with a mark, little end first", (HEADER + GOOD).encode("utf-16"), case="LE"),
    Bad(2, "UTF-16 with a mark, big end first",
        codecs.BOM_UTF16_BE + (HEADER + GOOD).encode("utf-16-be"), case="BE"),
    Bad(3, "UTF-16 without a mark", (HEADER + GOOD).encode("utf-16-le")),
    Bad(4, "Windows text (cp1252)", (HEADER + "a.jpg,Caf\u00e9,2018-02-22\n").encode("cp1252")),
    Bad(4, "the same with --encoding", (HEADER + "a.jpg,Caf\u00e9,2018-02-22\n").encode("cp1252"),
        case="named", args=("--encoding", "cp1252")),
    Bad(5, "UTF-8, and far down one byte of another encoding",
        (HEADER + "a.jpg,Caf\u00e9,2018-02-22\n" + GOOD * 2_000).encode() + b"a.jpg,Caf\xe9,2018-02-22\n"),
    Bad(6, "a NUL inside a cell", HEADER + "a\0.jpg" + REST + "\n"),
    Bad(7, "overlong UTF-8", (HEADER).encode() + b"\xc0\xaf.jpg" + REST.encode() + b"\n", case="overlong"),
    Bad(7, "half of a surrogate pair", (HEADER).encode() + b"\xed\xa0\x80.jpg" + REST.encode() + b"\n", case="surrogate"),
    Bad(8, "an empty file", b""),
    Bad(8, "only a byte order mark", codecs.BOM_UTF8, case="mark"),
    Bad(8, "only blank lines", "\n\n \n", case="blank"),
    Bad(9, "only the line of column names", HEADER),
    Bad(10, "semicolons, as Excel writes them in Europe", (HEADER + GOOD).replace(",", ";")),
    Bad(11, "tabs", (HEADER + GOOD).replace(",", "\t"), case="tab"),
    Bad(11, "vertical bars", (HEADER + GOOD).replace(",", "|"), case="bar"),
    Bad(12, "Excel's line sep=;", "sep=;\n" + (HEADER + "a.jpg,A_B,2018-02-22\n").replace(",", ";")),
    Bad(13, "a quote that never ends", table('"a.jpg' + REST, *[GOOD[:-1]] * 50)),
    Bad(13, "quotes inside of quotes", source('"a ""b"".jpg"'), case="doubled", files={'a "b".jpg': JPEG_HEAD}),
    Bad(14, "a quote in the middle of a cell", source('a"b.jpg')),
    Bad(14, "the same in a row of several lines",
        table('"a\nb",a.jpg,Fa"ir,2018-02-22', header="note,source,collection,date\n"), case="lines"),
    Bad(14, "the same in a column of your own", more("where", "37\u00b036'37.8\"N"), case="own"),
    Bad(15, "a row of several lines, and one behind it",
        table(f'"a\nb",a.jpg{REST[:-1]}x', 'c,b.jpg,A_B,2018-02-22', header="note,source,collection,date\n"), case="own"),
    Bad(15, "a line break inside a cell of ours", table('"a\n.jpg"' + REST, 'b.jpg,A_B,2018-02-22')),
    Bad(16, "line ends of Windows", (HEADER + GOOD).replace("\n", "\r\n"), case="CRLF"),
    Bad(16, "line ends of old Macs", (HEADER + GOOD).replace("\n", "\r"), case="CR"),
    Bad(16, "several kinds of line ends", HEADER.replace("\n", "\r\n") + GOOD + "b.jpg,A_B,2018-02-22\r\n", case="mixed"),
    Bad(17, "no line end at the end", (HEADER + GOOD)[:-1]),
    Bad(18, "a last line that was cut off", HEADER + GOOD + "b.jpg,Fai"),
    Bad(19, "Ctrl-Z at the end", HEADER + GOOD + "\x1a"),
    Bad(19, "a form feed", source("a\x0c.jpg"), case="form feed"),
    Bad(19, "U+2028, a line separator", source("a\u2028.jpg"), case="U+2028"),
    Bad(19, "NEL, a next line", collection("Fair\x85"), case="NEL"),
    Bad(20, "a required column is missing", "sorce,collection,date\n" + GOOD),
    Bad(21, "two columns of one name", "source,collection,date,Note,note\n" + GOOD[:-1] + ",,\n"),
    Bad(21, "two columns of one meaning", "file,url,collection,date\na.jpg,,Fair,2018-02-22\n", case="meaning"),
    Bad(22, "columns' names in another spelling", " FILE , Collection Name ,event-date\n" + GOOD),
    Bad(23, "a column of your own", more("Photographer", "Ann")),
    Bad(24, "no line of column names", GOOD + GOOD),
    Bad(25, "empty lines", HEADER + "\n" + GOOD + "\n"),
    Bad(25, "a line of only commas", table(",,"), case="commas"),
    Bad(26, "a row that is too short", table("a.jpg,Fair"), case="short"),
    Bad(26, "a row that is too long", table(f"a.jpg{REST},x"), case="long"),
    Bad(27, "a cell of 131,073 characters", source("x" * 131_073)),
    Bad(28, "ten thousand errors", table(*["a.jpg,A_B,2018-02-22"] * 10_000), args=("--no-files",)),
    Bad(29, "a row of 100,000 cells", table("," * 100_000 + "x")),
    Bad(30, "both a file and a URL", "file,url,collection,date\na.jpg,https://h/a.jpg,Fair,2018-02-22\n"),
    Bad(30, "neither", source(""), case="neither"),
    Bad(79, "a gzip archive with a manifest in it", gzip.compress((HEADER + GOOD).encode()), case="gzip"),
    Bad(79, "a zip archive", zipped(), case="zip"),
    Bad(79, "a web page", "<!doctype html><title>x</title>", case="HTML"),
    Bad(79, "JSON that is no list of rows", '{"a": ', case="JSON"),
    Bad(79, "a PDF", b"%PDF-1.7\n", case="PDF"),
    Bad(79, "a folder", b"", case="folder", prepare=as_folder),
    Bad(79, "a pipe", b"", case="pipe", prepare=as_pipe),
    Bad(82, "a line with a comment", table("# our summer fair")),
]  # fmt: skip

SOURCES = [
    Bad(31, "a path of a Windows machine", source(r"C:\a\b.jpg")),
    Bad(31, "a path on a Windows server", source(r"\\srv\x\b.jpg"), case="UNC"),
    Bad(31, "backslashes between folders", source(r"pictures\a.jpg"), case="relative",
        prepare=lambda f: ((f / "pictures").mkdir(), (f / "pictures" / "a.jpg").write_bytes(JPEG_HEAD))),
    Bad(32, "a path from the home folder", source("~/a.jpg")),
    Bad(32, "a path with a variable", source("$HOME/a.jpg"), case="variable"),
    Bad(33, "a path beside the manifest, from another folder", source("a.jpg")),
    Bad(34, "an absolute path outside of --root", source("/etc/hostname"), args=("--root", ".")),
    Bad(35, "a path that leaves --root", source("../outside.jpg"), args=("--root", ".")),
    Bad(35, "a link that leaves --root", source("link.jpg"), case="link", args=("--root", "."), prepare=link_out),
    Bad(36, "a name with %20 in it", source("a%20b.jpg"), files={"a%20b.jpg": JPEG_HEAD}),
    Bad(37, "a name in another Unicode form than the disk's", source(unicodedata.normalize("NFC", "Caf\u00e9.jpg")),
        files={unicodedata.normalize("NFD", "Caf\u00e9.jpg"): JPEG_HEAD}),
    Bad(38, "a file whose name is not UTF-8", source("caf\u00e9.jpg"), prepare=not_utf_8),
    Bad(39, "a space behind the name, as on the disk", source("a .jpg "), files={"a .jpg ": JPEG_HEAD}),
    Bad(39, "a space behind the name that isn't there on the disk", source("a.jpg "), case="wrong"),
    Bad(39, "a no-break space", source("a\u00a0b.jpg"), case="no-break", files={"a b.jpg": JPEG_HEAD}),
    Bad(39, "a character that turns the reading direction", source("a\u202egpj.jpg"), case="turned"),
    Bad(40, "a pattern", source("*.jpg")),
    Bad(40, "a folder", source("pictures"), case="folder", prepare=folder_of_pictures),
    Bad(41, "-", source("-")),
    Bad(41, "/dev/stdin", source("/dev/stdin"), case="stdin"),
    Bad(41, "a file of the system's own", source("/proc/self/environ"), case="proc"),
    Bad(41, "a device that never ends", source("/dev/zero"), case="device"),
    Bad(42, "a PDF among the pictures", source("c.jpg"), files={"c.jpg": b"%PDF-1.7\n" + b"x" * 99}),
    Bad(42, "a private key", source("id.jpg"), case="key", files={"id.jpg": KEY}),
    Bad(42, "the same with --any-type", source("c.jpg"), case="any", args=("--any-type",), files={"c.jpg": b"%PDF-1.7\n" + b"x" * 99}),
    Bad(43, "another extension than the content's", source("c.jpg"), files={"c.jpg": PNG}),
    Bad(43, "an extension in capitals", source("C.JPG"), case="capitals", files={"C.JPG": JPEG_HEAD}),
    Bad(43, "no extension", source("c"), case="none", files={"c": JPEG_HEAD}),
    Bad(44, "an http URL", source("http://h.example/a.jpg")),
    Bad(44, "an https URL", source("https://h.example/a.jpg"), case="https"),
    *(Bad(45, f"an address of another kind, {case}", source(f'"{text}"'), case=case)
      for case, text in (("ftp", "ftp://h/a.jpg"), ("file", "file:///etc/passwd"), ("data", "data:image/png;base64,AA"),
                         ("javascript", "javascript:alert(1)"), ("no scheme", "//h/a.jpg"), ("host", "h.example/a.jpg"))),
    *(Bad(46, f"an address that only this network knows, {case}", source(f"https://{case}/a.jpg"), case=case)
      for case in ("127.1", "0x7f.1", "[::1]", "169.254.169.254", "10.1.2.3", "localhost.", "nas.internal")),
    Bad(48, "a password in a URL", source("https://me:pass-w0rd@h.example/a.jpg")),
    Bad(49, "a fragment behind a URL", source("https://h.example/a.jpg#x")),
    Bad(50, "a host's name with an umlaut", source("https://b\u00fccher.example/a.jpg")),
    Bad(51, "a presigned URL", source(PRESIGNED)),
    Bad(51, "a presigned URL in which something is wrong", source(PRESIGNED + "%00"), case="wrong"),
    Bad(52, "a space in a URL", source("https://h.example/a b.jpg")),
    Bad(52, "a line break in a URL", source('"https://h.example/a\nb.jpg"'), case="break"),
    Bad(52, "a backslash in a URL", source("https://h.example\\a.jpg"), case="backslash"),
    Bad(52, "letters that are not ASCII", source("https://h.example/\u00fc.jpg"), case="letters"),
    Bad(53, "a URL of 9,000 characters", source("https://h.example/" + "x" * 9_000)),
    Bad(53, "port 0", source("https://h.example:0/a.jpg"), case="port 0"),
    Bad(53, "port 99999", source("https://h.example:99999/a.jpg"), case="port"),
    Bad(53, "no host", source("https:///a.jpg"), case="host"),
]  # fmt: skip

CELLS = [
    Bad(54, "2018-2-3", date("2018-2-3")),
    Bad(55, "02/03/2018", date("02/03/2018")),
    Bad(55, "03.02.2018", date("03.02.2018"), case="dots"),
    Bad(55, "the same with --date-format", date("03.02.2018"), case="named", args=("--date-format", "%d.%m.%Y")),
    Bad(56, "2018-02-30", date("2018-02-30")),
    Bad(56, "2019-02-29", date("2019-02-29"), case="leap"),
    Bad(56, "0000-00-00", date("0000-00-00"), case="zeros"),
    Bad(56, "9999-12-31", date("9999-12-31"), case="last"),
    Bad(57, "2018-02-22T10:00:00Z", date("2018-02-22T10:00:00Z")),
    Bad(57, "20180222", date("20180222"), case="tight"),
    Bad(57, "43153, a spreadsheet's number", date("43153"), case="number"),
    Bad(58, "Arabic-Indic digits in a date", date("\u0662\u0660\u0661\u0668-\u0660\u0662-\u0662\u0662")),
    Bad(58, "full-width digits in a name", collection("Fair \uff12"), case="name"),
    Bad(59, "no date", date("")),
    Bad(59, "no date, with a default", date(""), case="default", args=("--default", "date=2018-02-22")),
    Bad(60, "a date before 1900", date("1018-02-22")),
    Bad(61, "A_B/C in a collection's name", collection("A_B/C")),
    Bad(61, "an emoji", collection("Party \U0001f389"), case="emoji"),
    Bad(61, "letters outside of A-Z", collection("Caf\u00e9"), case="letters"),
    Bad(61, "the same with --ascii-names", collection("Caf\u00e9"), case="ascii", args=("--ascii-names",)),
    Bad(62, "a name of only spaces", collection("   ")),
    Bad(62, "spaces around a name", collection("  Fair "), case="around"),
    Bad(62, "a tab in a name", collection("Summer\tFair"), case="tab"),
    Bad(63, "a name of 10,000 characters", collection(LONG)),
    Bad(64, "a space in a collection's URL", more("collection_url", "summer fair")),
    Bad(64, "a dot", more("collection_url", "fair.html"), case="dot"),
    Bad(65, "a line break behind a name", collection('"Fair\n"')),
    Bad(66, "the same row twice", table(GOOD[:-1], GOOD[:-1])),
    Bad(67, "one file in two collections", table(GOOD[:-1], "a.jpg,Ball,2018-12-31")),
    Bad(68, "one name for two files", table(f"a.jpg{REST},x.jpg", f"b.jpg{REST},x.jpg", header="source,collection,date,name\n")),
    Bad(69, "names that differ by case", table(f"a.jpg{REST},x.jpg", f"b.jpg{REST},X.jpg", header="source,collection,date,name\n")),
    Bad(70, "one collection with two dates", table(GOOD[:-1], "b.jpg,Fair,2018-02-23")),
    Bad(70, "one collection with two URLs", table(f"a.jpg{REST},fair", f"b.jpg{REST},fare", header="source,collection,date,slug\n"), case="URLs"),
    Bad(70, "the same with --allow-conflicts", table(GOOD[:-1], "b.jpg,Fair,2018-02-23"), case="allowed", args=("--allow-conflicts",)),
    Bad(71, "two collections with one URL", table(f"a.jpg{REST},fair", "b.jpg,Ball,2018-12-31,fair", header="source,collection,date,slug\n")),
    Bad(72, "a tag with &=#%", more("tag", "a&b=#%")),
    Bad(72, "an emoji in a tag", more("tag", "\U0001f389"), case="emoji"),
    Bad(72, "a line break in a tag", more("tag", '"a\nb"'), case="break"),
    Bad(72, "several tags", more("tag", '"a, b"'), case="several"),
    Bad(72, "a tag of 10,000 characters", more("tag", LONG), case="long"),
    Bad(73, "a folder in a name", more("name", "x/y.jpg")),
    Bad(73, "a control character in a name", more("name", "x\x07.jpg"), case="control"),
    Bad(73, "a name of two dots", more("name", ".."), case="dots"),
    Bad(73, "a name of 300 characters", more("name", "x" * 300), case="long"),
    Bad(73, "CON.jpg, .hidden.jpg", table(f"a.jpg{REST},CON.jpg", f"b.jpg{REST},.hidden.jpg", header="source,collection,date,name\n"), case="odd"),
    Bad(78, "the gallery's token in a cell", more("note", f"token={TOKEN}"), environ={"IMPORTER_TOKEN": TOKEN}),
    Bad(78, "the gallery's token as a column's name", more(TOKEN, ""), case="column", environ={"IMPORTER_TOKEN": TOKEN}),
]  # fmt: skip

ON_THE_WAY = [
    OnTheWay(47, "an address that leads on to a private one",
             "the gallery fetches, not the importer; where --urls fetch does, each hop is looked at"),
    OnTheWay(74, "cells that begin with = + - @",
             "they stand in the results as they were; text of ours that begins so gets a ' in front"),
    OnTheWay(75, "an answer with line breaks, quotes, commas, escapes and NULs",
             "one line without control characters in the results, and the file stays a CSV file"),
    OnTheWay(76, "the results of an earlier run as the manifest",
             "what is uploaded stays so and is not sent again; the rest is"),
    OnTheWay(77, "results that Excel saved: other dates, 1.12E+15, a mark, semicolons",
             "nothing is sent again, and a warning says that rows have other cells now"),
    OnTheWay(78, "the gallery's token in a cell",
             "that row is `invalid`, in the results the token is ***; the others are sent"),
    OnTheWay(80, "results in the manifest's place, called .xlsx, or among the pictures of --root",
             "refused with 2 before anything is sent"),
    OnTheWay(81, "a manifest that grows while it is read",
             "what was read is sent, and a warning says to run it again; then the rest is sent"),
]  # fmt: skip

CASES = sorted([*FILE, *SOURCES, *CELLS], key=lambda bad: bad.number)
