"""A small event archive for `importer demo`: a manifest with pictures of three events.

The pictures are photographs from `demo_data/` (public domain or CC0, see the NOTICE there), cut,
tinted and printed with lights, confetti and a caption as a photo booth does. The same call writes
the same bytes, under the same release of Pillow.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from importlib.resources import files
from random import Random
from typing import TYPE_CHECKING

from PIL import ExifTags, Image, ImageDraw, ImageFilter, ImageFont, ImageOps

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("source", "collection", "date", "collection_url", "tag", "name")
SIZE = (800, 600)  # pixels of a still
UPRIGHT = (600, 800)  # pixels of a still taken with the camera turned, as a viewer shows it
CARD = (640, 480)  # pixels of a PNG
GIF_FRAME = (320, 240)  # pixels
STRIP_FRAME = (320, 240)  # pixels
STRIP_GAP = 14  # pixels of paper between a strip's frames
JPEG_QUALITY = 80
GIF_FRAME_MS = 400
NIGHT = (40, 30, 60)  # the top of a card
SESSION = 4  # pictures: three stills, then what the booth makes of them
SESSION_MINUTES = 7  # from one session's first still to the next one's
STILL_S = 12  # seconds from one still of a session to the next
SHOWN_AFTER_QUARTER_TURN = 6  # EXIF orientation: turn right by 90 degrees to see it upright

Colour = tuple[int, int, int]
Size = tuple[int, int]


class Form(Enum):
    """What kind of picture a place in a session gets, and how its file's name ends."""

    STILL = ".jpg"
    TURNED = "-upright.jpg"
    STRIP = "-strip.jpg"
    GIF = ".gif"
    CARD = ".png"


CLOSING = (Form.GIF, Form.STRIP, Form.CARD)  # sessions end with these in turn


@dataclass(frozen=True, slots=True)
class Event:
    """One collection of the archive, and what its pictures look like."""

    collection: str
    url: str
    begins: str  #: local time of the first still; its day is the collection's date
    caption: str  #: ASCII, because Pillow's own font has no other letters
    photo: str  #: a file in demo_data
    tint: Colour
    confetti: tuple[Colour, ...]


EVENTS = (
    Event(
        collection="Summer Fair 2017",
        url="summer-fair-2017",
        begins="2017-07-15 14:00",
        caption="Summer Fair 2017",
        photo="cat.jpg",
        tint=(255, 170, 60),
        confetti=((255, 209, 64), (255, 128, 64), (120, 200, 120)),
    ),
    Event(
        collection="Smith Wedding",
        url="smith-wedding",
        begins="2018-02-22 18:30",
        caption="Anna & John Smith",
        photo="coffee.jpg",
        tint=(255, 120, 150),
        confetti=((255, 255, 255), (255, 214, 222), (232, 196, 120)),
    ),
    Event(
        collection="Hofer Jubiläum",
        url="hofer-jubilaeum",
        begins="2019-09-14 20:15",
        caption="50 Jahre Hofer",
        photo="rocket.jpg",
        tint=(70, 110, 255),
        confetti=((255, 215, 90), (120, 190, 255), (240, 120, 200)),
    ),
)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of the archive before it is drawn."""

    event: Event
    place: int  #: from 0, within its event
    form: Form

    @property
    def session(self) -> int:
        return self.place // SESSION + 1

    @property
    def taken(self) -> datetime:
        minutes, stills = SESSION_MINUTES * (self.session - 1), self.place % SESSION
        began = datetime.fromisoformat(self.event.begins)
        return began + timedelta(minutes=minutes, seconds=STILL_S * stills)

    @property
    def stills(self) -> list[int]:
        """The places of the stills before this picture in its session."""
        return list(range(self.place - self.place % SESSION, self.place))

    @property
    def source(self) -> str:
        return f"pictures/{self.event.url}/booth-{self.place + 1:04}{self.form.value}"

    @property
    def cells(self) -> tuple[str, ...]:
        """The picture's row in the manifest, in the order of COLUMNS."""
        event = self.event
        day, tag = event.begins[:10], f"{event.url}-session-{self.session}"
        name = f"{event.url}-{self.place + 1:04}{self.form.value}"
        return self.source, event.collection, day, event.url, tag, name


