"""What is known of one picture's delivery while it goes on, and what is said of it at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.destination.unpacking import unpacked
from importer.model import MAYBE_THERE, Status
from importer.transfer.retry import Settle

if TYPE_CHECKING:
    from datetime import datetime

    from importer.model import Admitted, Answer, Reply
    from importer.transfer.bodies import Body, Elsewhere
    from importer.transfer.gate import Slot

NOT_SENT = Settle(Status.PENDING)


@dataclass(slots=True, eq=False)
class Try:
    """What is known so far of one picture's delivery in this run."""

    admitted: Admitted
    body: Body | Elsewhere
    slot: Slot
    began: float
    attempts: int = 0
    passed: int = 0  #: of them, those that offered an address instead of bytes, and were refused
    forgiven: int = 0  #: of them, those that an outage swallowed: the row isn't given up for them
    hiccups: int = 0  #: attempts that broke off because the disk couldn't be read
    reply: Reply | None = None
    at: datetime | None = None  #: when it came
    is_on_its_way: bool = False  #: its intent is durable and its bytes may have left
    unknown: Settle | None = None  #: an earlier attempt of this run may have brought it there
    pending: Settle = NOT_SENT  #: while it waits: how the last attempt ended


def text_of(answer: Answer) -> str:
    """What an answer says, unpacked; its start, and nothing wiped from it yet."""
    encoding = answer.headers.get("content-encoding", "")
    return unpacked(answer.body, encoding).decode("utf-8", "replace")


def still(one: Try, step: Settle) -> Settle:
    """A refusal of a later attempt doesn't unsay that an earlier one may have brought it there."""
    before = Status.UNKNOWN if one.unknown is not None else one.admitted.before
    if before not in MAYBE_THERE:
        return step
    return Settle(before, step.code, f"sending it again failed: {step.message}")
