"""Make the example pictures from the free photographs in scikit-image's wheel.

    python -m venv /tmp/pictures && /tmp/pictures/bin/pip install scikit-image pillow
    /tmp/pictures/bin/python manifests/make_pictures.py

It writes `manifests/pictures/` for the manifests in this folder, and `importer/demo_data/` for
`importer demo`. Nothing is drawn by chance: the same releases of Pillow and scikit-image write the
same bytes. The photographs and their licences are listed in LICENCES.md; each JPEG made here
names its photographer in its EXIF data too.

The manifests themselves were written by hand; this script doesn't touch them.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from PIL import ExifTags, Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

HERE = Path(__file__).resolve().parent
PICTURES = HERE / "pictures"
DEMO_DATA = HERE.parent / "importer" / "demo_data"

STILL = (720, 480)  # pixels; the 3:2 of a camera, and about 50 KB at QUALITY
PORTRAIT = (480, 720)  # pixels, as a viewer shows it; it's stored as 720 x 480 with a flag
GIF_FRAME = (270, 180)  # pixels; a GIF hardly compresses photographs
JPEG_QUALITY = 80
PALETTE = 96  # colours of the GIFs and the PNG
GIF_FRAME_MS = 250
STILL_S = 10  # seconds from one still of a session to the next
SHOWN_AFTER_QUARTER_TURN = 6  # EXIF orientation: turn right by 90 degrees to see it upright


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph in scikit-image's data folder that anyone may use for anything."""

    file: str
    artist: str
    rights: str


