"""``python -m tests.soak.command FILE WORDS...``: the command ``importer``, and how many tasks it has.

The command as it is; beside it, in its loop, one task writes a number into FILE every so often.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from importer import api
from importer.cli import main

EVERY_S = 0.05


async def _count(path: Path) -> None:
    while True:
        path.write_text(str(len(asyncio.all_tasks()) - 1), encoding="ascii")  # but for this one
        await asyncio.sleep(EVERY_S)


def _watched(path: Path) -> None:
    importing = api.import_manifest

    async def import_manifest(*given: Any, **named: Any) -> Any:
        counting = asyncio.create_task(_count(path))
        try:
            return await importing(*given, **named)
        finally:
            counting.cancel()

    api.import_manifest = import_manifest


if __name__ == "__main__":
    _watched(Path(sys.argv[1]))
    sys.argv[:] = ["importer", *sys.argv[2:]]
    main()
