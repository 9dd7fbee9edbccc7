"""The whole table, in the order of its numbers."""

from __future__ import annotations

from collections.abc import Mapping

from tests.faults.downloads import DOWNLOADS
from tests.faults.entry import Fault
from tests.faults.machine import MACHINE
from tests.faults.network import NETWORK

COUNT = 92  #: rows of the first part; downloads have a series of their own

FAULTS: Mapping[tuple[int, str], Fault] = {
    fault.key: fault
    for fault in sorted([*NETWORK, *MACHINE, *DOWNLOADS], key=lambda fault: fault.key)
}
assert len(FAULTS) == len(NETWORK) + len(MACHINE) + len(DOWNLOADS), (
    "two entries have one number and one case"
)