ASTRONAUT = Photo("astronaut.png", "NASA", "Public domain")
CAT = Photo("chelsea.png", "Stefan van der Walt", "CC0 1.0")
COFFEE = Photo("coffee.png", "Rachel Michetti", "CC0 1.0")
GALAXIES = Photo("hubble_deep_field.jpg", "NASA/ESA", "Public domain")
ROCKET = Photo("rocket.jpg", "SpaceX", "Public domain")


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at a photograph: where its frame lies, how wide it is, its colours."""

    photo: Photo
    centre: tuple[float, float] = (0.5, 0.5)  #: 0..1 of width and height
    zoom: float = 1.0  #: 1 is the largest frame that fits into the photograph
    look: str = "natural"  #: a name in LOOKS
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """One visit to the photo booth: its stills, made into a strip, a GIF, or both."""

    folder: str
    caption: str
    taken: str  #: when the first still was taken, by the camera's clock
    stills: tuple[View, ...]
    strip: bool
    gif: bool


# ---------------------------------------------------------------- what is made

FIRST_STEPS = {
    "coffee-morning-1.jpg": (View(COFFEE), "2018-03-03 09:30"),
    "coffee-morning-2.jpg": (View(COFFEE, (0.5, 0.3), 1.7), "2018-03-03 09:42"),
    "coffee-morning-3.jpg": (View(COFFEE, (0.6, 0.6), 1.4, "mono"), "2018-03-03 10:05"),
    "space-night-1.jpg": (View(ROCKET), "2018-02-22 19:00"),
    "space-night-2.jpg": (View(GALAXIES), "2018-02-22 19:20"),
    "space-night-3.jpg": (View(ASTRONAUT, (0.5, 0.2)), "2018-02-22 20:15"),
}

SESSIONS = (
    Session(
        folder="cat-cafe-night/session-1",
        caption="Cat Cafe Night",
        taken="2017-10-28 20:04",
        stills=(
            View(CAT),
            View(CAT, (0.7, 0.3), 1.3, "warm"),
            View(CAT, (0.3, 0.6), 1.3, mirrored=True),
            View(CAT, (0.6, 0.5), 1.6, "mono"),
        ),
        strip=True,
        gif=True,
    ),
    Session(
        folder="cat-cafe-night/session-2",
        caption="Cat Cafe Night",
        taken="2017-10-28 21:17",
        stills=(
            View(COFFEE, mirrored=True),
            View(COFFEE, (0.4, 0.2), 1.5, "cool"),
            View(COFFEE, (0.7, 0.7), 1.8, "warm"),
            View(COFFEE, (0.5, 0.4), 1.3, "sepia"),
        ),
        strip=True,
        gif=False,
    ),
    Session(
        folder="space-camp/session-1",
        caption="Space Camp 2019",
        taken="2019-07-20 21:17",
        stills=(
            View(ROCKET, (0.5, 0.8), 1.3),
            View(ROCKET, (0.5, 0.7), 1.7, "warm"),
            View(ROCKET, (0.5, 0.6), 2.2, "cool"),
        ),
        strip=False,
        gif=True,
    ),
)

ARCHIVE = {
    "2016/barista-cup/Café Crème für Zoë.jpg": (
        View(COFFEE, (0.5, 0.4), 1.2),
        "2016-09-10 11:00",
    ),
    "2016/barista-cup/espresso + milk & sugar #1.jpg": (
        View(COFFEE, (0.6, 0.5), 1.6, "warm", mirrored=True),
        "2016-09-10 11:25",
    ),
    "2017/pet-show/IMG_2041.jpg": (View(CAT, (0.4, 0.4), 1.2), "2017-05-20 14:01"),
    "2017/pet-show/IMG_2043.JPG": (View(CAT, look="sepia"), "2017-05-20 14:09"),
    "2018/launch-party/before the launch.jpg": (
        View(ROCKET, (0.5, 1.0), 1.5),
        "2018-02-06 20:40",
    ),
}
ARCHIVE_PORTRAIT = "2017/pet-show/IMG_2042.jpg", View(CAT, (0.3, 0.5)), "2017-05-20 14:05"
ARCHIVE_PNG = "2018/launch-party/deep-field.png", View(GALAXIES, (0.4, 0.6), 1.5)
ARCHIVE_GIF = "2018/launch-party/countdown.gif", [View(ROCKET, zoom=1 + i / 4) for i in range(5)]

DEMO_PHOTOS = {"cat.jpg": CAT, "coffee.jpg": COFFEE, "rocket.jpg": ROCKET}


def main() -> None:
    """Write every picture and say how large they are together."""
    make_first_steps()
    for session in SESSIONS:
        make_session(session)
    make_archive()
    make_demo_data()
    for folder in (PICTURES, DEMO_DATA):
        sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
        print(f"{folder}: {len(sizes)} files, {sum(sizes):,} bytes, largest {max(sizes):,}")


def make_first_steps() -> None:
    """Write a handful of plain pictures of two events."""
    for name, (view, taken) in FIRST_STEPS.items():
        save_jpeg(seen(view, STILL), PICTURES / "first-steps" / name, view.photo, taken)


def make_session(session: Session) -> None:
    """Write the stills ten seconds apart, then what the booth makes of them."""
    folder = PICTURES / "sessions" / session.folder
    photo = session.stills[0].photo
    stills = [print_of(view, session.caption) for view in session.stills]
    for number, still in enumerate(stills):
        save_jpeg(still, folder / f"still-{number + 1}.jpg", photo, later(session.taken, number))
    done = later(session.taken, len(stills))
    if session.strip:
        save_jpeg(strip_of(session), folder / "strip.jpg", photo, done)
    if session.gif:
        save_gif([seen(view, GIF_FRAME) for view in session.stills], folder / "animation.gif")


def later(taken: str, stills: int) -> str:
    """Give the time at which the booth had taken that many more stills."""
    return (datetime.fromisoformat(taken) + timedelta(seconds=STILL_S * stills)).isoformat(" ")


def make_archive() -> None:
    """Write three events' folders, with every kind of picture and of awkward file name."""
    for name, (view, taken) in ARCHIVE.items():
        save_jpeg(seen(view, STILL), PICTURES / "archive" / name, view.photo, taken)
    name, view, taken = ARCHIVE_PORTRAIT
    save_turned_jpeg(seen(view, PORTRAIT), PICTURES / "archive" / name, view.photo, taken)
    name, view = ARCHIVE_PNG
    save_png(seen(view, (480, 320)), PICTURES / "archive" / name)
    name, views = ARCHIVE_GIF
    save_gif([seen(view, GIF_FRAME) for view in views], PICTURES / "archive" / name)


def make_demo_data() -> None:
    """Write the three photographs that the installed package ships, below 40 KB each."""
    for name, photo in DEMO_PHOTOS.items():
        save_jpeg(seen(View(photo), (540, 360)), DEMO_DATA / name, photo, taken=None)


# ---------------------------------------------------------------- how a picture comes about


def seen(view: View, size: tuple[int, int]) -> Image.Image:
    """Cut the view's frame out of its photograph, at the size wanted, in the look wanted."""
    photo = open_photo(view.photo)
    cut = photo.crop(frame(photo.size, size, view)).resize(size, Image.Resampling.LANCZOS)
    picture = LOOKS[view.look](cut)
    return ImageOps.mirror(picture) if view.mirrored else picture


def open_photo(photo: Photo) -> Image.Image:
    """Open a photograph inside the installed scikit-image, without importing (so slowly) it."""
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise SystemExit("scikit-image isn't installed here: pip install scikit-image pillow")
    return Image.open(Path(found.origin).parent / "data" / photo.file).convert("RGB")


