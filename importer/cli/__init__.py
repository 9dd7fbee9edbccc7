"""The command line: one short file a verb; each parses, calls importer.api, gives an exit code."""

from importer.cli.app import load, main

__all__ = ["load", "main"]
