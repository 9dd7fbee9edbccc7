"""3,000 answers; ``python -m tests.fuzz --answers 1000000`` tries more of them."""

from __future__ import annotations

import sys

import pytest

from tests.fuzz.drive import fuzz
from tests.fuzz.oracle import final_status, final_statuses

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="memory is asked the POSIX way")


@pytest.mark.parametrize(("fast", "first"), [(True, 0), (False, 1_500)], ids=["uvloop", "asyncio"])
def test_no_answer_is_taken_for_what_it_is_not(fast: bool, first: int) -> None:
    """No yes without a valid 2xx, none of another request, nothing raised, shown or left over."""
    found = fuzz(1, first, 1_500, fast=fast)
    assert found.complaints == []
    assert found.leaks == []
    assert found.answers == 1_500
    assert min(found.verdicts.values()) > 25, "answers of every kind were among them"
    assert len(found.verdicts) == 5


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 200),
        (b"HTTP/1.0 204\r\n\r\n", 204),
        (b"\r\nHTTP/1.1 200 OK\nX: y\n\n", 200),
        (b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 422 No\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 422),
        (b"HTTP/1.1 101 Up\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 101),
        (b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n", 200),
        (b"HTTP/1.1 200 OK\r\n", None),
        (b"HTTP/1.1 100 Go\r\n\r\n", None),
        (b"HTTP/2.0 200 OK\r\n\r\n", None),
        (b"HTTP/1.1 2000 OK\r\n\r\n", None),
        (b"HTTP/1.1  200 OK\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nno field\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nX: \0\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", None),
        (b"", None),
    ],
)
def test_what_the_oracle_reads(data: bytes, status: int | None) -> None:
    """The first final status of a well-formed answer, and nothing else."""
    assert final_status(data) == status


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        (b"HTTP/1.1 100 Go\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", {200}),
        (b"HTTP/1.1 100 Go\r\nContent-Length: 2\r\n\r\nhoHTTP/1.1 422 No\r\n\r\n", {422}),
        (b"HTTP/1.1 200 OK\r\n \r\nHTTP/1.1 000 OK\r\n\r\n", {200}),
        (b"HTTP/1.1 201 OK\r\nX:\r\r\nthe rest", {201}),
        (b"HTTP/1.1 200 OK\r\nno field\r\n\r\n", set()),
    ],
)
def test_where_two_readings_are_in_good_faith(data: bytes, statuses: set[int]) -> None:
    """Only a status that one of them brings out may be credited."""
    assert final_statuses(data) == statuses
