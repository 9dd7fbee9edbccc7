"""Bulk importer for event photo archives.

from importer import Settings, Token, run_import

summary = run_import(Settings(manifest=Path("archive.csv")), Token("..."))
print(summary.tally["uploaded"], "pictures are in the gallery")
"""

TYPE_CHECKING = False  # checkers know the name; loading typing takes a Ctrl-C's time, see below
if TYPE_CHECKING:
    from importer.api import check_manifest, import_manifest, run_import, scan_folder
    from importer.errors import ImporterError
    from importer.events import Observer
    from importer.manifest.check.findings import Findings
    from importer.manifest.scan.findings import Scanned
    from importer.manifest.scan.options import Scanning
    from importer.model import Outcome, Status, Summary, Tally
    from importer.secret import Token
    from importer.settings import Checking, Pace, Patience, Reading, Sending, Settings, Urls

__version__ = "0.1.0"

__all__ = [
    "Checking",
    "Findings",
    "ImporterError",
    "Observer",
    "Outcome",
    "Pace",
    "Patience",
    "Reading",
    "Scanned",
    "Scanning",
    "Sending",
    "Settings",
    "Status",
    "Summary",
    "Tally",
    "Token",
    "Urls",
    "__version__",
    "check_manifest",
    "import_manifest",
    "run_import",
    "scan_folder",
]

_HOMES = {
    "api": ("check_manifest", "import_manifest", "run_import", "scan_folder"),
    "errors": ("ImporterError",),
    "events": ("Observer",),
    "manifest.check.findings": ("Findings",),
    "manifest.scan.findings": ("Scanned",),
    "manifest.scan.options": ("Scanning",),
    "model": ("Outcome", "Status", "Summary", "Tally"),
    "secret": ("Token",),
    "settings": ("Checking", "Pace", "Patience", "Reading", "Sending", "Settings", "Urls"),
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used.

    The command comes by here before its first line. Were everything loaded now, a Ctrl-C in that
    time would show a traceback, and nobody could have prevented it.
    """
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"importer.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
