"""What the engine asks of a destination; a new gallery is one class with these two methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from importer.model import Picture, Reply, Request, Verdict
    from importer.secret import Token


class Destination(Protocol):
    """An API that takes one picture a request."""

    def request(self, picture: Picture, *, media_type: str, token: Token) -> Request:
        """How this picture is posted. ``media_type`` is that of its bytes, or model.URL_TEXT."""
        ...

    def judge(self, reply: Reply, *, now: datetime) -> Verdict:
        """What a reply means. ``now`` reads a Retry-After date when the answer has no Date."""
        ...
