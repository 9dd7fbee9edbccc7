"""The real command in this process: what a check of a bad manifest says, and how it ends."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from importer.cli.app import main
from tests.bad_inputs.entry import Bad
from tests.conftest import JPEG_HEAD

MANY = 10


class Said(NamedTuple):
    """How it ended, and each problem and warning as a person reads them."""

    code: int
    texts: tuple[str, ...]
    all: str  #: everything that was written


def checked(bad: Bad, folder: Path) -> Said:
    """Lay the files out, and check the manifest from another folder."""
    folder.mkdir()
    (folder.parent / "outside.jpg").write_bytes(JPEG_HEAD)
    for name, content in {"a.jpg": JPEG_HEAD, "b.jpg": JPEG_HEAD + b"b", **bad.files}.items():
        (folder / name).write_bytes(content)
    manifest = folder / bad.name
    manifest.write_bytes(bad.bytes)
    if bad.prepare is not None:
        bad.prepare(folder)
    args = [str(folder) if word == "." else word for word in bad.args]
    code, out, err = command("check", str(manifest), "--json", *args, environ=bad.environ)
    everything = out + err
    assert "Traceback" not in everything
    if code == 2:
        text = err.replace(f"{folder}{os.sep}", "").removeprefix("importer: ").rstrip("\n")
        return Said(code, (text.replace("\n  ", "; "),), everything)
    found = json.loads(out)
    texts = [f"note: {note}" for note in found["notes"]]
    texts += [_told(one) for one in found["problems"]]
    texts += [f"warning: {_told(one)}" for one in found["warnings"]]
    counts = {k: n for k, n in found["counts"].items() if n > 1}
    if len(texts) > MANY:
        texts = [texts[0], f"... {len(texts):,} are shown"]
    texts += [f"{count:,} of {code}" for code, count in counts.items()]
    shown = [text.replace(f"{folder}{os.sep}", "").replace(str(folder), "DIR") for text in texts]
    return Said(code, tuple(shown), everything)


def _told(problem: dict[str, str]) -> str:
    first, last, row = (int(problem[key]) for key in ("line", "last_line", "row"))
    where = f"m.csv:{first}" + (f"-{last}" if last != first else "")
    where += f" (row {row} of a spreadsheet)" if row != first else ""
    where += f", column {problem['column']}" if problem["column"] else ""
    return f"{where}: {problem['what']}; {problem['fix']}"


def command(*words: str, environ: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Its exit code, stdout and stderr."""
    if environ:  # a token is kept for as long as a process lives
        done = subprocess.run(
            [sys.executable, "-m", "importer", *words],
            env={**os.environ, **environ},
            capture_output=True,
            encoding="utf-8",
        )
        return done.returncode, done.stdout, done.stderr
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.object(sys, "argv", ["importer", *words]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()
