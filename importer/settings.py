"""What can be set, checked at birth. Each number says which resource it bounds.

A wrong number fails here, before any row is read. Parts are passed whole to those who need them.
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from importer.errors import UsageError
from importer.secret import public_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_ENDPOINT = "https://app.eventgallery.com/api/v1/picture/upload"

RowsWanted = Literal["new", "failed", "unknown", "all"]


@dataclass(frozen=True, slots=True)
class Reading:
    """How the manifest is read."""

    defaults: Mapping[str, str] = field(default_factory=dict)  #: field -> text for blank cells
    lines: tuple[int, int] | None = None  #: first and last physical line, both included
    any_type: bool = False  #: send also what is no picture and no video
    root: Path | None = None  #: files outside this folder are not sent
    buffer: int = 256 << 20  #: bytes of pictures that may lie in memory at once
    encoding: str = ""  #: of a text that has no byte order mark; empty: see manifest.encodings
    delimiter: str = ""  #: between cells; empty: the line of column names tells
    sheet: str = ""  #: of a spreadsheet; empty: the first with names of columns in it
    columns: Mapping[str, str] = field(default_factory=dict)  #: field -> its column's name
    fill_down: bool = False  #: a blank cell means the one above
    date_format: str = ""  #: of the date column, as strptime has it; empty: 2018-02-22 alone
    ascii_names: bool = False  #: collections take no letters outside of A-Z
    allow_conflicts: bool = False  #: send also what contradicts an earlier row's collection
    folder: Path | None = None  #: to which sources are relative; None: where the manifest lies

    def __post_init__(self) -> None:
        _check(self.buffer >= 10**6, "buffer", self.buffer, "1M or more")

    @property
    def meaning(self) -> str:
        """All that makes other rows of the same bytes, as a text to compare."""
        told: list[object] = [sorted(self.defaults.items())]
        more = (sorted(self.columns.items()), self.fill_down, self.date_format, self.ascii_names,
                self.allow_conflicts)  # fmt: skip
        if any(more):
            told += more
        return " ".join(map(repr, told))

    @property
    def block(self) -> int:
        """Bytes of a large picture that are read at once, while it is sent."""
        return max(128 << 10, min(1 << 20, self.buffer // 512))


@dataclass(frozen=True, slots=True)
class Checking:
    """How closely a check looks."""

    files: Literal["none", "look", "deep"] = "look"  #: deep: decode pictures, compare contents
    max_size: int = 0  #: bytes above which a picture is too large; 0: no limit
    fix: Path | None = None  #: where a corrected copy goes, beside the manifest
    force: bool = False  #: over whatever lies there


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast at the most."""

    concurrency: int | None = None  #: sockets and pictures in flight; None: find it
    rate: float | None = None  #: requests a second that the gallery is asked to bear
    bandwidth: int | None = None  #: bytes of pictures a second that are sent; heads come on top
    fetch_bandwidth: int | None = None  #: bytes of pictures a second that all downloads bring
    processes: int | None = 1  #: that read and send; None: a second one where CPU is the limit

    def __post_init__(self) -> None:
        _check(
            self.concurrency is None or 1 <= self.concurrency <= 1024,
            "concurrency",
            self.concurrency,
            "a number from 1 to 1024, or auto",
        )
        _check(self.rate is None or self.rate > 0, "rate", self.rate, "more than 0")
        for most in (self.bandwidth, self.fetch_bandwidth):
            _check(most is None or most >= 1000, "bandwidth", most, "1k or more")
        _check(
            self.processes is None or 1 <= self.processes <= 64,
            "processes",
            self.processes,
            "a number from 1 to 64, or auto",
        )


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, and how often, before a row or a run is given up."""

    attempts: int = 6  #: requests a row in one run, the first included
    base_s: float = 0.5  #: upper bound of the first back-off; doubles with each attempt
    longest_s: float = 60.0  #: upper bound of any back-off of ours
    max_wait_s: float = 900.0  #: the longest Retry-After that is obeyed; above it the run stops
    connect_s: float = 10.0
    answer_s: float = 60.0  #: silence after the body, and silence while a body makes no progress
    max_outage_s: float = 3600.0  #: the breaker stays open this long, then the run stops
    max_failures: int = 0  #: failed rows that stop the run; 0: no limit
    max_failure_share: float = 0.0  #: share of settled rows, looked at from 100 rows on
    max_duration_s: float = 0.0  #: of the whole run; 0: no limit
    unknown: Literal["hold", "retry"] = "hold"

    def __post_init__(self) -> None:
        _check(1 <= self.attempts <= 100, "retries", self.attempts - 1, "0 to 99")
        _check(self.answer_s > 0, "timeout", self.answer_s, "more than 0 seconds")
        _check(
            0 <= self.max_failure_share <= 1, "max-failures", self.max_failure_share, "0 to 100%"
        )


@dataclass(frozen=True, slots=True)
class Sending:
    """How a picture is put on the wire."""

    endpoint: str = DEFAULT_ENDPOINT
    encode: Literal["raw", "multipart"] = "raw"
    content_type: str = ""  #: empty: by the file's own first bytes
    proxy: str = ""
    ca_file: Path | None = None
    allow_http: bool = False

    def __post_init__(self) -> None:
        # What is refused here may hold a secret in the wrong place, so it is shown without.
        shown = repr(public_url(self.endpoint))
        if any(c.isspace() or not c.isprintable() for c in self.endpoint):
            raise UsageError("the endpoint has a space or a control character", fix=_ENDPOINT_FIX)
        try:
            parts = urlsplit(self.endpoint)
            port = parts.port
        except ValueError:
            raise UsageError(f"the endpoint {shown} is not a URL", fix=_ENDPOINT_FIX) from None
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise UsageError(f"the endpoint {shown} is not an http(s) URL", fix=_ENDPOINT_FIX)
        if "?" in self.endpoint or "#" in self.endpoint or "@" in parts.netloc:
            raise UsageError(
                "the endpoint has a query, a fragment or a user name",
                fix="give the plain URL; the importer adds the parameters",
            )
        self._check_proxy()
        self._check_ca_file()
        if parts.scheme == "http" and not self.is_loopback and not self.allow_http:
            raise UsageError(
                f"the endpoint http://{parts.hostname} would show the token to everyone on the way",
                fix="use https://, or --allow-http when you know the network",
            )

    def _check_proxy(self) -> None:
        if not self.proxy:
            return
        try:
            parts = urlsplit(self.proxy)
            is_right = (
                parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            )
        except ValueError:
            is_right = False
        if not is_right:
            raise UsageError(
                f"the proxy {public_url(self.proxy)!r} is not an http(s) URL",
                fix="write it like http://proxy.example:3128",
            )

    def _check_ca_file(self) -> None:
        if self.ca_file is None:
            return
        try:
            ssl.create_default_context(cafile=str(self.ca_file))
        except OSError as error:  # ssl.SSLError is one as well
            reason = (
                "no certificate in PEM form"
                if isinstance(error, ssl.SSLError)
                else (error.strerror or type(error).__name__)
            )
            raise UsageError(
                f"the --ca-file {self.ca_file} can't be used: {reason}",
                fix="name a file with the authority's certificate in PEM form",
            ) from None

    @property
    def origin(self) -> str:
        """``https://host`` or ``http://host:port``: the part that a row's identity depends on."""
        parts = urlsplit(self.endpoint)
        default = {"http": 80, "https": 443}[parts.scheme]
        port = f":{parts.port}" if parts.port not in (None, default) else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{parts.scheme}://{host}{port}"

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).hostname or ""

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class Urls:
    """What becomes of rows whose source is a URL."""

    mode: Literal["pass", "fetch", "pass-then-fetch"] = "pass"  #: pass: the gallery fetches
    limit: int = 2 * 10**9  #: bytes of one picture; of larger ones nothing is kept
    per_host: int = 4  #: downloads at once from one host, which may be old and slow
    allow_private: bool = False  #: fetch also from this computer and the network around it

    def __post_init__(self) -> None:
        _check(self.limit >= 1, "fetch-limit", self.limit, "1 or more")
        _check(1 <= self.per_host <= 64, "per-host", self.per_host, "a number from 1 to 64")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that one run is told, but for the token."""

    manifest: Path
    results: Path | None = None  #: default: ``<stem>.results.csv`` beside the manifest
    rows: RowsWanted = "new"
    reading: Reading = field(default_factory=Reading)
    pace: Pace = field(default_factory=Pace)
    patience: Patience = field(default_factory=Patience)
    sending: Sending = field(default_factory=Sending)
    urls: Urls = field(default_factory=Urls)
    canary: bool = True  #: the first row goes alone, before all others
    strict: bool = False  #: nothing is sent while one row is bad
    dry_run: bool = False
    send_again: bool = False  #: begin a new job also with rows that another one has sent
    report: bool = True
    flags: tuple[str, ...] = ()  #: as typed, for the command that goes on; see progress.closing
    grace_s: float = 30.0  #: what is in flight may finish in this time after Ctrl-C

    def __post_init__(self) -> None:
        if self.results is not None and self.results.suffix.lower() in (
            ".journal",
            ".part",
            ".pace",
        ):
            raise UsageError(
                f"the results can't be called {self.results.name}",
                fix="choose a name that ends with .csv",
            )


_ENDPOINT_FIX = f"write it like {DEFAULT_ENDPOINT}"


def _check(is_right: bool, name: str, value: object, wanted: str) -> None:
    if not is_right:
        raise UsageError(f"{name} can't be {value}", fix=f"it takes {wanted}")
