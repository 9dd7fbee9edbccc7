"""Numbers as people write them: ``10M``, ``5/s``, ``6h`` on a command line, ``1,204 rows``."""

from __future__ import annotations

import re

from humanize import intcomma

from importer.errors import UsageError

_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
OFF = ("off", "none")  # in a limit's place
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)\s*"


def parse_size(text: str) -> int:
    """Bytes of ``10M`` (10,000,000) or ``10MiB`` (10,485,760).

    Raises:
        UsageError: the text is no size.
    """
    match = re.fullmatch(_NUMBER + r"([kmgt]?i?)(?:b|b/s|/s)?", text.strip().lower())
    factors = _SIZES | _BINARY
    if not match or match[2] not in factors or len(match[1]) > 18:
        raise UsageError(f"{text!r} is not a size", fix="write it like 500k, 10M or 2G")
    return int(float(match[1]) * factors[match[2]])


def parse_bandwidth(text: str) -> tuple[int | None, int | None]:
    """Bytes a second up and down of ``10M:2M``, as rclone has it; ``10M`` is both, off no limit.

    Raises:
        UsageError: the text is none.
    """
    up, colon, down = text.partition(":")

    def most(part: str) -> int | None:
        return None if part.strip().lower() in OFF else parse_size(part)

    return most(up), most(down if colon else up)


def parse_link(text: str) -> float:
    """Bits a second of ``20M``, ``20 Mbit/s``, ``1G``; links are sold in bits, unlike pictures.

    Raises:
        UsageError: the text is no speed, or zero.
    """
    match = re.fullmatch(_NUMBER + r"([kmg]?)(?:bps|bits?(?:/s)?)?", text.strip().lower())
    if not match or not float(match[1]) or len(match[1]) > 18:
        raise UsageError(
            f"{text!r} is not a link's speed", fix="write it in bits a second, as it is sold: 20M"
        )
    return float(match[1]) * _SIZES[match[2]]


def parse_rate(text: str) -> float:
    """Requests a second of ``5``, ``5/s``, ``300/m``.

    Raises:
        UsageError: the text is no rate, or zero.
    """
    match = re.fullmatch(_NUMBER + r"(?:/\s*([smh]))?", text.strip().lower())
    if not match or not float(match[1]):
        raise UsageError(f"{text!r} is not a rate", fix="write it like 5/s or 300/m")
    return float(match[1]) / _SECONDS[match[2] or "s"]


def parse_duration(text: str) -> float:
    """Seconds of ``90``, ``90s``, ``15m``, ``6h``, ``1h30m``.

    Raises:
        UsageError: the text is no duration.
    """
    text = text.strip()
    one = _NUMBER + r"(ms|[smhd])\s*"
    parts = re.findall(one, text.lower())
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", text):
        parts = [(text, "s")]
    elif not re.fullmatch(f"(?:{one})+", text.lower()):
        raise UsageError(f"{text!r} is not a duration", fix="write it like 90s, 15m or 6h")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def parse_failure_limit(text: str) -> tuple[int, float]:
    """``(rows, share)`` of ``100`` or ``5%``; the one that wasn't given is 0.

    Raises:
        UsageError: the text is neither.
    """
    match = re.fullmatch(_NUMBER + r"(%?)", text.strip())
    if not match or (not match[2] and "." in match[1]) or float(match[1]) <= 0:
        raise UsageError(f"{text!r} is not a limit", fix="write a number of rows or a share: 5%")
    return (0, float(match[1]) / 100) if match[2] else (int(match[1]), 0.0)


def counted(count: int, word: str) -> str:
    """``1 row``, ``1,204 rows``."""
    return f"{intcomma(count)} {word}{'' if count == 1 else 's'}"
