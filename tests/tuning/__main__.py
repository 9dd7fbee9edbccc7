"""``python -m tests.tuning``: the table of modelled galleries, auto beside the best fixed number.

Behind it, what a client that stands still now and then gets of a rate; ``python -m tests.tuning
standstill`` gives that alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.tuning.drive import Auto, Fixed, drive
from tests.tuning.models import (
    Drifting,
    Gallery,
    Hiccuping,
    Queue,
    Rated,
    Refusing,
    Slowing,
    Thin,
    Uneven,
)

SWEEP = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256)
MODELS: dict[str, Callable[[], Gallery]] = {
    "fixed 20 ms": lambda: Gallery(0.02),
    "fixed 50 ms": lambda: Gallery(0.05),
    "fixed 200 ms": lambda: Gallery(0.2),
    "queue of 1, 40 ms": lambda: Queue(1, 0.04),
    "queue of 8, 50 ms": lambda: Queue(8, 0.05),
    "queue of 8, 50 ms spread 30%": lambda: Queue(8, 0.05, spread=0.3),
    "queue of 8, exponential": lambda: Uneven(8, 0.05),
    "queue of 30, 100 ms + 30": lambda: Queue(30, 0.1, network_s=0.03, spread=0.2),
    "429 above 200/s": lambda: Rated(200),
    "429 above 50/s, 30 ms": lambda: Rated(50, 0.03),
    "429 above 100/s, burst 100": lambda: Rated(100, 0.03, burst=100),
    "8 connections, refused": lambda: Refusing(8),
    "8 connections, they wait": lambda: Queue(8, 0.02, network_s=0.02),
    "thin 20 Mbit/s, 40 ms": lambda: Thin(),
    "slowing, knee 16": lambda: Slowing(16),
    "slowing, knee 60, 100 ms": lambda: Slowing(60, 0.1),
    "halves and doubles": lambda: Queue(16, 0.05, servers_at=lambda t: 8 if 20 <= t < 40 else 16),
    "doubles and halves": lambda: Queue(8, 0.05, servers_at=lambda t: 16 if 20 <= t < 40 else 8),
    "becomes slower for good": lambda: Drifting(),
    "hiccups of 503": lambda: Hiccuping(0.05),
}
STANDSTILLS = ((7, 0.1), (3, 0.1), (11, 1.0), (5, 0.6))  # so often, for so many seconds


def main() -> None:
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    for name, model in MODELS.items():
        if only not in name:
            continue
        fixed = {n: drive(model(), Fixed(n)) for n in SWEEP}
        best = max(fixed, key=lambda n: fixed[n].throughput(10))
        rate = fixed[best].throughput(10)
        fewest = min(n for n in SWEEP if fixed[n].throughput(10) >= 0.97 * rate)
        limiter = Auto()
        auto = drive(model(), limiter)
        late = [n for t, n in auto.limits if t > 10]
        print(
            f"{name:32} best {fewest:4} {rate:7.1f}/s | auto {auto.throughput(10) / rate:5.3f}"
            f" first 10 s {auto.throughput(0, 10) / rate:5.3f}"
            f" latency x{auto.mean_answer_s / model().unloaded_s:4.2f}"
            f" retries {auto.retries * 100:5.2f}%  limit {min(late)}..{max(late)}"
            f" rate {limiter.throttle.rate or 0:.0f}"
        )
        if only:
            print([n for _, n in auto.limits][:: max(1, len(auto.limits) // 120)])
    for per_s in (100, 200):
        for every_s, still_s in STANDSTILLS:
            name = f"standstill of {still_s} s every {every_s} s, 429 above {per_s}/s"
            if only in name:
                course = drive(Rated(per_s), Auto(), seconds=120.0, stalls=(every_s, still_s))
                print(
                    f"{name:52} awake {1 - still_s / every_s:5.3f} | auto"
                    f" {course.throughput(10) / per_s:5.3f} retries {course.retries * 100:5.2f}%"
                )


if __name__ == "__main__":
    main()
