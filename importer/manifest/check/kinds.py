"""The kinds of findings: which of them only warn, which a run doesn't heed, and each one's cure."""

from __future__ import annotations

#: worth knowing; the row is sent as it stands, and the check ends with 0
WARNINGS = frozenset(
    {
        "same_row",
        "same_file",
        "same_name",
        "name_alike",
        "same_bytes",
        "collection_alike",
        "tag_alike",
        "other_extension",
        "plain_http",
        "private_address",
        "share_page",
        "share_folder",
        "drive_page",
        "dropbox_page",
        "sharepoint_page",
        "future_date",
        "ancient_date",
    }
)

#: problems that only a check looks for: a run sends such a picture all the same
STILL_SENT = frozenset({"too_large", "damaged_picture", "huge_picture"})

CURES = {
    "file_missing": "correct the path; it is relative to the manifest's folder",
    "misspelled_path": "write the name as the disk has it; --fix does it",
    "file_empty": "find the picture's original",
    "file_forbidden": "allow this user to read it",
    "not_a_file": "name a picture file",
    "not_a_picture": "take the row out, or say --any-type if it is meant",
    "too_large": "send a smaller copy",
    "damaged_picture": "find the picture's original",
    "huge_picture": "send a smaller copy, if it is a picture at all",
    "same_row": "nothing has to be done",
    "same_file": "take one of the rows out, unless both are meant",
    "same_name": "fill in the column name where the gallery should tell them apart",
    "name_alike": "fill in the column name where the gallery should tell them apart",
    "same_bytes": "take one of the rows out, unless both are meant",
    "collection_alike": "write them alike where one collection is meant",
    "tag_alike": "write them alike where one tag is meant",
    "other_extension": "nothing has to be done: the gallery gets the true type",
}


def is_left_out(codes: str) -> bool:
    """A run doesn't send a picture with these problems, written with blanks between them."""
    return bool(codes) and not STILL_SENT.issuperset(codes.split())
