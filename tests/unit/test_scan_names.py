"""Folder and file names as operators and photographers write them: what a scan reads in them."""

from __future__ import annotations

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import UsageError
from importer.manifest import rules
from importer.manifest.scan import names
from importer.manifest.scan.dates import exif_moment, file_moment, folder_day, seems_dated
from importer.manifest.scan.options import Scanning
from importer.manifest.scan.placing import place_of, tag_in_name

DMY = "%d.%m.%Y"

#: folder's name, --date-format, the collection, its date
FOLDERS = [
    # year first: read unasked, wherever it stands
    ("2018-02-22 Smith Wedding", "", "Smith Wedding", "2018-02-22"),
    ("2018-02-22_Smith_Wedding", "", "Smith Wedding", "2018-02-22"),
    ("20180222 Smith Wedding", "", "Smith Wedding", "2018-02-22"),
    ("20180222_Hochzeit_Müller", "", "Hochzeit Müller", "2018-02-22"),
    ("2018.02.22 - Mariage Léa & Hugo", "", "Mariage Léa - Hugo", "2018-02-22"),
    ("2018_02_22 Anniversaire de Zoé", "", "Anniversaire de Zoé", "2018-02-22"),
    ("2018 02 22 Photobooth ACME GmbH", "", "Photobooth ACME GmbH", "2018-02-22"),
    ("Smith Wedding 2018-02-22", "", "Smith Wedding", "2018-02-22"),
    ("Smith Wedding (2018-02-22)", "", "Smith Wedding", "2018-02-22"),
    ("Hochzeit 2018-02-22 Müller", "", "Hochzeit Müller", "2018-02-22"),
    ("Hochzeit - 2018-02-22 - Müller", "", "Hochzeit - Müller", "2018-02-22"),
    ("[2018-02-22] Abiball Gymnasium Nord", "", "Abiball Gymnasium Nord", "2018-02-22"),
    ("2018-02-22", "", "2018-02-22", "2018-02-22"),
    ("20180222", "", "2018-02-22", "2018-02-22"),
    ("2018-02-22 2018-02-22 Doubled", "", "2018-02-22 Doubled", "2018-02-22"),
    ("2018-02-22_01 Trauung", "", "01 Trauung", "2018-02-22"),
    # what the gallery takes of a name
    ("Anna's 40th (Box 2)", "", "Annas 40th Box 2", ""),
    ("Anna\u2019s Birthday 🎉", "", "Annas Birthday", ""),
    ("Firmenfeier_Groß+Söhne_GmbH_&_Co._KG", "", "Firmenfeier Groß-Söhne GmbH - Co KG", ""),
    ("50 Jahre «Krone»", "", "50 Jahre Krone", ""),
    ("Fête de l'été \u2013 soirée", "", "Fête de lété - soirée", ""),
    ("  Summer   Fair  ", "", "Summer Fair", ""),
    ("-- Test --", "", "Test", ""),
    ("🎉🎉", "", "", ""),
    ("結婚式", "", "結婚式", ""),
    ("Свадьба Ивановых", "", "Свадьба Ивановых", ""),
    # nothing is read that could be something else
    ("Smith Wedding 22.02.2018", "", "Smith Wedding 22 02 2018", ""),
    ("Smith Wedding 02-03-2018", "", "Smith Wedding 02-03-2018", ""),
    ("180222 Hochzeit Huber", "", "180222 Hochzeit Huber", ""),
    ("2018 Smith Wedding", "", "2018 Smith Wedding", ""),
    ("2018-02 Smith Wedding", "", "2018-02 Smith Wedding", ""),
    ("Smith Wedding 2018", "", "Smith Wedding 2018", ""),
    ("2018-02-30 Smith Wedding", "", "2018-02-30 Smith Wedding", ""),
    ("2018-02-22_24 Festival", "", "2018-02-22 24 Festival", ""),
    ("2018-02-22 - 24 Festival", "", "2018-02-22 - 24 Festival", ""),
    ("2018-02-22 bis 24 Messe", "", "2018-02-22 bis 24 Messe", ""),
    ("2018-02-22 - 2018-02-24 Festival", "", "2018-02-22 - 2018-02-24 Festival", ""),
    ("Auftrag 12018022233", "", "Auftrag 12018022233", ""),
    ("٢٠١٨-٠٢-٢٢ Party", "", "2018-02-22 Party", ""),
    # what --date-format says
    ("Smith Wedding 22.02.2018", DMY, "Smith Wedding", "2018-02-22"),
    ("22.2.2018 Hochzeit Müller", DMY, "Hochzeit Müller", "2018-02-22"),
    ("Hochzeit Müller am 22.02.2018", "am %d.%m.%Y", "Hochzeit Müller", "2018-02-22"),
    ("22. Februar 2018 Hochzeit", "%d. %B %Y", "Hochzeit", "2018-02-22"),
    ("Mariage Léa 22 février 2018", "%d %B %Y", "Mariage Léa", "2018-02-22"),
    ("Mariage 1er août 2018", "%der %B %Y", "Mariage", "2018-08-01"),
    ("Feb 22, 2018 Smith Wedding", "%b %d, %Y", "Smith Wedding", "2018-02-22"),
    ("Jones 02-22-2018", "%m-%d-%Y", "Jones", "2018-02-22"),
    ("180222 Hochzeit Huber", "%y%m%d", "Hochzeit Huber", "2018-02-22"),
    ("22022018_Party", "%d%m%Y", "Party", "2018-02-22"),
    ("31.02.2018 Party", DMY, "31 02 2018 Party", ""),
    ("2018-02-22 Smith Wedding", DMY, "Smith Wedding", "2018-02-22"),
    ("22.02.2018 (2018-02-22) Party", DMY, "2018-02-22 Party", "2018-02-22"),
    ("22.02.2018 Party 2019-01-01", DMY, "22 02 2018 Party 2019-01-01", ""),
]


