"""What a trial imports: how many pictures of which kinds, how fast the server is, with which flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from tests.conftest import Archive, picture_bytes
from tests.crash.files import read_rows

SMALL_BYTES = (1_000, 20_000)  # up to 64 KiB a picture goes out in one write with its head ...
POURED_BYTES = (70_000, 200_000)  # ... and beyond it piece by piece
STREAMED_BYTES = (1_000_000, 1_400_000)  # above 960 KiB a picture is read while it is sent


@dataclass(frozen=True, slots=True)
class Work:
    """Equal ones give equal runs, but for chance."""

    rows: int
    concurrency: int
    delay_s: float  #: the longest that the server takes for an answer
    streamed: int = 0  #: of the rows, pictures that are read while they are sent
    urls: int = 0  #: of the rows, addresses
    busy_share: float = 0.0  #: of the requests that get a 503
    refuses_after: int = 0  #: so many pictures the first run gets 401s
    flags: tuple[str, ...] = ()  #: but for -c

    @property
    def words(self) -> tuple[str, ...]:
        return "-c", str(self.concurrency), *self.flags

    def __str__(self) -> str:
        said = [f"{self.rows} rows", " ".join(self.words), f"up to {self.delay_s * 1000:.0f} ms"]
        said += [f"{self.streamed} streamed"] if self.streamed else []
        said += [f"{self.urls} URLs"] if self.urls else []
        said += [f"{self.busy_share:.0%} busy"] if self.busy_share else []
        said += [f"refused after {self.refuses_after}"] if self.refuses_after else []
        return ", ".join(said)


class FilledArchive(Archive):
    """Small pictures, each tenth one larger, streamed ones and addresses; and their manifest."""

    def __init__(self, folder: Path, work: Work, chance: Random) -> None:
        super().__init__(folder)
        (folder / "pictures").mkdir()
        places = chance.sample(range(work.rows), work.streamed + work.urls)
        streamed, urls = places[: work.streamed], set(places[work.streamed :])
        self.bodies: dict[str, bytes] = {}  #: name -> what has to arrive, without a form's frame
        sources = []
        for number in range(work.rows):
            name = f"p{number:05d}.jpg"
            if number in urls:
                source = f"http://pictures.example/{number}/{name}"
                self.bodies[name] = source.encode()
            else:
                source = f"pictures/{name}"
                bounds = POURED_BYTES if number % 10 == 5 else SMALL_BYTES
                bounds = STREAMED_BYTES if number in streamed else bounds
                self.bodies[name] = picture_bytes(number, chance.randint(*bounds))
                (folder / source).write_bytes(self.bodies[name])
            sources.append(source)
        self.write((source, "Summer Fair", "2017-07-15") for source in sources)
        self.manifest_rows = read_rows(self.manifest)
        self.names = [Path(urlsplit(source).path).name for source in sources]
