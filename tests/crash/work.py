"""What a trial imports: how many pictures of which kinds, how fast the server is, with which flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from tests.conftest import Archive, picture_bytes
from tests.crash.files import read_rows
from tests.fetch.old_server import OldServer

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
    urls: int = 0  #: of the rows, addresses that the gallery takes
    fetched: int = 0  #: of the rows, pictures that are downloaded
    fetched_large: int = 0  #: of these, so many that lie on the disk meanwhile
    is_second: bool = False  #: the gallery is offered their addresses first, and refuses them
    repeated: int = 0  #: rows that stand there a second time, further down
    busy_share: float = 0.0  #: of the requests that get a 503
    refuses_after: int = 0  #: so many pictures the first run gets 401s
    flags: tuple[str, ...] = ()  #: but for -c

    @property
    def words(self) -> tuple[str, ...]:
        mode = "pass-then-fetch" if self.is_second else "fetch"
        fetching = ("--urls", mode, "--allow-private") if self.fetched else ()
        return "-c", str(self.concurrency), *fetching, *self.flags

    def __str__(self) -> str:
        said = [f"{self.rows} rows", " ".join(self.words), f"up to {self.delay_s * 1000:.0f} ms"]
        said += [f"{self.streamed} streamed"] if self.streamed else []
        said += [f"{self.urls} URLs"] if self.urls else []
        large = f", {self.fetched_large} of them large" if self.fetched_large else ""
        said += [f"{self.fetched} downloads{large}"] if self.fetched else []
        said += [f"{self.repeated} repeated"] if self.repeated else []
        said += [f"{self.busy_share:.0%} busy"] if self.busy_share else []
        said += [f"refused after {self.refuses_after}"] if self.refuses_after else []
        return ", ".join(said)


class FilledArchive(Archive):
    """Small pictures, each tenth one larger, streamed ones and addresses; and their manifest.

    Args:
        old: serves the pictures that are downloaded; open already, for its address.
    """

    def __init__(
        self, folder: Path, work: Work, chance: Random, old: OldServer | None = None
    ) -> None:
        super().__init__(folder)
        (folder / "pictures").mkdir()
        places = chance.sample(range(work.rows), work.streamed + work.urls + work.fetched)
        streamed, places = places[: work.streamed], places[work.streamed :]
        urls, fetched = places[: work.urls], places[work.urls :]
        streamed += fetched[: work.fetched_large]
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
                if number in fetched:
                    assert old is not None, "somebody has to serve them"
                    old.files[f"plain/{name}"] = self.bodies[name]
                    source = old.url(f"plain/{name}")
                else:
                    (folder / source).write_bytes(self.bodies[name])
            sources.append(source)
        self.repeats: set[int] = set()  #: places of rows that stand further up already
        for _ in range(work.repeated):
            place = chance.randint(1, len(sources))
            self.repeats = {at + (at >= place) for at in self.repeats} | {place}
            sources.insert(place, sources[chance.randrange(place)])
        self.write((source, "Summer Fair", "2017-07-15") for source in sources)
        self.manifest_rows = read_rows(self.manifest)
        self.names = [Path(urlsplit(source).path).name for source in sources]
