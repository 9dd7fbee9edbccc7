"""A large body under a bandwidth: cut small enough for others to come in between, each piece paid.

The pacing says how large a piece may be and when it may leave; here it is only asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from importer.transfer.transport.flight import Flight


async def whole_in_blocks(content: bytes) -> AsyncGenerator[memoryview]:
    """A body that lies in memory, as one that can be cut."""
    yield memoryview(content)


async def slowly(block: memoryview, flight: Flight, paid: int) -> AsyncGenerator[memoryview]:
    """The block in pieces, as the bandwidth of each moment has it.

    Args:
        block: what is to leave.
        flight: the request; it isn't stalled while it waits for its turn.
        paid: bytes at the block's begin that have had their turn already.
    """
    bandwidth = flight.trip.bandwidth
    assert bandwidth is not None
    start = 0
    while start < len(block):
        length = bandwidth.block or len(block)
        piece = block[start : start + length]
        start += len(piece)
        if owed := max(0, len(piece) - paid):
            flight.is_waiting_its_turn = True
            try:
                await bandwidth.go_on(owed)
            finally:
                flight.is_waiting_its_turn = False
        paid = max(0, paid - len(piece))
        yield piece
