"""What a row says of its collection, and what is wrong where an earlier row said otherwise; pure.

To the gallery a collection is a name with one date and, perhaps, one URL. Nobody knows what it
makes of a second one, so the first row that names a collection counts. A blank URL contradicts
none: many manifests give it in a collection's first row alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from importer.manifest.rules import excerpt
from importer.model import Invalid, LocalFile, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.manifest.columns import Columns
    from importer.model import Collection, Picture

SENT = 0  #: instead of a line: said by a row that was sent before the manifest was changed
FIX = "correct the wrong one, or say --allow-conflicts to send it as it is"


class Claim(NamedTuple):
    """One thing that is said, such as a name's date."""

    what: str  #: d, u or n for its kind, and the name or URL that it is about
    said: str


class Contradiction(NamedTuple):
    """What a row claims, and who said otherwise first."""

    claim: Claim
    said: str
    line: int  #: or SENT


def claims_of(collection: Collection) -> list[Claim]:
    """What a row with this collection says: the name's date and URL, and the URL's name."""
    claims = [Claim("d" + collection.name, collection.date)]
    if collection.url:
        claims.append(Claim("u" + collection.name, collection.url))
        claims.append(Claim("n" + collection.url, collection.name))
    return claims


def held(picture: Picture, found: Sequence[Contradiction], columns: Columns) -> Invalid:
    """The row of a picture that isn't sent, since it contradicts what stands further up."""
    source = picture.source
    shown = source.path if isinstance(source, LocalFile) else source.url
    problems = tuple(_problem(picture.line, one, columns) for one in found)
    return Invalid(picture.key, picture.row, problems, shown, picture.collection.name)


def _problem(line: int, found: Contradiction, columns: Columns) -> Problem:
    (kind, about), said = (found.claim.what[0], found.claim.what[1:]), found.claim.said
    where = f"on line {found.line}" if found.line != SENT else "in what was sent"
    before = excerpt(found.said)
    if kind == "d":
        what = f"the collection {excerpt(about)} has the date {found.said} {where}, {said} here"
        return Problem(line, columns.spelled("date"), "other_date", what, FIX)
    column = columns.spelled("collection_url")
    if kind == "u":
        what = f"the collection {excerpt(about)} has the URL {before} {where}, {excerpt(said)} here"
        return Problem(line, column, "other_url", what, FIX)
    what = f"the URL {excerpt(about)} is the collection {before} {where}, {excerpt(said)} here"
    return Problem(line, column, "shared_url", what, FIX)
