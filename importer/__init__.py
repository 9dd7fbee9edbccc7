"""Bulk importer for event photo archives.

from importer import Settings, Token, run_import

summary = run_import(Settings(manifest=Path("archive.csv")), Token("..."))
print(summary.tally["uploaded"], "pictures are in the gallery")
"""

from importer.api import check_manifest, import_manifest, run_import
from importer.errors import ImporterError
from importer.events import Observer
from importer.manifest.check import Findings
from importer.model import Outcome, Status, Summary, Tally
from importer.secret import Token
from importer.settings import Pace, Patience, Reading, Sending, Settings

__version__ = "0.1.0"

__all__ = [
    "Findings",
    "ImporterError",
    "Observer",
    "Outcome",
    "Pace",
    "Patience",
    "Reading",
    "Sending",
    "Settings",
    "Status",
    "Summary",
    "Tally",
    "Token",
    "__version__",
    "check_manifest",
    "import_manifest",
    "run_import",
]
