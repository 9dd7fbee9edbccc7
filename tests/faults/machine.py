"""Entries whose fault lies on this machine: kills, disks, files, signals, the manifest."""

from __future__ import annotations

from tests.faults.entry import Fault

MACHINE: tuple[Fault, ...] = ()
