"""Faults of the line while a picture is on its way."""

from __future__ import annotations

import pytest

from tests.conftest import Archive
from tests.faults.entry import Fault, shows
from tests.faults.trial import Trial, third
from tests.wire import Wire, answering, breaking

pytestmark = pytest.mark.anyio


@shows(10)
async def test_x(fault: Fault, archive: Archive) -> None:
    trial = Trial(fault, archive)
    async with Wire(third(breaking("rst", after=None))) as wire:
        await trial.run(wire, arrived=1)
        wire.script = None
        await trial.run_again(wire)


@shows(34, "once")
async def test_y(fault: Fault, archive: Archive) -> None:
    trial = Trial(fault, archive)
    async with Wire(third(answering(500), answering())) as wire:
        await trial.run(wire, arrived=2)
        wire.script = None
        await trial.run_again(wire)


@shows(44, "422")
async def test_z(fault: Fault, archive: Archive) -> None:
    trial = Trial(fault, archive)
    async with Wire(third(answering(422))) as wire:
        await trial.run(wire, arrived=1)
        wire.script = None
        await trial.run_again(wire)
