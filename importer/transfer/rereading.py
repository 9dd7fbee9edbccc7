"""A source that couldn't be read just now is looked at again, before anything is said of its row.

Two faults may pass: a disk's hiccup, which gets one more try, and too many open files, which says
nothing against any row and is waited out while fewer requests go out at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.transfer.source_faults import SourceFault
from importer.transfer.sources import load

if TYPE_CHECKING:
    from importer.model import Picture
    from importer.settings import Reading
    from importer.transfer.bodies import Body
    from importer.transfer.halting import Halting
    from importer.transfer.pacing import Pacing

AGAIN_S = 0.25  # between two looks


async def reread(
    picture: Picture,
    found: Body | SourceFault,
    *,
    reading: Reading,
    pacing: Pacing,
    halting: Halting,
) -> Body | SourceFault | None:
    """A body as it is, or after all; a fault that is the row's own; None if the run stops first."""
    tries_left = 1
    while isinstance(found, SourceFault):
        if found.is_crowded:
            pacing.cramped()
        elif found.is_passing and tries_left:
            tries_left -= 1
        else:
            break
        if await halting.sleep(AGAIN_S):
            return None
        (found,) = await load([picture], reading=reading)
    return found
