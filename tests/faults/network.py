"""Entries whose fault lies between the importer and the gallery, or in the gallery's answer."""

from __future__ import annotations

from tests.faults.entry import Fault

NETWORK: tuple[Fault, ...] = ()