def make_archive(folder: Path, *, pictures: int = 24) -> Path:
    """Write a believable event archive into the folder, and return its manifest's path.

    The three collections share the pictures equally. From 12 pictures on there is at least one
    each of a GIF, a strip and a PNG; from 5 on, a JPEG with an orientation flag. 24 pictures take
    about 1 s and 1.5 MB. Raises ValueError below one picture, and OSError as writing files does.
    """
    if pictures < 1:
        raise ValueError(f"an archive needs at least one picture, not {pictures}")
    shots = plan(pictures)
    for shot in shots:
        path = folder / shot.source
        path.parent.mkdir(parents=True, exist_ok=True)
        save(shot, path)
    return write_manifest(folder / "archive.csv", shots)


def plan(pictures: int) -> list[Shot]:
    """Spread the pictures over the events, session by session."""
    shots = []
    for turn, event in enumerate(EVENTS):
        share = (pictures + len(EVENTS) - 1 - turn) // len(EVENTS)
        shots += [Shot(event, place, form_at(place, turn)) for place in range(share)]
    return shots


def form_at(place: int, turn: int) -> Form:
    """Say what the picture at a place of the event with that turn is."""
    session, step = divmod(place, SESSION)
    if step == SESSION - 1:
        return CLOSING[(session + turn) % len(CLOSING)]
    is_turned = step == 1 and (session + turn) % len(EVENTS) == 1
    return Form.TURNED if is_turned else Form.STILL


def write_manifest(path: Path, shots: list[Shot]) -> Path:
    """Write the shots' rows as UTF-8 CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(shot.cells for shot in shots)
    return path


def save(shot: Shot, path: Path) -> None:
    """Draw one picture and store it as its form asks."""
    match shot.form:
        case Form.STILL:
            save_jpeg(still(shot.event, shot.place, SIZE), path, shot)
        case Form.TURNED:
            lying = still(shot.event, shot.place, UPRIGHT).transpose(Image.Transpose.ROTATE_90)
            save_jpeg(lying, path, shot, orientation=SHOWN_AFTER_QUARTER_TURN)
        case Form.STRIP:
            save_jpeg(strip(shot), path, shot)
        case Form.GIF:
            save_gif(shot, path)
        case Form.CARD:
            card(shot.event, shot.place).save(path, "PNG")


def save_jpeg(picture: Image.Image, path: Path, shot: Shot, *, orientation: int = 1) -> None:
    """Store a JPEG that knows its camera, its time and how to hold it."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Example"
    exif[ExifTags.Base.Model] = "Example Booth Camera"
    exif[ExifTags.Base.Orientation] = orientation
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = shot.taken.strftime("%Y:%m:%d %H:%M:%S")
    picture.save(path, "JPEG", quality=JPEG_QUALITY, exif=exif)


def save_gif(shot: Shot, path: Path) -> None:
    """Store the session's stills as an animation that plays for ever."""
    stills = [still(shot.event, place, GIF_FRAME) for place in shot.stills]
    first, *others = [picture.quantize(96, dither=Image.Dither.NONE) for picture in stills]
    first.save(path, "GIF", save_all=True, append_images=others, duration=GIF_FRAME_MS, loop=0)


