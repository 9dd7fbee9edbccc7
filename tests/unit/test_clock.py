"""Time as it is written down."""

from datetime import UTC, datetime

import pytest

from importer.clock import SystemClock, timestamp


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 23, 17, 22, 38, 123_456, UTC), "2026-11-23T17:22:38.123Z"),
        (datetime(2026, 11, 23, 17, 22, 38, 0, UTC), "2026-11-23T17:22:38.000Z"),
        (datetime(2026, 12, 31, 23, 59, 59, 999_999, UTC), "2026-12-31T23:59:59.999Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 6_000, UTC), "2026-01-02T03:04:05.006Z"),
    ],
)
def test_a_timestamp_is_utc_to_the_millisecond(moment, text):
    """Cut, not rounded: a moment never gets a date that it doesn't have."""

    assert timestamp(moment) == text
    assert datetime.fromisoformat(text) <= moment


def test_timestamps_sort_as_text():
    moments = [
        datetime(2026, month, 1, hour, 0, 0, tick * 1_000, UTC)
        for month in (1, 9, 10)
        for hour in (0, 9, 10)
        for tick in (0, 9, 10, 100)
    ]
    assert sorted(map(timestamp, moments)) == [timestamp(moment) for moment in sorted(moments)]


def test_the_machines_clock():
    """Its wall clock says UTC, its other one only grows, its chance stays within the bounds."""

    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()
    drawn = [clock.jitter(0.5) for _ in range(200)]
    assert all(0 <= one <= 0.5 for one in drawn)
    assert len(set(drawn)) > 100
    assert clock.jitter(0) == 0


@pytest.mark.anyio
async def test_the_machines_clock_sleeps_as_long_as_it_is_told():
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0.001)
    assert clock.monotonic() - before >= 0.001
