"""What a Ctrl-C does when an import has ended, and its loop hasn't yet."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import pytest

from importer import api
from importer.secret import Token
from importer.settings import Settings
from tests.conftest import Archive

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX knows them")


@pytest.mark.parametrize("heeds", [True, False])
def test_a_ctrl_c_ends_a_loop_at_once_that_only_ends(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, heeds: bool
) -> None:
    """A KeyboardInterrupt there left half ended tasks, with a word of asyncio's about each."""
    seen: list[Any] = []
    ending = asyncio.BaseEventLoop.shutdown_default_executor

    async def watched(loop: asyncio.BaseEventLoop) -> None:
        seen.append(signal.getsignal(signal.SIGINT))
        await ending(loop)

    monkeypatch.setattr(asyncio.BaseEventLoop, "shutdown_default_executor", watched)
    monkeypatch.setattr(api, "_has_fast_loop", lambda: False)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    archive.fill(2)
    try:
        settings = Settings(archive.manifest, dry_run=True)
        api.run_import(settings, Token("T"), handle_signals=heeds)
        after = signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (seen == [signal.SIG_DFL]) is heeds
    assert after is signal.default_int_handler
