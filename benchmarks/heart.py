"""``importer`` with a heart in its loop: ``python benchmarks/heart.py FIGURES.json run ...``.

A timer of one millisecond is set again and again; how late it goes off is how long the loop was
blocked. A thread looks meanwhile what the loop is at, should a beat stay out for too long.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

EVERY_S = 0.001
LONG_S = 0.005


class Heart:
    """Beats in one loop, from its main thread."""

    def __init__(self) -> None:
        self.lates: list[tuple[float, float]] = []  #: seconds a beat was late, by wall and by CPU
        self.found: Counter[str] = Counter()  #: what the loop was at, while a beat stayed out
        self._clock = time.pthread_getcpuclockid(threading.get_ident())
        self._thread = threading.get_ident()
        self._last = (time.perf_counter(), self._cpu_s())
        self._is_over = False
        threading.Thread(target=self._watch, daemon=True).start()

    async def beat(self) -> None:
        """Until it is cancelled."""
        self._last = (time.perf_counter(), self._cpu_s())
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                wall, cpu = time.perf_counter(), self._cpu_s()
                late = max(0.0, wall - self._last[0] - EVERY_S)
                self.lates.append((late, min(late, cpu - self._last[1])))
                self._last = (wall, cpu)
        finally:
            self._is_over = True

    def _cpu_s(self) -> float:
        return time.clock_gettime(self._clock)

    def _watch(self) -> None:
        seen = 0.0
        while not self._is_over:
            time.sleep(EVERY_S)
            beaten, cpu = self._last
            if beaten != seen and self._cpu_s() - cpu > LONG_S:
                seen = beaten
                frames = sys._current_frames()  # noqa: SLF001  (public in all but its name)
                self.found[_place(frames.get(self._thread))] += 1


def _place(frame: Any) -> str:
    """The innermost function of ours, and what it has called."""
    names = []
    while frame is not None:
        code = frame.f_code
        names.append(f"{Path(code.co_filename).stem}.{code.co_qualname}")
        if "/importer/" in code.co_filename:
            break
        frame = frame.f_back
    return " < ".join([*names[:1], *names[-1:]] if len(names) > 1 else names)


def main() -> None:
    figures = Path(sys.argv.pop(1))
    sys.argv[0] = "importer"
    from importer import run
    from importer.__main__ import main as importer

    go = run.Run.go

    async def with_heart(self: run.Run, **options: Any) -> Any:
        heart = Heart()
        beating = asyncio.create_task(heart.beat())
        try:
            return await go(self, **options)
        finally:
            beating.cancel()
            told = {"lates": heart.lates, "found": heart.found.most_common(5)}
            figures.write_text(json.dumps(told))  # noqa: ASYNC240  (the run is over)

    run.Run.go = with_heart  # type: ignore[method-assign]
    importer()


if __name__ == "__main__":
    main()
