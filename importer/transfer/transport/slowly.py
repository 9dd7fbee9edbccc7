"""A large body in pieces: as many bytes as a line likes at once or, under a bandwidth, small enough
for others to come in between, each piece paid.

The pacing says how large a piece may be and when it may leave; here it is only asked.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from importer.transfer.transport.flight import Flight


async def whole_in_blocks(content: bytes) -> AsyncGenerator[memoryview]:
    """A body that lies in memory, as one that can be cut."""
    yield memoryview(content)


def cut(block: memoryview, size: int) -> Iterator[memoryview]:
    """The block in pieces of this size at most."""
    for start in range(0, len(block), size):
        yield block[start : start + size]


async def framed(
    prefix: bytes,
    blocks: AsyncGenerator[memoryview],
    suffix: bytes,
    flight: Flight,
    *,
    most: int,
) -> AsyncGenerator[bytes | memoryview]:
    """A body and what stands around it, in pieces of ``most`` bytes, or as the bandwidth has it."""
    paid = flight.first_block
    if prefix:
        flight.look()
        yield prefix
    async with aclosing(blocks):
        async for block in blocks:
            flight.look()
            bandwidth = flight.trip.bandwidth
            if bandwidth is None or bandwidth.block is None:
                for piece in cut(block, most):
                    yield piece
            else:
                async for piece in slowly(block, flight, paid):
                    yield piece
            paid = max(0, paid - len(block))
    if suffix:
        yield suffix
    flight.body_is_gone()


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
