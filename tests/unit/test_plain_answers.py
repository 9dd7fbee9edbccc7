"""Which answers are read in one look, and which are left to aiohttp's parser."""

from __future__ import annotations

import pytest

from importer.transfer.transport.plain import LONGEST_BODY, LONGEST_HEAD, plain_answer


def answer(*lines, status="HTTP/1.1 200 OK", body=b"ok", length=None):
    length = len(body) if length is None else length
    head = [status, *lines, f"Content-Length: {length}"]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


PLAIN = {
    "as it should be": answer(),
    "no reason": answer(status="HTTP/1.1 200 "),
    "a refusal": answer(status="HTTP/1.1 503 Service Unavailable"),
    "an empty body": answer(body=b""),
    "it says what is so": answer("Connection: keep-alive"),
    "in other letters": answer("connection: Keep-Alive", "SERVER: nginx"),
    "an empty value": answer("X-Nothing:"),
    "the largest": answer(body=bytes(LONGEST_BODY)),
}
NOT_PLAIN = {
    "nothing": b"",
    "half a head": answer().split(b"\r\n\r\n")[0],
    "half a body": answer(length=3),
    "more behind it": answer(length=1),
    "a second answer": answer() + answer(),
    "an older HTTP": answer(status="HTTP/1.0 200 OK"),
    "another protocol": answer(status="RTSP/1.0 200 OK"),
    "HTTP/2.0": answer(status="HTTP/2.0 200 OK"),
    "interim": answer(status="HTTP/1.1 100 Continue", body=b""),
    "without a body": answer(status="HTTP/1.1 204 No Content", body=b""),
    "a status of two digits": answer(status="HTTP/1.1 20 OK"),
    "a status of four digits": answer(status="HTTP/1.1 2000 OK"),
    "no blank behind the status": answer(status="HTTP/1.1 200"),
    "letters that are none": answer(status="HTTP/1.1 200 \x00"),
    "chunks": answer("Transfer-Encoding: chunked"),
    "compressed": answer("Content-Encoding: gzip"),
    "to be closed": answer("Connection: close"),
    "to be closed, in a list": answer("Connection: keep-alive, close"),
    "another protocol to come": answer("Upgrade: h2c"),
    "elsewhere": answer("Location: https://example.net/", status="HTTP/1.1 302 Found"),
    "two lengths": answer("Content-Length: 2"),
    "two lengths that differ": answer("Content-Length: 3"),
    "one header twice": answer("Retry-After: 1", "retry-after: 600"),
    "a length with a sign": answer(length="+2"),
    "a length in other digits": answer(length="٢".encode().decode("latin-1")),
    "no number": answer(length="two"),
    "no length": b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\nok",
    "no headers": b"HTTP/1.1 200 OK\r\n\r\n",
    "a folded line": answer("X-Long: a", " b"),
    "a blank before the colon": answer("Server : x"),
    "no colon": answer("Server"),
    "no name": answer(": x"),
    "letters of Latin-1": answer("Server: caf\xe9"),
    "a lone line feed": answer("Server: x\nConnection: close"),
    "a lone carriage return": answer("Server: x\rConnection: close"),
    "too long a head": answer("X-Long: " + "a" * LONGEST_HEAD),
    "too long a body": answer(body=bytes(LONGEST_BODY + 1)),
    "blank lines first": b"\r\n" + answer(),
}


@pytest.mark.parametrize("data", PLAIN.values(), ids=PLAIN)
def test_a_plain_answer_is_read(data):
    found = plain_answer(data)
    assert found is not None
    assert found.raw == data
    assert data.endswith(b"\r\n\r\n" + found.body)
    assert str(found.status).encode() == data.split(b" ")[1]


@pytest.mark.parametrize("data", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_takes_more_than_a_look_is_left_alone(data):
    assert plain_answer(data) is None


def test_the_headers_that_a_verdict_looks_at_are_kept_without_their_blanks():
    found = plain_answer(
        answer("Retry-After: \t30 ", "DATE:Thu, 26 Nov 2026 12:00:00 GMT", "Server: nginx")
    )
    assert dict(found.headers) == {"retry-after": "30", "date": "Thu, 26 Nov 2026 12:00:00 GMT"}
