"""What a run of bytes says, by a strict reading of HTTP/1.1 (RFC 9112) that nobody else shares.

The other side of the comparison: it knows nothing of aiohttp or of the importer.
"""

from __future__ import annotations

import itertools
import re

# What a reason phrase holds is nobody's business (RFC 9112 section 4). The two other names are read
# like HTTP by llhttp, on which aiohttp stands, and it doesn't tell: whoever answers a POST with
# "RTSP/1.0 200" means 200.
_STATUS_LINE = re.compile(rb"(?:HTTP|RTSP|ICE)/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?")
_COLON_APART = re.compile(rb"(\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+)[\t ]+:")
# A chunked body, lengths not looked at: good enough for one that is to be passed over.
_CHUNKS = re.compile(rb".*?\r\n0[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n", re.DOTALL)
#: what a reader can choose -> where it makes a difference at all
_CHOICES = {
    "interim_has_body": re.compile(rb"/1\.[01][ \r]1"),
    "blanks_end": re.compile(rb"\n[\t \r]*(?:[\t ]|\r\r)[\t \r]*\n"),
    "cr_ends": re.compile(rb"\r\r\n"),
    "colon_apart": _COLON_APART,
}
# Control characters but for these three may be borne (RFC 9110 section 5.5).
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([^\0\r\n]*)")


def final_statuses(data: bytes) -> set[int]:
    """What these bytes may be taken to say, where readers of good faith read them in two ways.

    Most bytes leave no such choice, and are read once.
    """
    choices = {name: (False, True) for name, found in _CHOICES.items() if found.search(data)}
    readings = {
        final_status(data, **dict(zip(choices, chosen, strict=True)))
        for chosen in itertools.product(*choices.values())
    }
    return {status for status in readings if status is not None}


def final_status(
    data: bytes,
    *,
    interim_has_body: bool = False,
    blanks_end: bool = False,
    cr_ends: bool = False,
    colon_apart: bool = False,
) -> int | None:
    """The first final status in these bytes, or None where they aren't a well-formed answer.

    Interim answers (1xx) are passed over, but for 101, behind which there is no HTTP any more. The
    body isn't looked at: what breaks behind a head doesn't unsay it.

    Args:
        data: what a server said.
        interim_has_body: an interim answer must have no length and no body (RFC 9112 section 6.3);
            of one that names a length or chunks, parsers pass over them all the same.
        blanks_end: blanks alone in the line behind the first may be passed over, or refused
            (section 2.2); llhttp takes them for the head's end.
        cr_ends: a lone CR may be a space, or be refused (section 2.2); before a CRLF llhttp takes it
            for a line's end, and so the CRLF for the head's.
        colon_apart: blanks between a field's name and its colon are wrong, and are to be taken out
            of a response (section 5.1).
    """
    at = 0
    data = data.replace(b"\r\r\n", b"\r\n\r\n") if cr_ends else data
    data = _COLON_APART.sub(rb"\1:", data) if colon_apart else data
    while True:
        lines, at = _head(data, at, blanks_end=blanks_end)
        if not lines:
            return None
        match = _STATUS_LINE.fullmatch(lines[0])
        length = _length(lines[1:])
        if match is None or length is None:
            return None
        status = int(match[1])
        if status == 101 or not 100 <= status < 200:
            return status
        if interim_has_body:
            chunks = _CHUNKS.match(data, at) if _is_chunked(lines) else None
            at = chunks.end() if chunks else at + length


def _head(data: bytes, at: int, *, blanks_end: bool) -> tuple[list[bytes], int]:
    """The lines of one head, and where its body begins; no lines where it has no end.

    A line ends with CRLF. A lone LF is recognised and a lone CR is a space, as section 2.2 allows
    it; line ends before the first line are passed over.
    """
    lines: list[bytes] = []
    at = len(data) - len(data[at:].lstrip(b"\r\n"))
    while True:
        end = data.find(b"\n", at)
        if end < 0:
            return [], at
        line = data[at:end].removesuffix(b"\r").replace(b"\r", b" ")
        at = end + 1
        if not line or (blanks_end and len(lines) == 1 and not line.strip(b"\t ")):
            return lines, at
        if line[:1] not in b"\t " or not lines:
            lines.append(line)
        elif len(lines) > 1:
            lines[-1] += b" " + line.strip()  # folded, which a client must bear (section 5.2)
        # else: right behind the first line, where it is passed over (section 2.2)


def _is_chunked(lines: list[bytes]) -> bool:
    return any(line.lower().startswith(b"transfer-encoding:") for line in lines[1:])


def _length(fields: list[bytes]) -> int | None:
    """The body's length, or 0; None where a line is no field, or they disagree (section 6.3)."""
    lengths, codings = set(), []
    for line in fields:
        match = _FIELD.fullmatch(line)
        if match is None:
            return None
        name, value = match[1].lower(), match[2].strip()
        if name == b"content-length":
            lengths.add(value)
        elif name == b"transfer-encoding":
            codings.append(value)
    if (lengths and codings) or len(lengths) > 1 or not all(map(bytes.isdigit, lengths)):
        return None
    return int(lengths.pop()) if lengths else 0
