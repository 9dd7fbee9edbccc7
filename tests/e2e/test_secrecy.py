"""What Python itself prints, hands down or leaves behind shows no token. Each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.conftest import Archive
from tests.e2e.conftest import Command, RunningGallery, clean_environment
from tests.leaks import TOKEN, hits

BEGIN = """
import os, sys
from importer.cli.secrecy import keep
from importer.credentials import find_token
token = find_token(None, os.environ)
keep(token)
url = f"https://gallery.example/up?token={token.reveal()}&name=x"
"""

#: ways in which a text that holds the URL reaches stderr without anybody meaning it
SLIPS = {
    "log": "import logging; logging.error('posting %s', url)",
    "log of an exception": """
        import logging
        try:
            raise ValueError(url)
        except ValueError:
            logging.exception("it broke")
    """,
    "log with a handler of its own": """
        import logging
        logging.basicConfig(level=10, stream=sys.stdout)
        logging.getLogger("aiohttp.client").debug("GET %r", url)
    """,
    "asyncio": """
        import asyncio, gc
        async def fails():
            raise ValueError(url)
        async def main():
            task = asyncio.ensure_future(fails())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            del task
            gc.collect()
        asyncio.run(main())
    """,
    "a thread": """
        import threading
        def fails():
            raise ValueError(url)
        thread = threading.Thread(target=fails)
        thread.start()
        thread.join()
    """,
    "a destructor": """
        class Dying:
            def __del__(self):
                raise ValueError(url)
        one = Dying()
        del one
    """,
    "a warning": "import warnings; warnings.simplefilter('always'); warnings.warn(f'unclosed <{url}>')",
    "an exception that nobody caught": "raise ValueError(url)",
    "an exception and its causes": """
        try:
            try:
                raise ValueError(url)
            except ValueError as error:
                raise OSError(5, url) from error
        except OSError as error:
            raise RuntimeError(url)
    """,
}

pytestmark = pytest.mark.fresh  # what stands around the command is what these are about


def python(code: str, folder: Path, *, is_kept: bool = True) -> subprocess.CompletedProcess[str]:
    begin = BEGIN if is_kept else BEGIN.replace("keep(token)", "")
    return subprocess.run(
        [sys.executable, "-c", begin + textwrap.dedent(code)],
        env=clean_environment(IMPORTER_TOKEN=TOKEN), cwd=folder,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_a_slip_shows_no_token(slip: str, tmp_path: Path) -> None:
    """Something is said, and the token isn't in it; without the net it would be."""
    done = python(slip, tmp_path)
    assert done.stdout + done.stderr
    assert hits(tmp_path, done.stdout, done.stderr) == []
    bare = python("os.environ.clear()\n" + textwrap.dedent(slip), tmp_path, is_kept=False)
    assert hits(tmp_path, bare.stdout, bare.stderr), "no slip at all, so it proves nothing"


def test_children_inherit_no_token(tmp_path: Path) -> None:
    """A browser that shows the report, say, and whatever that starts."""
    done = python(
        """
        import subprocess
        print(subprocess.run([sys.executable, "-c", "import os; print(dict(os.environ))"],
                             capture_output=True, text=True).stdout)
        """,
        tmp_path,
    )
    assert "PATH" in done.stdout
    assert hits(tmp_path, done.stdout) == []


def test_no_process_shows_it_while_a_run_goes_on(
    archive: Archive, start_gallery: Callable[..., RunningGallery], command: Command
) -> None:
    """No command line on the whole machine, and no environment of whatever the run started."""
    gallery = start_gallery("delay=2s@100%")
    archive.fill(1)
    no_files = archive.folder / "none"  # they come and go while the run goes on
    process = command.start("run", archive.manifest, "--endpoint", gallery.endpoint)
    seen = 0
    while process.poll() is None:
        for one in psutil.process_iter():
            with suppress(psutil.Error):
                seen += one.pid == process.pid and archive.journal.exists()
                assert hits(no_files, *one.cmdline()) == []
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                assert hits(no_files, *child.environ().values()) == []
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert seen, "the run was looked at while it sent"
    assert hits(archive.folder, out, err) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no core files")
def test_a_crash_leaves_no_core_file(tmp_path: Path) -> None:
    """It would hold the whole memory, and with it the token."""
    done = python("import resource; print(resource.getrlimit(resource.RLIMIT_CORE))", tmp_path)
    assert done.stdout == "(0, 0)\n"


def test_the_log_of_a_defect_shows_no_token(tmp_path: Path) -> None:
    """Also of a token that came from a file."""
    secret = tmp_path / "token.txt"
    secret.write_text(TOKEN, encoding="utf-8")
    secret.chmod(0o600)
    (tmp_path / "kept").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(f"""
            import sys, tempfile
            tempfile.tempdir = {str(tmp_path / "kept")!r}
            from importer import api
            def broken(settings, token, **_):
                raise LookupError("https://gallery.example/up?token=" + token.reveal())
            api.run_import = broken
            from importer.cli import main
            sys.argv = ["importer", "run", "archive.csv", "--token-file", {str(secret)!r}]
            main()
        """)],
        env=clean_environment(), cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 70, done.stderr
    (log,) = (tmp_path / "kept").glob("importer-defect-*.log")
    assert "LookupError" in log.read_text(encoding="utf-8")
    assert hits(tmp_path / "kept", done.stdout, done.stderr) == []