@pytest.mark.parametrize(("folder", "form", "collection", "day"), FOLDERS)
def test_a_folder_names_collection_and_date(
    folder: str, form: str, collection: str, day: str
) -> None:
    """A date that can be only one is taken out; the rest is what the gallery takes of it."""
    scanning = Scanning(date_formats=(form,) if form else ())
    place = place_of((folder,), scanning, root="archive")
    assert (place.collection, str(place.day or "")) == (collection, day)
    assert not collection or rules.collection_name(collection) is None


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("IMG_20180222_183005.jpg", "2018-02-22 18:30:05"),
        ("PXL_20180222_183005123.jpg", "2018-02-22 18:30:05"),
        ("PXL_20180222_183005123.MP.jpg", "2018-02-22 18:30:05"),
        ("20180222_183005.heic", "2018-02-22 18:30:05"),
        ("20180222183005.jpg", "2018-02-22 18:30:05"),
        ("VID_20180222_183005.mp4", "2018-02-22 18:30:05"),
        ("2018-02-22 18.30.05.jpg", "2018-02-22 18:30:05"),
        ("2018-02-22 18.30.05-2.jpg", "2018-02-22 18:30:05"),
        ("WhatsApp Image 2018-02-22 at 18.30.05.jpeg", "2018-02-22 18:30:05"),
        ("WhatsApp Image 2018-02-22 at 6.30.05 PM (2).jpeg", "2018-02-22 18:30:05"),
        ("WhatsApp Bild 2018-02-22 um 18.30.05.jpeg", "2018-02-22 18:30:05"),
        ("Bildschirmfoto 2018-02-22 um 18.30.05.png", "2018-02-22 18:30:05"),
        ("Screenshot_20180222-183005.png", "2018-02-22 18:30:05"),
        ("signal-2018-02-22-183005.jpg", "2018-02-22 18:30:05"),
        ("2018-02-22T18:30:05.jpg", "2018-02-22 18:30:05"),
        ("2018-02-22 12h34m56.jpg", "2018-02-22 12:34:56"),
        ("photobooth_2018-02-22_18-30-05_strip.png", "2018-02-22 18:30:05"),
        ("IMG-20180222-WA0001.jpg", "2018-02-22"),
        ("2018-02-22_0001.jpg", "2018-02-22"),
        ("2018-02-22-31.jpg", "2018-02-22"),
        ("2018-02-22 smith-wedding 17.jpg", "2018-02-22"),
        ("20180222_256199.jpg", "2018-02-22"),
        ("IMG_19700101_000012.jpg", ""),
        ("IMG_0001.jpg", ""),
        ("DSC_2018.jpg", ""),
        ("1519300000000.jpg", ""),
        ("IMG_20181322_183005.jpg", ""),
        ("22-02-2018.jpg", ""),
        ("2018-02-22 to 2019-02-22.jpg", ""),
    ],
)
def test_a_file_name_tells_its_moment(name: str, moment: str) -> None:
    """What cameras, phones and messengers write; the time only where it stands behind the date."""
    found = file_moment(name)
    told = "" if found is None else f"{found[0]} {found[1] or ''}".strip()
    assert told == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2018:02:22 18:30:05", "2018-02-22 18:30:05"),
        ("2018:02:22 18:30:05\0", "2018-02-22 18:30:05"),
        ("2018-02-22T18:30:05+01:00", "2018-02-22 18:30:05"),
        ("0000:00:00 00:00:00", None),
        ("2018:00:22 18:30:05", None),
        ("2018:02:22 24:30:05", None),
        ("    :  :     :  :  ", None),
        ("1970:01:01 00:00:00", None),
        ("1980:01:01 00:00:12", None),
        ("0018:02:22 18:30:05", None),
        ("", None),
    ],
)
def test_exif_is_believed_where_it_can_be(text: str, moment: str | None) -> None:
    """Cameras whose clock was never set write zeros, or the day their clock begins with."""
    found = exif_moment(text)
    assert (str(found) if found else None) == moment


