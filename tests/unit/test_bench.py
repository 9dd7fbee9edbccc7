"""What a bench says of its measures: tables, no clock, no disk."""

from __future__ import annotations

import json

import pytest

from importer.bench import words
from importer.bench.disk import Reads, some_of
from importer.bench.estimate import Measures, estimate
from importer.bench.line import Rows, Trial
from importer.bench.rehearse import Rehearsed
from importer.bench.sample import Found, Sample, spread
from importer.model import Status, Summary, Tally


def sample(
    rows: int, *, size: int = 3_000_000, looked_at: int = 100, sendable: int = 100, urls: int = 0
) -> Sample:
    pictures = tuple(Found(f"{number}.jpg", size) for number in range(sendable - urls))
    return Sample(rows, looked_at, sendable, urls, pictures)


def trial(bytes_s: float, *, wait_s: float = 0.1, at_once: int = 64, uploaded: int = 20) -> Trial:
    summary = Summary(1, Tally({Status.UPLOADED: uploaded}), uploaded, 0, uploaded, 1.0, 100)
    return Trial(
        summary, Rows((2, 21), 20, 60_000_000), uploaded, 60_000_000, 1.0, bytes_s, wait_s, at_once
    )


DISK = Reads(50, 150_000_000, afresh_s=1.0, again_s=0.1, is_afresh=True)  # 50/s, 150 MB/s
COMPUTER = Rehearsed(100, 300_000_000, cpu_s=0.5, wall_s=1.0)  # 200/s


@pytest.mark.parametrize(
    ("measures", "limit", "seconds"),
    [
        (Measures(DISK, None, None), "disk", 2_400),
        (Measures(None, COMPUTER, None), "computer", 600),
        (Measures(DISK, COMPUTER, None), "disk", 2_400),
        (Measures(DISK, COMPUTER, trial(10e6)), "link", 36_000),
        (Measures(DISK, COMPUTER, trial(1e9, wait_s=6.4)), "gallery", 12_000),
        (Measures(DISK, COMPUTER, trial(0.0, uploaded=0)), "disk", 2_400),
    ],
)
def test_the_slowest_limits(measures: Measures, limit: str, seconds: float) -> None:
    """All go on at once, so what takes longest by itself is how long it takes."""
    found = estimate(sample(120_000), measures)
    assert found is not None
    assert (found.pictures, found.size_bytes) == (120_000, 360_000_000_000)
    assert (found.limit, round(found.seconds)) == (limit, seconds)


def test_half_of_it_urls() -> None:
    """A URL weighs nothing on this computer's disk and line; the gallery fetches it."""
    one = sample(1_000, sendable=100, urls=50)
    found = estimate(one, Measures(DISK, None, trial(1e6)))
    assert found is not None
    assert found.size_bytes == 1_500_000_000
    assert round(found.by_limit["disk"]) == 10
    assert round(found.by_limit["link"]) == 1_500


def test_rows_that_cannot_be_sent_are_left_out() -> None:
    """A quarter of the sample can be sent: so can about a quarter of the archive."""
    one = sample(4_000, sendable=25)
    assert (one.all_pictures, one.all_bytes) == (1_000, 3_000_000_000)


@pytest.mark.parametrize("rows", [0, 1, 5, 9, 10, 11, 1_000, 4_321])
def test_sample_is_spread_evenly(rows: int) -> None:
    """One pass, never more than twice the wanted number, from the whole manifest."""
    count, kept = spread(range(rows), 5)
    assert count == rows
    assert kept == list(range(0, rows, kept[1] - kept[0] if len(kept) > 1 else 1))
    assert len(kept) < 10
    assert len(kept) >= min(rows, 5)


def test_files_to_read_are_bounded() -> None:
    """Few and not too much in all, yet one at least."""
    many = [Found("a", 3_000_000)] * 500
    assert len(some_of(many)) == 63
    assert len(some_of([Found("v", 20_000_000)] * 500)) == 12
    assert len(some_of([Found("v", 10**12)] * 3)) == 3  # 32 MB of each at the most
    assert not some_of([])


def test_the_estimate_in_words() -> None:
    """Words for a person who plans a night: size, time, and what limits it."""
    measures = Measures(DISK, COMPUTER, trial(10_714_286))
    lines = words.of_estimate(sample(120_000), estimate(sample(120_000), measures))
    assert lines[0] == "about 120,000 pictures, 360.0 GB"
    assert lines[1] == "    9 h 20 min  if only the link to the gallery limited it"
    assert "estimate: about 9 h 20 min, limited by the link to the gallery" in lines


def test_without_a_trial_the_link_is_named_as_missing() -> None:
    """A computer's own speed is no promise: the link is said to decide, with examples."""
    found = estimate(sample(120_000), Measures(DISK, COMPUTER, None))
    lines = words.of_estimate(sample(120_000), found)
    assert "estimate: 40 min at the least; the link decides, and wasn't measured" in lines
    assert any("10 Mbit/s" in line and "3 d 8 h" in line for line in lines)


@pytest.mark.parametrize(
    ("measures", "host", "reach_s", "wanted"),
    [
        (Measures(DISK, COMPUTER, None), "", None, "not measured: no picture was sent"),
        (Measures(DISK, COMPUTER, None), "g.example", 0.04, "answers a knock after 40 ms"),
        (Measures(DISK, COMPUTER, None), "g.example", None, "g.example can't be reached"),
        (Measures(DISK, COMPUTER, trial(0.0, uploaded=0)), "", None, "--lines 22-"),
        (Measures(DISK, COMPUTER, trial(10e6)), "", None, "10.0 MB/s"),
        (Measures(DISK, COMPUTER, trial(10e6)), "", None, "this trial was short"),
    ],
)  # fmt: skip
def test_the_line_in_words(
    measures: Measures, host: str, reach_s: float | None, wanted: str
) -> None:
    """What was not measured is said as well, and how it could be."""
    assert wanted in "\n".join(words.of_line(measures, host, reach_s))


def test_all_lines_fit_a_terminal() -> None:
    """80 columns."""
    measures = Measures(DISK, COMPUTER, trial(10e6))
    lines = [words.of_disk(DISK, is_theirs=True), words.of_disk(None, is_theirs=True)]
    lines += [words.of_disk(None, is_theirs=False), words.of_computer(COMPUTER)]
    for one in (
        measures,
        Measures(DISK, COMPUTER, None),
        Measures(None, None, trial(0, uploaded=0)),
    ):
        lines += words.of_line(one, "app.eventgallery.com", 0.123)
        lines += words.of_estimate(sample(1_200_000), estimate(sample(1_200_000), one))
    asked = words.asking(
        Rows((2, 1_001), 1_000, 3 * 10**9), "archive-of-2018.csv", "app.eventgallery.com"
    )
    lines += asked.splitlines()
    assert not [line for line in lines if len(line) > 80]


def test_json_holds_all_of_it() -> None:
    """Programs get plain numbers in base units."""
    measures = Measures(DISK, COMPUTER, trial(10e6))
    said = json.loads(words.as_json(sample(1_000), measures, estimate(sample(1_000), measures)))
    assert said["disk"]["bytes_s"] == 150_000_000
    assert said["trial"]["uploaded"] == 20
    assert said["estimate"]["limit"] == "link"
    assert said["estimate"]["seconds"] == 300.0
