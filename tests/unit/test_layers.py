"""The house's layers: a module imports only from lower ones, and each library has one home."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import importer

ROOT = Path(importer.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

#: the layers from the ground up; the longest prefix that fits a module decides
LAYERS = (
    ("words", ("record", "model", "errors", "events", "settings", "clock", "secret", "units", "memory")),
    (
        "pure",
        (
            "manifest", "destination", "transfer.retry", "transfer.breaker", "transfer.limits",
            "transfer.rates", "transfer.sniff", "transfer.trip",
            "transfer.tuner", "transfer.throttle",
        ),
    ),
    (
        "shell",
        (
            "manifest.landmarks", "manifest.protocol", "manifest.text", "manifest.encodings", "manifest.kinds",
            "manifest.formats", "manifest.blocks", "manifest.delimited", "manifest.json_lines", "manifest.parquet", "manifest.sheets", "manifest.taking_apart",
            "manifest.workbook", "manifest.template", "manifest.tall",
            "manifest.scan.clocks", "manifest.scan.exif", "manifest.scan.links", "manifest.scan.look", "manifest.scan.scanning",
            "manifest.scan.spool", "manifest.scan.telling", "manifest.scan.walk", "manifest.scan.write",
            "transfer.sources", "transfer.transport", "transfer.turns",
            "transfer.halting", "transfer.gate", "transfer.trust", "transfer.bodies", "transfer.streamed", "transfer.source_faults", "transfer.cached", "transfer.at_hand", "transfer.crew", "transfer.fetch", "ledger", "signals", "credentials", "keyrings", "inspection", "in_place", "places", "aside",
        ),
    ),
    ("engine", ("transfer",)),
    (
        "face",
        (
            "", "bench", "shards", "progress", "report", "rehearsal", "demo", "demo_pictures", "job", "sent_before", "opening", "mending", "notices", "reporting", "telling", "checking", "piped",
            "run",
            "api", "logbook", "metrics", "doctor",
        ),
    ),
    ("cli", ("cli", "__main__")),
)  # fmt: skip

#: library -> the modules that may import it
HOMES = {
    "aiohttp": (
        "transfer.transport",
        "transfer.fetch.web",
        "transfer.fetch.resolving",
        "rehearsal",
    ),
    "aiofiles": ("transfer.sources", "transfer.streamed"),
    "tqdm": ("progress",),
    "truststore": ("transfer.trust",),
    "time": ("clock", "progress", "rehearsal"),
    "random": ("clock", "rehearsal", "demo_pictures"),
    "keyring": ("keyrings",),
    "platformdirs": ("cli.configured",),
    "prometheus_client": ("metrics",),
    "psutil": ("ledger.network_disk", "doctor"),
    "sqlite3": ("ledger", "report", "doctor", "rehearsal", "cli.gallery", "manifest.scan.spool"),
    "typer": ("cli",),
    "jinja2": ("report", "rehearsal"),
    "PIL": ("inspection.content", "demo_pictures", "manifest.scan.exif"),
    "pillow_heif": ("manifest.scan.exif",),
    "natsort": ("manifest.scan.walk",),
    "xlsxwriter": ("manifest.template", "manifest.scan.write"),
    "python_calamine": ("manifest.taking_apart",),
    "duckdb": ("manifest.parquet",),
    "gzip": ("manifest.text", "manifest.kinds"),
    "zipfile": ("manifest.workbook",),
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{path} imports relatively"
            for alias in node.names:
                inside = ROOT.parent.joinpath(*node.module.split("."), alias.name)
                is_module = inside.with_suffix(".py").exists() or inside.is_dir()
                yield f"{node.module}.{alias.name}" if is_module else node.module


def fits(module: str, prefix: str) -> bool:
    return module == prefix or (bool(prefix) and module.startswith(prefix + "."))


def layer_of(module: str) -> int:
    places = [
        (len(prefix), rank)
        for rank, (_, prefixes) in enumerate(LAYERS)
        for prefix in prefixes
        if fits(module, prefix)
    ]
    assert places, f"{module} has no layer: give it one in {__file__}"
    return max(places)[1]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down(path: Path) -> None:
    """A module imports only from lower layers or from its own."""
    module = name_of(path)
    for imported in imports_of(path):
        if imported == "importer" or not imported.startswith("importer."):
            continue
        target = imported.removeprefix("importer.")
        assert layer_of(target) <= layer_of(module), f"{module} imports {target} from above"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_libraries_stay_at_home(path: Path) -> None:
    """Each foreign library is imported at its one place, so that its errors end there."""
    module = name_of(path)
    for imported in imports_of(path):
        homes = HOMES.get(imported.split(".")[0])
        if homes is not None:
            assert any(fits(module, home) for home in homes), f"{module} imports {imported}"


@pytest.mark.parametrize("path", [p for p in MODULES if "rehearsal" in p.parts], ids=name_of)
def test_gallery_shares_nothing(path: Path) -> None:
    """If client and gallery shared a wrong field name, every test would pass."""
    for imported in imports_of(path):
        assert not imported.startswith("importer.") or fits(imported, "importer.rehearsal")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_are_small_and_say_what_they_are(path: Path) -> None:
    """A module opens with a sentence, and is short enough to be read at one sitting."""
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), f"{path} has no opening sentence"
    assert text.count("\n") <= 340