def frame(photo: tuple[int, int], size: tuple[int, int], view: View) -> tuple[int, int, int, int]:
    """Give the box of the view in the photograph's pixels, pushed inside where it sticks out."""
    scale = min(photo[0] / size[0], photo[1] / size[1]) / view.zoom
    width, height = round(size[0] * scale), round(size[1] * scale)
    left = min(max(round(photo[0] * view.centre[0] - width / 2), 0), photo[0] - width)
    top = min(max(round(photo[1] * view.centre[1] - height / 2), 0), photo[1] - height)
    return left, top, left + width, top + height


def natural(picture: Image.Image) -> Image.Image:
    return picture


def mono(picture: Image.Image) -> Image.Image:
    return ImageEnhance.Contrast(ImageOps.grayscale(picture).convert("RGB")).enhance(1.2)


def sepia(picture: Image.Image) -> Image.Image:
    return ImageOps.colorize(ImageOps.grayscale(picture), (34, 20, 8), (255, 240, 212))


def warm(picture: Image.Image) -> Image.Image:
    return Image.blend(picture, Image.new("RGB", picture.size, (255, 150, 40)), 0.14)


def cool(picture: Image.Image) -> Image.Image:
    return Image.blend(picture, Image.new("RGB", picture.size, (40, 120, 255)), 0.16)


LOOKS = {"natural": natural, "mono": mono, "sepia": sepia, "warm": warm, "cool": cool}


def print_of(view: View, caption: str) -> Image.Image:
    """Put a still on white paper with the event's name below, as a booth prints it."""
    paper = Image.new("RGB", STILL, "white")
    paper.paste(seen(view, (STILL[0] - 32, STILL[1] - 80)), (16, 16))
    write(paper, caption, size=30, middle=(STILL[0] // 2, STILL[1] - 32))
    return paper


def strip_of(session: Session) -> Image.Image:
    """Put the stills under each other on one narrow paper."""
    width, height, gap = 300, 200, 12  # pixels
    rows = len(session.stills)
    paper = Image.new("RGB", (width + 2 * gap, rows * (height + gap) + 70), "white")
    for row, view in enumerate(session.stills):
        paper.paste(seen(view, (width, height)), (gap, gap + row * (height + gap)))
    write(paper, session.caption, size=26, middle=(paper.width // 2, paper.height - 34))
    return paper


def write(paper: Image.Image, text: str, *, size: int, middle: tuple[int, int]) -> None:
    """Write a line of ASCII; Pillow's own font has no other letters."""
    font = ImageFont.load_default(size)
    ImageDraw.Draw(paper).text(middle, text, fill=(60, 50, 60), font=font, anchor="mm")


# ---------------------------------------------------------------- files


def save_jpeg(picture: Image.Image, to: Path, photo: Photo, taken: str | None) -> None:
    """Store an upright picture."""
    to.parent.mkdir(parents=True, exist_ok=True)
    picture.save(to, "JPEG", quality=JPEG_QUALITY, optimize=True, exif=exif_of(photo, taken))


def save_turned_jpeg(upright: Image.Image, to: Path, photo: Photo, taken: str) -> None:
    """Store the picture lying on its side, with the flag that tells viewers to stand it up."""
    exif = exif_of(photo, taken)
    exif[ExifTags.Base.Orientation] = SHOWN_AFTER_QUARTER_TURN
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    stored.save(to, "JPEG", quality=JPEG_QUALITY, optimize=True, exif=exif)


def exif_of(photo: Photo, taken: str | None) -> Image.Exif:
    """Name the photographer and, for pictures of an event, the camera and the time."""
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = photo.artist
    exif[ExifTags.Base.Copyright] = photo.rights
    if taken is not None:
        exif[ExifTags.Base.Make] = "Example"
        exif[ExifTags.Base.Model] = "Example Booth Camera"
        when = exif.get_ifd(ExifTags.IFD.Exif)
        moment = datetime.fromisoformat(taken)
        when[ExifTags.Base.DateTimeOriginal] = moment.strftime("%Y:%m:%d %H:%M:%S")
    return exif


def save_png(picture: Image.Image, to: Path) -> None:
    """Store a palette; all colours would take 400 KB."""
    to.parent.mkdir(parents=True, exist_ok=True)
    paint(picture).save(to, "PNG", optimize=True)


def paint(picture: Image.Image) -> Image.Image:
    """Reduce a picture to a palette."""
    return picture.quantize(PALETTE, dither=Image.Dither.NONE)


def save_gif(frames: list[Image.Image], to: Path) -> None:
    """Play the frames forth and back, for ever; without dithering, which would double the size."""
    to.parent.mkdir(parents=True, exist_ok=True)
    played = [paint(frame) for frame in frames + frames[-2:0:-1]]
    first, *others = played
    first.save(
        to, "GIF", save_all=True, append_images=others, duration=GIF_FRAME_MS, loop=0, optimize=True
    )


if __name__ == "__main__":
    main()
