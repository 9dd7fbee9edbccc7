"""Planned faults: what can go wrong on purpose, and at which stage of an exchange.

The server asks at each stage, the fault decides, and answers with an Act (or None: go on as usual).
A new fault is a class here and a line in ``KINDS``; plan.py reads the specs.
"""

from __future__ import annotations

import re
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

from importer.rehearsal.acts import Act, HangUp, RawBytes, Reply, json_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Fault:
    """No fault at all, and the base of those that change something."""

    name: ClassVar[str] = ""
    __slots__ = ()

    @property
    def label(self) -> str:
        """What the ledger calls it."""

        return self.name

    @property
    def wait_s(self) -> float:
        """Seconds to wait before the body is looked at."""

        return 0.0

    @property
    def bytes_per_s(self) -> float:
        """How fast the body is read; infinite for as fast as it comes."""

        return float("inf")

    def before_body(self) -> Act | None:
        """Decide with the headers read and the body not."""

        return None

    def after_body(self) -> Act | None:
        """Decide with the body read and nothing judged or stored."""

        return None

    def instead_of(self, answer: Reply) -> Act:
        """Decide what becomes of the answer, once what it says is true."""

        return answer


class Status(Fault):
    """Reads the body, then answers with an HTTP error."""

    __slots__ = ("_headers", "status")

    def __init__(self, status: int, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.status, self._headers = status, headers

    @property
    def label(self) -> str:
        return str(self.status)

    def after_body(self) -> Act:
        return _error_reply(self.status, headers=self._headers)


class Delay(Fault):
    """Waits before the body is read, then goes on as usual."""

    name = "delay"
    __slots__ = ("_seconds",)

    def __init__(self, value: str | None) -> None:
        if (found := re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s)", value or "")) is None:
            raise ValueError("delay wants a time, such as delay=200ms or delay=2s")
        self._seconds = float(found[1]) / (1000 if found[2] == "ms" else 1)

    @property
    def wait_s(self) -> float:
        return self._seconds


class Slow(Fault):
    """Reads the body slowly, at so many kilobytes (1000 bytes) a second."""

    name = "slow"
    __slots__ = ("_bytes_per_s",)

    def __init__(self, value: str | None) -> None:
        if not re.fullmatch(r"[0-9]{1,9}", value or "") or not int(value or 0):
            raise ValueError("slow wants kilobytes a second, such as slow=50")
        self._bytes_per_s = 1000.0 * int(value or 0)

    @property
    def bytes_per_s(self) -> float:
        return self._bytes_per_s


class Drop(Fault):
    """Reads the body, stores nothing, closes without an answer."""

    name = "drop"
    __slots__ = ()

    def after_body(self) -> Act:
        return HangUp(resets=False)


class Reset(Fault):
    """Resets the connection before the body is read."""

    name = "reset"
    __slots__ = ()

    def before_body(self) -> Act:
        return HangUp(resets=True)


class Lost(Fault):
    """Stores the picture, then closes without the answer: the case nobody can ask about."""

    name = "lost"
    __slots__ = ()

    def instead_of(self, answer: Reply) -> Act:
        del answer
        return HangUp(resets=False)


class Early(Fault):
    """Answers before the body is read, and closes."""

    name = "early"
    __slots__ = ("_status",)

    def __init__(self, value: str | None) -> None:
        if not re.fullmatch(r"[345][0-9]{2}", value or "413"):
            raise ValueError("early takes a status from 300 to 599, such as early=413")
        self._status = int(value or 413)

    def before_body(self) -> Act:
        return _error_reply(self._status, closes=True)


class Html(Fault):
    """Answers 200 with a login page, as a proxy or an ended session would; stores nothing."""

    name = "html"
    __slots__ = ()

    def after_body(self) -> Act:
        page = b"<!DOCTYPE html>\n<title>Sign in</title>\n<form><input name=user></form>\n"
        return Reply(200, page, content_type="text/html; charset=utf-8")


class Error200(Fault):
    """Answers 200 with an error in the JSON; stores nothing."""

    name = "error200"
    __slots__ = ()

    def after_body(self) -> Act:
        return replace(_error_reply(500), status=200)


class Garbage(Fault):
    """Reads the body, then writes bytes that are no HTTP; stores nothing."""

    name = "garbage"
    __slots__ = ()

    def after_body(self) -> Act:
        return RawBytes(b"\x16\x03\x01\x00\xff\0 this is no HTTP \xfe\xff\r\n\r\n", status=None)


class Truncated(Fault):
    """Stores the picture, then sends an answer that ends before its Content-Length."""

    name = "truncated"
    __slots__ = ()

    def instead_of(self, answer: Reply) -> Act:
        head = (
            f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
            f"Content-Type: {answer.content_type}\r\n"
            f"Content-Length: {len(answer.body) + 1000}\r\n\r\n"
        )
        return RawBytes(head.encode() + answer.body, status=answer.status)


class Together(Fault):
    """Several faults on one request: waits add up, and the first to decide decides."""

    __slots__ = ("_faults",)

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = tuple(faults)

    @property
    def label(self) -> str:
        return ",".join(fault.label for fault in self._faults)

    @property
    def wait_s(self) -> float:
        return sum(fault.wait_s for fault in self._faults)

    @property
    def bytes_per_s(self) -> float:
        return min(fault.bytes_per_s for fault in self._faults)

    def before_body(self) -> Act | None:
        return next((act for fault in self._faults if (act := fault.before_body())), None)

    def after_body(self) -> Act | None:
        return next((act for fault in self._faults if (act := fault.after_body())), None)

    def instead_of(self, answer: Reply) -> Act:
        for fault in self._faults:
            if (act := fault.instead_of(answer)) is not answer:
                return act
        return answer


NO_FAULT = Fault()


def _bare(fault: type[Fault]) -> Callable[[str | None], Fault]:
    def make(value: str | None) -> Fault:
        if value is not None:
            raise ValueError(f"{fault.name} takes no value")
        return fault()

    return make


def _error_reply(
    status: int, *, headers: tuple[tuple[str, str], ...] = (), closes: bool = False
) -> Reply:
    error = {"code": "fault", "field": None, "message": f"planned fault: status {status}"}
    return replace(json_reply(status, {"error": error}), headers=headers, closes=closes)


KINDS: dict[str, Callable[[str | None], Fault]] = {
    "delay": Delay,
    "slow": Slow,
    "early": Early,
    **{
        fault.name: _bare(fault)
        for fault in (Drop, Reset, Lost, Html, Error200, Garbage, Truncated)
    },
}
