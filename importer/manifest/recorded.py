"""What an earlier run wrote behind a row: the recorded columns of a results file; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from importer.manifest.identity import KEY_BYTES
from importer.model import MAYBE_THERE, Invalid, Picture, Row, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.manifest.columns import Columns


#: what only a row has that was sent
_TOLD = ("import_http", "import_sha256", "import_at", "import_answer")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a results file says of one of its rows."""

    key: bytes  #: of the row as it was when it was last run; empty when a spreadsheet damaged it
    status: Status
    cells: Mapping[str, str]  #: result column -> text

    @property
    def is_settled(self) -> bool:
        """It reached the gallery, or may have, or its twin did: it is never sent by mistake."""
        return self.status in MAYBE_THERE or self.status is Status.DUPLICATE

    @property
    def is_marked(self) -> bool:
        """An attempt that failed may have brought it there all the same."""
        return self.cells.get("import_possible_duplicate", "").strip().lower() == "yes"


#: a row as it was judged, and what a results file says of it
Judged: TypeAlias = "tuple[Picture | Invalid, Recorded | None]"


def recorded_in(row: Row, columns: Columns) -> Recorded | None:
    """What the row records, or None when it records nothing that can be used."""
    cells = {
        name: row.cells[index] for name, index in columns.recorded.items() if index < len(row.cells)
    }
    word = cells.get("import_status", "").strip().lower()
    try:
        status = Status(word)
    except ValueError:
        if not word or not any(cells.get(name, "").strip() for name in _TOLD):
            return None
        status = Status.UNKNOWN  # something was sent, and nobody can read what became of it
        cells["import_code"], cells["import_message"] = "bad_status", _unread(word)
    recorded = Recorded(_key_in(cells.get("import_key", "")), status, cells)
    return recorded if recorded.key or recorded.is_settled else None


def _unread(word: str) -> str:
    return (
        f"import_status is {word!r}, which is no word of the importer's; write uploaded where the"
        " gallery has the picture"
    )


def _key_in(text: str) -> bytes:
    """A key as it was written; spreadsheets turn one that looks like a number into 1.12E+29."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return b""
    return key if len(key) == KEY_BYTES else b""
