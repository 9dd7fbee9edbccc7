"""``python -m tests.bad_inputs``: draw docs/bad-inputs.md from the table.

With ``--accept`` what a check says now is written down first; look at the difference before it is
committed, it is what people will read.
"""

from __future__ import annotations

import sys

from tests.bad_inputs.page import PAGE, accept, drawn

if "--accept" in sys.argv[1:]:
    accept()
PAGE.write_text(drawn(), encoding="utf-8")
print(f"{PAGE} is drawn")
