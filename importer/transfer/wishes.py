"""Other limits for an import that is running: a small file beside its journal, looked at at times.

``importer pace`` writes it in another process. A signal would be quicker, and Windows has none that
could carry a number.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread

from importer.errors import ImporterError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from importer.clock import Clock
    from importer.settings import Pace
    from importer.transfer.fetching import Fetching
    from importer.transfer.pacing import Pacing

EVERY_S = 1.0  # between two looks
MOST_BYTES = 4_096  # of such a file; a longer one is none of ours
TRIES = 20  # to replace it: Windows refuses while a run has it open
MOST = 10**15  # of anything; JSON's 1e999 is infinite
FIELDS: Final = ("concurrency", "rate", "bandwidth", "fetch_bandwidth")  # of a Pace; null lifts one


def wishes_of(results: Path) -> Path:
    """Where the wishes for the job with these results lie."""
    return results.with_name(results.name + ".pace")


def read_wishes(text: str, pace: Pace) -> Pace:
    """The pace with what the text asks for.

    Raises:
        ValueError: the text is no wish of ours.
        UsageError: a number can't be.
    """
    try:
        found = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError from None
    if not isinstance(found, dict) or not found or not found.keys() <= set(FIELDS):
        raise ValueError
    for name, value in found.items():
        kind = float | int if name == "rate" else int
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, kind) or value >= MOST:
            raise ValueError
    return replace(pace, **found)


def _no_number(name: str) -> None:
    """JSON has no NaN and no Infinity, though Python's reader takes them."""
    raise ValueError(name)


def ask(path: Path, wishes: Mapping[str, Any], pace: Pace) -> None:
    """Write wishes, and keep those that were asked for before.

    Raises:
        UsageError: a number can't be.
        StorageError: the file can't be written.
    """
    with suppress(OSError, ValueError, ImporterError):
        before = path.read_text(encoding="utf-8")
        read_wishes(before, pace)
        wishes = {**json.loads(before), **wishes}
    read_wishes(json.dumps(dict(wishes)), pace)
    half_made = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        half_made.write_text(json.dumps(dict(wishes)), encoding="utf-8")
        _replace(half_made, path)
    except OSError as error:
        raise StorageError(f"{path} can't be written ({error.strerror})") from None
    finally:
        half_made.unlink(missing_ok=True)


def _replace(half_made: Path, path: Path) -> None:
    for left in reversed(range(TRIES)):
        try:
            half_made.replace(path)
        except PermissionError:
            if not left:
                raise
        else:
            return


async def follow(
    results: Path,
    pacing: Pacing,
    fetching: Fetching | None,
    pace: Pace,
    clock: Clock,
    warn: Callable[[str], None],
) -> None:
    """Do as is wished for the job with these results, until cancelled; leaves no file behind."""
    path = wishes_of(results)
    seen, has_warned = "", False
    try:
        while True:
            await clock.sleep(EVERY_S)
            text = await anyio.to_thread.run_sync(_text_of, path)
            if text == seen:
                continue
            seen = text
            try:
                wanted = read_wishes(text, pace) if text else pace
            except (ValueError, ImporterError):
                if not has_warned:
                    warn(f"{path.name} asks for nothing that can be done; the limits stay")
                has_warned = True
                continue
            if wanted.concurrency is not None and wanted.concurrency > pacing.ceiling:
                warn(f"this run began with places for {pacing.ceiling} pictures at once, no more")
            pacing.change(wanted)
            if fetching is not None:
                fetching.bandwidth.change(wanted.fetch_bandwidth)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(forget, results)


def forget(results: Path) -> None:
    """What an earlier run of the job was asked for isn't asked of the next one."""
    with suppress(OSError):
        wishes_of(results).unlink(missing_ok=True)


def _text_of(path: Path) -> str:
    """What the file says; empty when there is none, or none that can be read."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1).decode("utf-8", "replace")
    except OSError:
        return ""
