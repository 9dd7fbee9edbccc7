"""``python -m tests.faults``: draw docs/faults.md from the table."""

from __future__ import annotations

from tests.faults.page import PAGE, drawn

PAGE.write_text(drawn(), encoding="utf-8")
print(f"{PAGE} is drawn")
