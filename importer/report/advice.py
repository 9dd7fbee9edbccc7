"""What a code means and what to do about it, in plain words; a table, and a word for the rest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Advice(NamedTuple):
    """A heading, and the next thing to do."""

    title: str
    todo: str


_AGAIN = "Run the job again; rows that are done are not sent twice."
_LATER = f"The gallery had trouble, not the picture. Wait a while. {_AGAIN}"
_NETWORK = f"Look at the network between here and the gallery. {_AGAIN}"
_ASK = "Ask whoever runs the gallery, and show them the message."
_BROWSE = "Open the address in a browser. Correct the cell in the results file, then run it again."
_OLD = f"Does the address open in a browser? Wait a while, or try --per-host 1. {_AGAIN}"
_CELL = "Correct the cell in the results file, then run it again."

ADVICE: Mapping[str, Advice] = {
    # ------------------------------------------------------------ the picture's file
    "file_missing": Advice(
        "The file is not there",
        "Put it where the manifest says, or correct the path in the results file; then run again.",
    ),
    "file_forbidden": Advice(
        "The file may not be read",
        "Give the user who runs the importer the right to read it, then run again.",
    ),
    "file_empty": Advice(
        "The file is empty",
        "It may be the rest of a broken copy. Fetch it from a backup, then run again.",
    ),
    "file_changed": Advice(
        "The file changed while it was read",
        "Another program was writing it. Wait until it is done, then run again.",
    ),
    "not_a_file": Advice(
        "This is a folder or a device, not a picture", "Name one picture file in each row."
    ),
    "not_a_picture": Advice(
        "The content is no picture that the gallery takes",
        "Open the file in a viewer. Save it as JPEG or PNG, or take the row out. If the gallery is"
        " known to take such files, run again with --any-type.",
    ),
    "outside_root": Advice(
        "The file lies outside of the folder that --root names",
        "Move it into that folder, or give another --root, then run again.",
    ),
    "local_read": Advice(
        "The file can't be read from the disk",
        "Look at the disk, the cable or the network share, then run again.",
    ),
    "changed": Advice(
        "The file has other content than what was uploaded",
        "The gallery has the older picture. Leave it so, or send the new one as a second picture"
        " with --rows all and the row's --lines.",
    ),
    # ------------------------------------------------------------ the picture's address
    "source_private": Advice(
        "The address is of this computer, or of the network around it",
        "Is that meant, such as a NAS of your own? Run again with --allow-private. If the list came"
        " from somebody else, ask why it names that address.",
    ),
    "source_url": Advice("The address can't be fetched", _CELL),
    "source_redirect": Advice("The address sends us somewhere we don't follow", _BROWSE),
    "source_empty": Advice("The address gives nothing", _BROWSE),
    "source_too_large": Advice(
        "The file behind the address is too large",
        "Is it meant? Run again with a larger --fetch-limit.",
    ),
    "source_encoding": Advice("What the old server sends can't be unpacked", _BROWSE),
    "source_range": Advice("The old server goes on with the wrong part of a file", _OLD),
    "source_cut": Advice("The old server ends the connection too early", _OLD),
    "source_timeout": Advice("The old server is too slow, or silent", _OLD),
    "source_connect": Advice("The old server can't be reached", _OLD),
    "source_dns": Advice(
        "The address's host has no such name",
        f"Look for a typing error, or whether the host has moved. {_AGAIN}",
    ),
    "source_proxy": Advice("The proxy doesn't let us to the address", f"Look at --proxy. {_AGAIN}"),
    "source_certificate": Advice(
        "The old server's certificate is not trusted",
        "It may have run out: write http:// in the results file if that will do, or give its"
        " authority with --ca-file; then run again.",
    ),
    "source_not_http": Advice("Something answers there that is no web server", _BROWSE),
    "source_down": Advice(
        "The old server didn't work for a while",
        f"Nothing was sent, and the rows wait. {_AGAIN}",
    ),
    # ------------------------------------------------------------ what the gallery said
    "too_large": Advice(
        "The picture is too large for the gallery",
        "Save a smaller copy, put its path in the results file, then run it again.",
    ),
    "rejected": Advice(
        "The gallery names an error",
        "The message is the gallery's own. Correct what it names, then run again.",
    ),
    "conflict": Advice(
        "This conflicts with what the gallery has",
        "Look in the gallery whether the picture, or another of its name, is there already.",
    ),
    "http_400": Advice("The gallery says that the request is wrong", _ASK),
    "http_411": Advice(
        "The gallery wants to know the length",
        f"It was told; something on the way takes it out, often a proxy. {_ASK}",
    ),
    "http_414": Advice(
        "The names are too long for the gallery",
        "Shorten the picture's name, tag or collection in the results file, then run it again.",
    ),
    "http_422": Advice(
        "The gallery doesn't take these values",
        "Look at collection, date, tag and name of the row; correct them, then run again.",
    ),
    "forbidden": Advice(
        "The gallery forbids this upload",
        "Look at the account's rights for this collection, then run again.",
    ),
    "token_refused": Advice(
        "The gallery refuses the token",
        "Make a new token in the gallery's settings, tab Integration, then run again.",
    ),
    "wrong_endpoint": Advice(
        "There is no upload API at this address", "Look at --endpoint, then run again."
    ),
    "redirected": Advice(
        "The gallery sends us elsewhere", "Give the upload address itself with --endpoint."
    ),
    "server_error": Advice("The gallery had an error of its own", _LATER),
    "unavailable": Advice("The gallery was not available", _LATER),
    "rate_limited": Advice(
        "The gallery asked to go slower", f"Run again with a lower --rate. {_LATER}"
    ),
    "early_answer": Advice(
        "The gallery said yes before it had the whole picture",
        "Look in the gallery whether the picture is there, and whole.",
    ),
    "unasked": Advice(
        "The gallery's answer can't have been to this picture",
        "Something on the way mixes answers up. Look in the gallery whether the picture is there.",
    ),
    "not_http": Advice(
        "Something answered that is no gallery",
        f"Look at --endpoint, and at what stands in between. {_AGAIN}",
    ),
    # ------------------------------------------------------------ the network
    "dns": Advice("The gallery's name can't be resolved", _NETWORK),
    "connect": Advice("The gallery can't be reached", _NETWORK),
    "connect_timeout": Advice("The gallery doesn't take connections in time", _NETWORK),
    "proxy": Advice("The proxy refused the connection", f"Look at --proxy. {_AGAIN}"),
    "proxy_refused": Advice("The proxy wants a login", f"Look at --proxy. {_AGAIN}"),
    "captive_portal": Advice(
        "The network wants a login first", f"Open any web page, log in to the network. {_AGAIN}"
    ),
    "certificate": Advice(
        "The gallery's certificate is not trusted",
        "Look at --endpoint, --ca-file and this machine's date, then run again.",
    ),
    "timeout": Advice("No answer in time", _NETWORK),
    "stalled": Advice("The picture's bytes stopped moving", _NETWORK),
    "process_died": Advice(
        "A process of this computer died or hung while it sent the picture",
        "It may be there or not: look in the gallery. Was the computer's memory full? --processes 1"
        " needs the least.",
    ),
    "no_answer": Advice("The connection ended without an answer", _NETWORK),
    "copied_key": Advice(
        "The row was copied from another one, with its import_ columns",
        "If it is a picture of its own, run the results file again. If not, take it out first.",
    ),
    "torn_from_above": Advice(
        "A blank cell meant a row above that isn't there any more",
        "Write collection, date and tag into the row's own cells in the results file; then run"
        " again.",
    ),
    "bad_status": Advice(
        "The results file says of it what the importer can't read",
        "A word in import_status was changed. Look whether the pictures are in the gallery; write"
        " uploaded there where they are, or send them again with --rows unknown.",
    ),
    "interrupted": Advice(
        "A run was cut off while the picture was on its way",
        "Look in the gallery whether the picture is there.",
    ),
    # ------------------------------------------------------------ the manifest's cells
    "bad_row": Advice(
        "The row has too many or too few cells",
        "Look for a missing or superfluous delimiter or quote on that line.",
    ),
    "no_source": Advice("The row names no picture", f"Write its path or URL there. {_CELL}"),
    "no_collection": Advice("The row names no collection", f"Write the event's name. {_CELL}"),
    "long_collection": Advice("The collection's name is too long", _CELL),
    "bad_collection": Advice(
        "The collection's name has characters that the gallery doesn't take",
        f"Letters, digits, spaces and - are allowed. {_CELL}",
    ),
    "no_date": Advice("The date is missing", f"Write it like 2018-02-22. {_CELL}"),
    "bad_date": Advice(
        "The date is not in the gallery's form",
        f"Write it like 2018-02-22; a spreadsheet may have rewritten it. {_CELL}",
    ),
    "bad_collection_url": Advice(
        "The collection's URL can't be used", f"Only a-z, A-Z, 0-9 and - are allowed. {_CELL}"
    ),
    "several_tags": Advice(
        "The cell looks like several tags", f"The gallery takes one tag a picture. {_CELL}"
    ),
    "token_in_cell": Advice(
        "The gallery's token stands in the row",
        "Take it out of the manifest, and run again. If others have seen the file, let the gallery"
        " make a new token.",
    ),
    "other_date": Advice(
        "The collection has another date further up",
        "A collection has one date. Correct the wrong one in the results file, then run it again;"
        " if both are meant, say --allow-conflicts.",
    ),
    "other_url": Advice(
        "The collection has another URL further up",
        "A collection has one URL. Correct the wrong one in the results file, then run it again; if"
        " both are meant, say --allow-conflicts.",
    ),
    "shared_url": Advice(
        "Another collection has this URL further up",
        "Give each collection a URL of its own in the results file, then run it again; if it is"
        " meant so, say --allow-conflicts.",
    ),
    "bad_tag": Advice("The tag has a character that can't be sent", _CELL),
    "long_tag": Advice("The tag is too long", _CELL),
    "no_name": Advice("The picture has no name", f"Fill in the column name. {_CELL}"),
    "bad_name": Advice(
        "The picture's name can't be used", f"Give a plain file name, not a path. {_CELL}"
    ),
    "long_name": Advice("The picture's name is too long", _CELL),
    "bad_url": Advice("The picture's URL can't be used", _CELL),
    "url_with_password": Advice(
        "The URL has a user name or a password in it",
        f"The gallery would store it. Use an address without. {_CELL}",
    ),
    "bad_path": Advice("The path can't be used", f"Name one picture file. {_CELL}"),
    "windows_path": Advice(
        "The path is one of a Windows machine",
        f"Give it relative to the manifest's folder. {_CELL}",
    ),
    "unexpanded_path": Advice(
        "The path has a shortcut that is not expanded", f"Write the whole path. {_CELL}"
    ),
    "pattern": Advice("This is a pattern, not a file", f"Give one row a picture. {_CELL}"),
}


def advice_on(code: str) -> Advice:
    """The advice on a code; a general one where the table has none."""
    if code in ADVICE:
        return ADVICE[code]
    if gone := re.fullmatch("source_http_([1-5][0-9][0-9])", code):
        is_gone = gone[1].startswith("4") and gone[1] not in ("408", "429")
        todo = _BROWSE if is_gone else _OLD
        return Advice(f"The old server doesn't give the picture (status {gone[1]})", todo)
    status = re.fullmatch("http_([1-5][0-9][0-9])", code)
    if status and status[1].startswith("4"):
        return Advice(f"The gallery refuses the picture (status {status[1]})", _ASK)
    if status:
        return Advice(f"The gallery had trouble (status {status[1]})", _LATER)
    return Advice("Something else went wrong", f"Read the message. {_AGAIN}")
