"""What an import depends on that isn't in its manifest: this machine, and how it is set up.

Nothing is sent, and nobody is asked but this computer. What is said can be passed on: it names
where the token comes from, and never the token, and no password of a proxy.
"""

from __future__ import annotations

import locale
import os
import platform
import shutil
import sqlite3
import ssl
import statistics
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import importer
from importer.clock import SystemClock, timestamp
from importer.credentials import VARIABLE, find_token
from importer.errors import TokenError
from importer.keyrings import kept_token
from importer.ledger.network_disk import network_disk
from importer.progress.stream import SteadyStream
from importer.progress.words import moment, size
from importer.secret import without_user
from importer.transfer.trust import trusted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from importer.keyrings import Account

LIBRARIES = ("aiohttp", "aiofiles", "anyio", "tqdm")
#: what isn't installed by itself -> the extra that brings it, and what it is for
EXTRAS = {
    "uvloop": ("fast", "a faster loop"),
    "winloop": ("fast", "a faster loop"),
    "duckdb": ("parquet", "Parquet manifests"),
    "pillow-heif": ("heic", "dates of an iPhone's pictures"),
    "keyring": ("keyring", "importer login"),
    "prometheus-client": ("metrics", "--metrics-port"),
}
LEAST_FILES = 256  # open at once; a run has a connection for each picture on its way
LEAST_FREE = 200 << 20  # bytes; the journal of a million short rows
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
SYNCS, SYNCED = 5, bytes(4096)  # what a group of intents asks of the disk, about
SLOW_SYNC_S = 0.1
OPTIMISED = "--enable-optimizations"  # how Python is configured to be a fifth faster


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was looked at."""

    topic: str
    name: str
    said: str
    advice: str = ""  #: what could be better, or what helps
    is_trouble: bool = False  #: an import would fail, or be in danger


def examine(
    folder: Path,
    *,
    token_file: Path | None,
    account: Account,
    proxy: str,
    environ: Mapping[str, str],
    configured: Sequence[str],
) -> tuple[Fact, ...]:
    """Look at everything; what can't be found out is said so, and is no error.

    Args:
        folder: where the manifest lies, and so the results.
        token_file: as a run would be given it.
        account: whose token may be kept in the keyring.
        proxy: the run's.
        environ: the environment's variables.
        configured: files in which options stand, each with their names.
    """
    return (
        *_program(),
        *_system(),
        *_text(),
        *_disk("results", folder),
        *_disk("temporary files", Path(tempfile.gettempdir())),
        _token(token_file, account, environ),
        _variables(environ),
        Fact("account", "options in files", "; ".join(configured) or "none"),
        *_network(proxy, environ),
    )


def _program() -> Iterator[Fact]:
    home = Path(importer.__file__).parent
    yield Fact("program", "importer", f"{importer.__version__}, in {home}")
    python = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    built = str(sysconfig.get_config_var("CONFIG_ARGS") or OPTIMISED)
    slower = "it was built without optimisation: another one is up to a fifth faster"
    yield Fact("program", "Python", python, "" if OPTIMISED in built else slower)
    yield Fact("program", "libraries", ", ".join(f"{name} {_version(name)}" for name in LIBRARIES))
    yield Fact("program", "SQLite, OpenSSL", f"{sqlite3.sqlite_version}, {ssl.OPENSSL_VERSION}")
    elsewhere = "uvloop" if sys.platform == "win32" else "winloop"
    for name, (extra, use) in EXTRAS.items():
        if name != elsewhere:
            found = _version(name)
            advice = "" if found else f"for {use}: pip install 'darkroom-importer[{extra}]'"
            yield Fact("program", name, found or "not installed", advice)


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _system() -> Iterator[Fact]:
    import psutil  # here: other verbs don't need it

    yield Fact("system", "system", platform.platform())
    memory = psutil.virtual_memory()
    yield Fact(
        "system", "processors, memory",
        f"{os.cpu_count() or 1}, {size(memory.total)} ({size(memory.available)} free)",
    )  # fmt: skip
    yield Fact("system", "clock", f"{moment(timestamp(SystemClock().now()))} UTC")
    most = _most_files()
    if most is not None:
        is_few = 0 <= most < LEAST_FILES
        advice = f"allow more than {LEAST_FILES}: ulimit -n 4096" if is_few else ""
        said = "no limit" if most < 0 else f"{most:,} at most"
        yield Fact("system", "open files", said, advice, is_trouble=is_few)


def _most_files() -> int | None:
    """That a run may have open; -1: no limit; None: the system has no such thing."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # a run takes what it may
    return -1 if hard == resource.RLIM_INFINITY else hard


