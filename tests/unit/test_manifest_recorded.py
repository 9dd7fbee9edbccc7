"""What an earlier run wrote behind a row."""

import contextlib
from pathlib import Path

import pytest

from importer.errors import ManifestError
from importer.manifest.columns import find_columns
from importer.manifest.recorded import recorded_in
from importer.model import Row, Status

HEADER = ("import_key", "source", "collection", "date", "import_status", "import_http")
COLUMNS = find_columns(Path("r.csv"), HEADER, line=1, defaults={})
KEY = "00112233445566778899aabbccddeeff"


def recorded(key=KEY, status="uploaded", http="200"):
    return recorded_in(Row(2, [key, "a.jpg", "Fair", "2018-02-22", status, http]), COLUMNS)


@pytest.mark.parametrize("status", ["pending", "uploaded", "failed", "unknown", "invalid",
                                    "duplicate", "changed"])  # fmt: skip
def test_every_status_that_a_results_file_has_is_read(status):
    found = recorded(status=status)
    assert found.status is Status(status)
    assert found.key == bytes.fromhex(KEY)
    assert found.cells == {"import_key": KEY, "import_status": status, "import_http": "200"}


@pytest.mark.parametrize(
    ("status", "is_settled"),
    [("uploaded", True), ("unknown", True), ("changed", True), ("pending", False),
     ("failed", False), ("invalid", False), ("duplicate", True)],
)  # fmt: skip
def test_what_reached_the_gallery_or_may_have_or_whose_twin_did_is_settled(status, is_settled):
    assert recorded(status=status).is_settled is is_settled


@pytest.mark.parametrize("status", [" Uploaded ", "UPLOADED"])
def test_a_spreadsheets_spelling_of_a_status_is_understood(status):
    assert recorded(status=status).status is Status.UPLOADED


@pytest.mark.parametrize(
    ("key", "status"),
    [(KEY, ""), ("", ""), ("", "pending"), ("not hex", "failed"), ("1", "pending")],
)
def test_a_row_that_was_never_sent_and_records_nothing_usable_is_a_new_one(key, status):
    assert recorded(key=key, status=status) is None


def test_a_word_that_is_none_of_ours_leaves_a_row_that_was_sent_to_a_person():
    found = recorded(status="done")
    assert (found.status, found.cells["import_code"]) == (Status.UNKNOWN, "bad_status")
    assert "'done'" in found.cells["import_message"]


def test_a_row_that_is_too_short_records_nothing():
    assert recorded_in(Row(2, [KEY, "a.jpg", "Fair"]), COLUMNS) is None
    assert recorded_in(Row(2, []), COLUMNS) is None


@pytest.mark.parametrize("status", ["uploaded", "unknown", "changed"])
@pytest.mark.parametrize("key", ["", "1.12233E+29", KEY[:-1]])
def test_a_row_that_was_sent_isnt_new_because_its_key_was_damaged(status, key):
    """bad-inputs 77: spreadsheets rewrite keys that look like numbers; an error, never a resend."""

    with contextlib.suppress(ManifestError):
        found = recorded(key=key, status=status)
        assert found is not None
        assert found.is_settled
