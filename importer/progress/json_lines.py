"""Events as JSON, one object a line, for programs that watch a run through its stdout."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

from importer.events import Event, Progress, RowSettled, RunBegan, RunEnded, Warned
from importer.ledger.rows import public_source
from importer.model import Status
from importer.progress.closing import next_command
from importer.progress.stream import SteadyStream

if TYPE_CHECKING:
    from importer.model import Outcome, Summary


class JsonLines:
    """Writes each event as it comes; silent from the moment that nobody reads any more."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = SteadyStream(stream)

    def notice(self, event: Event) -> None:
        if not self._stream.is_broken:
            # ASCII alone: right on a console of any encoding, whatever stands in a cell.
            self._stream.say(json.dumps(as_json(event)))


def as_json(event: Event) -> dict[str, Any]:
    """An event's object; URLs of pictures without what may be secret in them."""
    match event:
        case RunBegan():
            return {"event": "run_began", **asdict(event)}
        case Progress():
            return {"event": "progress", **asdict(event)}
        case Warned(text):
            return {"event": "warned", "text": text}
        case RowSettled(outcome):
            return {"event": "row_settled", **_row(outcome)}
        case RunEnded(summary):
            return {"event": "summary", **_summary(summary)}


def _row(outcome: Outcome) -> dict[str, Any]:
    picture = outcome.admitted.picture
    return {
        "line": picture.line,
        "source": public_source(picture),
        "name": picture.name,
        "collection": picture.collection.name,
        "date": picture.collection.date,
        "collection_url": picture.collection.url,
        "tag": picture.tag,
        "status": outcome.status.value,
        "code": outcome.code,
        "message": outcome.message,
        "http": outcome.http,
        "attempts": outcome.attempts,
        "bytes": outcome.size_bytes,
        "sha256": outcome.sha256.hex(),
        "seconds": round(outcome.seconds, 3),
        "at": outcome.at,
        "possible_duplicate": outcome.admitted.possible_duplicate,
        "answer": outcome.answer,
        "key": picture.key.hex(),
    }


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "run": summary.run,
        "exit_code": summary.exit_code,
        "is_dry": summary.is_dry,
        "rows": summary.rows,
        "tally": {status.value: summary.tally[status] for status in Status},
        "bytes": summary.tally.uploaded_bytes,
        "sent": summary.sent,
        "sent_bytes": summary.sent_bytes,
        "requests": summary.requests,
        "seconds": round(summary.seconds, 3),
        "by_code": dict(summary.by_code),
        "results": summary.results,
        "journal": summary.journal,
        "report": summary.report,
        "stop": asdict(summary.stop) if summary.stop else None,
        "warnings": list(summary.warnings),
        "next_command": next_command(summary) if summary.exit_code else "",
    }