def _text() -> Iterator[Fact]:
    names = sys.getfilesystemencoding()
    is_narrow = names.lower().replace("-", "") not in ("utf8", "mbcs")
    advice = "names with other letters than ASCII can't be opened: set PYTHONUTF8=1"
    yield Fact("text", "file names", names, advice if is_narrow else "", is_trouble=is_narrow)
    console = getattr(sys.stdout, "encoding", None) or "none"
    plain = "bars are drawn in ASCII there, and foreign letters are shown as numbers"
    yield Fact("text", "console", console, "" if SteadyStream(sys.stdout).is_utf8 else plain)
    yield Fact("text", "language", locale.setlocale(locale.LC_CTYPE))


def _disk(what: str, folder: Path) -> Iterator[Fact]:
    """Room, and whether something written there is soon on the disk."""
    try:
        folder = folder.resolve()
        free = shutil.disk_usage(folder).free
        sync_s = _sync_s(folder)
    except OSError as error:
        advice = f"nothing can be written there ({error.strerror or type(error).__name__})"
        yield Fact("disks", what, str(folder), advice, is_trouble=True)
        return
    said = f"{folder}, {size(free)} free, a write is safe after {sync_s * 1000:.1f} ms"
    if elsewhere := network_disk(folder):
        advice = f"this is {elsewhere}: use a disk of this machine for the results, with -o"
        is_trouble = what == "results"
        yield Fact("disks", what, said, advice if is_trouble else "", is_trouble=is_trouble)
    elif free < LEAST_FREE:
        yield Fact("disks", what, said, "make room there", is_trouble=True)
    else:
        slow = "a slow disk: it limits how many small pictures a second can be sent"
        yield Fact("disks", what, said, slow if sync_s > SLOW_SYNC_S else "")


def _sync_s(folder: Path) -> float:
    """How long a group of intents takes to be on the disk.

    Raises:
        OSError: nothing can be written there.
    """
    now, took = SystemClock().monotonic, []
    with tempfile.TemporaryFile(dir=folder, prefix=".importer-") as file:
        for _ in range(SYNCS):
            began = now()
            file.write(SYNCED)
            file.flush()
            os.fsync(file.fileno())
            took.append(now() - began)
    return statistics.median(took)


def _token(token_file: Path | None, account: Account, environ: Mapping[str, str]) -> Fact:
    """Where it comes from; never the token."""
    is_set = bool(environ.get(VARIABLE, "").strip())
    try:
        kept = None if token_file or is_set else kept_token(account)
        if not (token_file or is_set or kept):
            return Fact("account", "token", f"there is none for {account}", "see importer login")
        find_token(token_file, environ, lambda: kept)
    except TokenError as error:
        return Fact("account", "token", error.what, error.fix, is_trouble=True)
    where = f"the variable {VARIABLE}" if is_set else f"the keyring, for {account}"
    return Fact("account", "token", f"from {f'the file {token_file}' if token_file else where}")


def _network(proxy: str, environ: Mapping[str, str]) -> Iterator[Fact]:
    unheeded = next((name for name in PROXIES if environ.get(name)), "")
    advice = f"{unheeded} is set, and isn't heeded: say --proxy, if the gallery is behind it"
    said = without_user(proxy) or "none"
    yield Fact("network", "proxy", said, advice if unheeded and not proxy else "")
    try:
        context = trusted()
    except OSError as error:
        yield Fact(
            "network", "certificates", f"can't be read ({error.strerror})",
            "no gallery can be believed without: install the system's ca-certificates",
            is_trouble=True,
        )  # fmt: skip
        return
    said = "the system's, which is asked for each"
    if type(context) is ssl.SSLContext:
        count = context.cert_store_stats()["x509_ca"]
        paths = ssl.get_default_verify_paths()
        said = f"the system's: {count} in {paths.cafile or paths.capath}" if count else (
            f"the system's, in {paths.capath}")  # fmt: skip
    yield Fact("network", "certificates", said)


def _variables(environ: Mapping[str, str]) -> Fact:
    """Options that are set without being typed; a run that behaves oddly often has one."""
    ours = sorted(name for name in environ if name.startswith("IMPORTER_") and name != VARIABLE)
    return Fact("account", "options in variables", ", ".join(ours) or "none")