@pytest.mark.parametrize(
    ("name", "seems"),
    [("Party 22.02.2018", True), ("Party 2-22-18", True), ("Party 2018", False), ("1.2.3", False)],
)
def test_it_is_said_where_a_date_format_may_help(name: str, seems: bool) -> None:
    assert seems_dated(name) == seems


@pytest.mark.parametrize("form", ["%d.%m", "%d.%m.%Y %H", "", "%Y-%m-%d-%d", "%j", "22.02.2018"])
def test_a_date_format_names_one_day(form: str) -> None:
    """Day, month and year, once each; anything else is refused before the scan begins."""
    with pytest.raises(UsageError, match="--date-format"):
        Scanning(date_formats=(form,))


CHAIN = ("2018", "2018-02-22 Smith Wedding", "Booth 1", "Session 3")


@pytest.mark.parametrize(
    ("wish", "tags", "collection", "tag"),
    [
        ("folder", "none", "Session 3", ""),
        ("parent", "folder", "Booth 1", "Session 3"),
        ("top", "folder", "2018", "2018-02-22 Smith Wedding - Booth 1 - Session 3"),
        ("text", "folder", "Fair", "2018 - 2018-02-22 Smith Wedding - Booth 1 - Session 3"),
    ],
)
def test_collection_and_tag_come_from_the_way(
    wish: str, tags: str, collection: str, tag: str
) -> None:
    """The sub-folders below the collection's own are the tag, together."""
    scanning = Scanning(collection_from=wish, tag_from=tags, collection="Fair")  # type: ignore[arg-type]
    place = place_of(CHAIN, scanning, root="archive")
    assert (place.collection, place.tag) == (collection, tag)


@pytest.mark.parametrize(
    ("wish", "parts", "collection"),
    [
        ("folder", (), "archive"),
        ("parent", (), ""),
        ("parent", ("Smith",), "archive"),
        ("top", (), ""),
        ("top", ("Smith",), "Smith"),
    ],
)
def test_folders_above_the_scanned_one_name_nothing(
    wish: str, parts: tuple[str, ...], collection: str
) -> None:
    """Where the tree is too flat, the collection stays blank."""
    place = place_of(parts, Scanning(collection_from=wish), root="archive")  # type: ignore[arg-type]
    assert place.collection == collection


@pytest.mark.parametrize(
    ("name", "pattern", "tag"),
    [
        ("smith_S012_3.jpg", "_(S[0-9]+)_", "S012"),
        ("smith_S012_3.jpg", "(?P<tag>[0-9]+)_(x)?", "012"),
        ("smith.jpg", "_(S[0-9]+)_", ""),
        ("smith.jpg", "(x)?", ""),
        ("a,b|c.jpg", "(.*)[.]", "a b c"),
        ("=1+1.jpg", "(.*)[.]", "1+1"),
    ],
)
def test_a_pattern_takes_the_tag_out_of_a_file_name(name: str, pattern: str, tag: str) -> None:
    assert tag_in_name(name, pattern) == tag


def test_two_writings_of_one_name_are_one_name() -> None:
    """macOS writes u and two dots where others write one letter; nobody sees a difference."""
    place = place_of(
        ("Mu\u0308ller", "Bu\u0308hne"), Scanning(collection_from="top", tag_from="folder"), root=""
    )
    assert (place.collection, place.tag, place.is_renamed) == ("Müller", "Bühne", False)


def test_names_are_kept_where_that_is_wished() -> None:
    """Then the check says which characters the gallery doesn't take."""
    place = place_of(("2018-02-22 Tom & Ann",), Scanning(keep_names=True), root="archive")
    assert (place.collection, place.is_renamed) == ("Tom & Ann", False)
    assert rules.collection_name(place.collection) is not None


@given(st.text())
def test_what_comes_out_is_taken_by_the_gallery(text: str) -> None:
    """Whatever a folder is called: a collection's name that is left passes, and so does a tag."""
    name, tag = names.collection_name(text), names.tag((text, text))
    assert not name or rules.collection_name(name) is None
    assert names.collection_name(name) == name
    assert not tag or rules.tag(tag) is None


@given(st.text(), st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_a_date_is_found_or_nothing_is_changed(text: str, day: date) -> None:
    """Nothing of a name is lost but its date."""
    found, rest = folder_day(f"{day} {text}")
    assert found in (day, None)
    assert rest == f"{day} {text}" or len(rest) <= len(text)
    assert file_moment(f"{day}.jpg") == (day, None)
    assert file_moment(f"{day} 23.59.59.jpg") == (day, time(23, 59, 59))
