"""Numbers as people write them."""

import pytest

from importer.errors import UsageError
from importer.units import (
    parse_bandwidth,
    parse_duration,
    parse_failure_limit,
    parse_link,
    parse_rate,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0", 0),
        (" 7 ", 7),
        ("7b", 7),
        ("500k", 500_000),
        ("500KB", 500_000),
        ("10M", 10_000_000),
        ("10m/s", 10_000_000),
        ("10MB/s", 10_000_000),
        ("1.5G", 1_500_000_000),
        ("2 T", 2_000_000_000_000),
        ("10MiB", 10_485_760),
        ("1Ki", 1_024),
    ],
)
def test_sizes_are_decimal_unless_written_with_an_i(text, size_bytes):
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    ("text", "up", "down"),
    [
        ("10M", 10_000_000, 10_000_000),
        ("10M:2M", 10_000_000, 2_000_000),
        ("10M/s:500k/s", 10_000_000, 500_000),
        ("off:2M", None, 2_000_000),
        ("10M:none", 10_000_000, None),
        (" OFF ", None, None),
    ],
)
def test_a_bandwidth_is_up_and_down(text, up, down):
    """As rclone's --bwlimit: one number is for each way."""
    assert parse_bandwidth(text) == (up, down)


@pytest.mark.parametrize("text", ["", ":", "10M:", ":2M", "1M:2M:3M", "fast"])
def test_half_a_bandwidth_is_none(text):
    with pytest.raises(UsageError, match="is not a size"):
        parse_bandwidth(text)


@pytest.mark.parametrize(
    ("text", "per_s"),
    [("5", 5.0), ("5/s", 5.0), ("300/m", 5.0), ("3600/h", 1.0), ("0.5 / s", 0.5), ("2/S", 2.0)],
)
def test_rates_are_a_second(text, per_s):
    assert parse_rate(text) == pytest.approx(per_s)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("0", 0.0),
        ("250ms", 0.25),
        ("1.5h", 5400.0),
        ("15m", 900.0),
        ("6h", 21_600.0),
        ("1d", 86_400.0),
        ("1h30m", 5_400.0),
        ("1H 30M", 5_400.0),
        ("1m5s", 65.0),
    ],
)
def test_durations_are_seconds(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("100", (100, 0.0)),
        ("1", (1, 0.0)),
        ("5%", (0, 0.05)),
        ("0.5%", (0, 0.005)),
        ("5 %", (0, 0.05)),
        ("100%", (0, 1.0)),
    ],
)
def test_a_failure_limit_is_rows_or_a_share(text, limit):
    assert parse_failure_limit(text) == pytest.approx(limit)


WRONG = {
    parse_link: ["", "fast", "0", "20 MB/s", "-1", "20Mi", "9" * 400],
    parse_size: ["", "M", "i", "5i", "-5", "1e6", "10X", "10MM", "1,5M", "ten", "nan", "inf"],
    parse_rate: ["", "0", "0.0/s", "-1", "5/d", "5s", "5//s", "fast", "inf", "5/s/s"],
    parse_duration: ["", "s", "-5s", "1w", "5 minutes", "1..2", "1h30x", "inf", "h1"],
    parse_failure_limit: ["", "0", "0%", "-1", "-5%", "1.5", "%", "5%%", "ten", "5 rows"],
}


@pytest.mark.parametrize(
    ("parse", "text"), [(parse, text) for parse, texts in WRONG.items() for text in texts]
)
def test_what_is_no_number_of_that_kind_is_refused(parse, text):
    """Refused with exit code 2, the text as it was written, and a form that works."""

    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.exit_code == 2
    assert repr(text) in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize("parse", list(WRONG))
@pytest.mark.parametrize("digits", ["\u0661\u0660", "\uff11\uff10"], ids=["arabic", "full-width"])
def test_only_ascii_digits_are_digits(parse, digits):
    """``int()`` would take the digits of any script; a flag doesn't."""

    with pytest.raises(UsageError):
        parse(digits)


@pytest.mark.parametrize("text", ["1 2", "90 90", "1h 2 3"])
def test_numbers_that_stand_side_by_side_are_no_duration(text):
    """``1 2`` isn't three seconds: a unit stands between two numbers."""

    with pytest.raises(UsageError):
        parse_duration(text)


def test_a_size_beyond_all_numbers_is_refused():
    """More digits than a float holds are wrong usage, no defect of ours."""

    with pytest.raises(UsageError):
        parse_size("9" * 400)


@pytest.mark.parametrize(
    ("text", "bits_s"),
    [("20M", 20e6), ("20 Mbit/s", 20e6), ("20mbps", 20e6), ("1G", 1e9), ("512k", 512e3)],
)
def test_a_links_speed_is_in_bits_as_it_is_sold(text, bits_s):
    assert parse_link(text) == bits_s
