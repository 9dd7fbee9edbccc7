"""What a person can wish of a scan, checked at birth."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from importer.errors import UsageError
from importer.manifest import rules
from importer.manifest.scan.formats import compiled

CollectionFrom = Literal["folder", "parent", "top", "text"]
DateFrom = Literal["folder", "exif", "name", "mtime"]
TagFrom = Literal["none", "folder", "session", "name"]
Types = Literal["all", "pictures", "videos"]
Raw = Literal["pair", "keep", "skip"]


@dataclass(frozen=True, slots=True)
class Scanning:
    """How a folder tree is read.

    Raises:
        UsageError: at birth, where the wishes don't fit.
    """

    collection_from: CollectionFrom = "folder"
    collection: str = ""  #: its name, where it comes from text
    date_from: tuple[DateFrom, ...] = ("folder", "exif", "name")  #: the first that knows decides
    date_formats: tuple[str, ...] = ()  #: as %d.%m.%Y, for folders' and files' names
    tag_from: TagFrom = "none"
    tag_pattern: str = ""  #: a regular expression; its first group is the tag
    session_gap_s: float = 90.0  #: without a picture; then the next session begins
    include: tuple[str, ...] = ()  #: globs; empty: every file
    exclude: tuple[str, ...] = ()
    types: Types = "all"
    raw: Raw = "pair"
    follow: bool = False  #: links to files and folders
    keep_names: bool = False  #: collections are named as their folders are, to the letter
    threads: int = 16  #: files that are looked at at once; hides the way to a NAS

    def __post_init__(self) -> None:
        _one_of("--collection-from", self.collection_from, CollectionFrom)
        _one_of("--tag-from", self.tag_from, TagFrom)
        _one_of("--types", self.types, Types)
        _one_of("--raw", self.raw, Raw)
        for one in self.date_from:
            _one_of("--date-from", one, DateFrom)
        if not self.date_from or len(set(self.date_from)) < len(self.date_from):
            raise UsageError("--date-from names nothing, or one thing twice", fix=_ORDER)
        if self.collection_from == "text" and (wrong := rules.collection_name(self.collection)):
            raise UsageError(wrong[1], fix=wrong[2])
        compiled(self.date_formats)
        self._check_tags()
        if not 1 <= self.threads <= 256:
            raise UsageError(f"--threads {self.threads} can't be used", fix="1 to 256")

    def _check_tags(self) -> None:
        if self.tag_from == "folder" and self.collection_from == "folder":
            raise UsageError(
                "a folder can't be the collection and the tag",
                fix="say --collection-from parent, or top, to take tags from sub-folders",
            )
        if self.tag_from == "session" and self.date_from == ("folder",):
            raise UsageError(
                "--tag-from session wants to know when each picture was taken",
                fix="add what tells it: --date-from folder,exif,name",
            )
        if (self.tag_from == "name") != bool(self.tag_pattern):
            raise UsageError(
                "--tag-from name and --tag-pattern belong together",
                fix=r"give both: --tag-from name --tag-pattern '_(S[0-9]+)_'",
            )
        try:
            groups = re.compile(self.tag_pattern).groups
        except (re.error, RecursionError, OverflowError) as error:
            raise UsageError(
                f"--tag-pattern {self.tag_pattern!r} is no regular expression ({error})",
                fix=r"write it like '_(S[0-9]+)_'",
            ) from None
        if self.tag_pattern and not groups:
            raise UsageError(
                f"--tag-pattern {self.tag_pattern!r} has no group",
                fix=r"put brackets around the part that is the tag: '_(S[0-9]+)_'",
            )
        if self.session_gap_s <= 0:
            raise UsageError("--session-gap must be more than 0", fix="write it like 90s or 5m")


_ORDER = "write it like folder,exif,name; mtime is the fourth"


def _one_of(flag: str, value: str, choices: object) -> None:
    known = get_args(choices)
    if value not in known:
        raise UsageError(f"{flag} {value!r} can't be used", fix=f"choose from: {', '.join(known)}")
