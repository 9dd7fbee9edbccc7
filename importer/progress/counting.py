"""One line that counts rows or files at the terminal's foot, for work that sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from tqdm import tqdm

if TYPE_CHECKING:
    from importer.progress.stream import SteadyStream

EVERY_S = 0.2
DELAY_S = 0.5  # what is done sooner needs no line


class Counting:
    """Rows so far and a second, about how many there are; leaves no trace. A context manager.

    What is done, and what is counted, may be something else than ``checking`` and ``rows``.
    """

    def __init__(
        self, stream: SteadyStream, *, is_shown: bool, what: str = "checking", unit: str = "rows"
    ) -> None:
        is_utf8 = stream.encoding.lower().replace("-", "").startswith("utf8")
        # Each is said, even defaults: tqdm takes what isn't from TQDM_* in the environment.
        self._bar = tqdm(
            desc=what, unit=f" {unit}", file=stream, leave=False, disable=not is_shown,
            dynamic_ncols=True, ascii=not is_utf8, mininterval=EVERY_S, delay=DELAY_S, position=0,
            unit_scale=True, gui=False, write_bytes=False, total=None,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def told(self, rows: int, about: int) -> None:
        """So many rows are done, of about so many; 0 where nobody knows."""
        self._bar.total = max(about, rows) if about else None
        self._bar.update(rows - self._bar.n)