def strip(shot: Shot) -> Image.Image:
    """Put the session's stills under each other on one narrow paper."""
    width, height = STRIP_FRAME
    down = height + STRIP_GAP
    paper = Image.new("RGB", (width + 2 * STRIP_GAP, len(shot.stills) * down + 80), "white")
    for row, place in enumerate(shot.stills):
        view = scene(shot.event, chance_for(shot.event, place), STRIP_FRAME)
        paper.paste(view, (STRIP_GAP, STRIP_GAP + row * down))
    write(paper, shot.event.caption, size=26, middle=(paper.width // 2, paper.height - 44))
    write(paper, shot.event.begins[:10], size=16, middle=(paper.width // 2, paper.height - 18))
    return paper


def still(event: Event, place: int, size: Size) -> Image.Image:
    """Print a scene on white paper, with the event's name and the picture's number below."""
    width, height = size
    edge, foot = width // 40, height // 8
    paper = Image.new("RGB", size, "white")
    view = scene(event, chance_for(event, place), (width - 2 * edge, height - edge - foot))
    paper.paste(view, (edge, edge))
    caption = f"{event.caption}  -  No. {place + 1}"
    write(paper, caption, size=width // 22, middle=(width // 2, height - foot // 2))
    return paper


def card(event: Event, place: int) -> Image.Image:
    """Draw the event's title card: lights and confetti on its colours, and its name."""
    chance = chance_for(event, place)
    down = Image.linear_gradient("L").resize(CARD)
    paper = with_lights(ImageOps.colorize(down, NIGHT, event.tint), event, chance)
    strew_confetti(paper, event, chance)
    middle = CARD[0] // 2, CARD[1] // 2
    write(paper, event.caption, size=54, middle=middle, ink="white")
    write(paper, event.begins[:10], size=28, middle=(middle[0], middle[1] + 56), ink="white")
    return paper


def scene(event: Event, chance: Random, size: Size) -> Image.Image:
    """Cut a part of the event's photograph, tint it, and light it for the party."""
    photo = photograph(event.photo)
    view = photo.crop(part_of(photo.size, size, chance)).resize(size, Image.Resampling.BICUBIC)
    if chance.random() < 0.5:
        view = ImageOps.mirror(view)
    view = Image.blend(view, Image.new("RGB", size, event.tint), chance.uniform(0.02, 0.2))
    view = with_lights(view, event, chance)
    strew_confetti(view, event, chance)
    return view


def part_of(photo: Size, size: Size, chance: Random) -> tuple[int, int, int, int]:
    """Pick a box of the size's shape, near the middle, that takes most of the photograph."""
    scale = min(photo[0] / size[0], photo[1] / size[1]) * chance.uniform(0.72, 1)
    width, height = int(size[0] * scale), int(size[1] * scale)
    left = int((photo[0] - width) * chance.triangular())
    top = int((photo[1] - height) * chance.triangular())
    return left, top, left + width, top + height


def with_lights(view: Image.Image, event: Event, chance: Random) -> Image.Image:
    """Add soft round lights, as lamps out of focus look. The blur is done small, for speed."""
    width, height = view.width // 4, view.height // 4
    glow = Image.new("L", (width, height))
    draw = ImageDraw.Draw(glow)
    for _ in range(chance.randint(7, 12)):
        x, y, radius = chance.uniform(0, width), chance.uniform(0, height), width * 0.05
        radius *= chance.uniform(0.3, 1)
        draw.circle((x, y), radius, fill=chance.randint(50, 130))
    glow = glow.filter(ImageFilter.GaussianBlur(1.2)).resize(view.size)
    lamp = Image.new("RGB", view.size, towards_white(event.tint))
    return Image.composite(lamp, view, glow)


def strew_confetti(view: Image.Image, event: Event, chance: Random) -> None:
    """Let confetti fall, most of it near the top."""
    draw = ImageDraw.Draw(view)
    side = view.width / 90
    for _ in range(45):
        x, y = chance.uniform(0, view.width), view.height * chance.random() ** 2.5
        box = (x, y, side * chance.uniform(0.4, 1))
        corners, turn = chance.choice((3, 4, 16)), chance.randint(0, 90)
        draw.regular_polygon(box, corners, turn, fill=chance.choice(event.confetti))


def write(
    paper: Image.Image, text: str, *, size: int, middle: tuple[int, int], ink: str = "#4a4048"
) -> None:
    """Write one line of text around a point."""
    draw = ImageDraw.Draw(paper)
    draw.text(middle, text, fill=ink, font=ImageFont.load_default(size), anchor="mm")


def towards_white(colour: Colour) -> Colour:
    """Mix a colour with as much white."""
    red, green, blue = ((part + 255) // 2 for part in colour)
    return red, green, blue


def chance_for(event: Event, place: int) -> Random:
    """Give the one picture's own chance, the same in every archive and in its strip and GIF."""
    return Random(EVENTS.index(event) * 1_000_000 + place)


@cache
def photograph(name: str) -> Image.Image:
    """Read one of the package's photographs; the three of them stay in memory (2 MB)."""
    data = files(__package__) / "demo_data" / name
    with data.open("rb") as file:
        return Image.open(file).convert("RGB")
