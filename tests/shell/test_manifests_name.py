"""One manifest, whatever it is called: through a link, with ``..`` in its path, by its results."""

from __future__ import annotations

import pytest

from importer.errors import JournalMismatch
from tests.shell.runs import run, statuses
from tests.wire import Wire

pytestmark = pytest.mark.anyio


async def test_a_path_with_dots_in_it_is_the_same(archive):
    archive.fill(3)
    (archive.folder / "sub").mkdir()
    async with Wire() as wire:
        by_dots = archive.folder / "sub" / ".." / archive.manifest.name
        await run(archive, wire, manifest=by_dots, reading={"lines": (2, 3)})
        assert (await run(archive, wire)).exit_code == 0
    assert (statuses(archive), len(wire.receipts)) == (["uploaded"] * 3, 3)


async def test_a_linked_folder_is_the_same(archive, tmp_path_factory):
    archive.fill(3)
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(archive.folder, target_is_directory=True)
    async with Wire() as wire:
        await run(archive, wire, manifest=link / archive.manifest.name, reading={"lines": (2, 3)})
        assert (await run(archive, wire)).exit_code == 0
    assert (statuses(archive), len(wire.receipts)) == (["uploaded"] * 3, 3)


async def test_after_its_results_were_run_the_manifest_goes_on(archive):
    """Its journal was gone, so the results file was run, as the README says."""
    archive.fill(3)
    async with Wire() as wire:
        await run(archive, wire, reading={"lines": (2, 3)})
        archive.journal.unlink()
        await run(archive, wire, manifest=archive.results, reading={"lines": (2, 3)})
        assert (await run(archive, wire)).exit_code == 0
        assert (await run(archive, wire, manifest=archive.results)).exit_code == 0
    assert (statuses(archive), len(wire.receipts)) == (["uploaded"] * 3, 3)


async def test_results_that_were_run_are_not_anothers(archive):
    """Whose journal says nothing of the manifest that they were drawn for."""
    archive.fill(3)
    other = archive.folder / "other.csv"
    other.write_bytes(archive.manifest.read_bytes().replace(b"Summer", b"Winter"))
    async with Wire() as wire:
        await run(archive, wire)
        archive.journal.unlink()
        await run(archive, wire, manifest=archive.results)
        with pytest.raises(JournalMismatch, match="belongs to the manifest"):
            await run(archive, wire, manifest=other, results=archive.results)
    assert [row["collection"] for row in archive.read_results()] == ["Summer Fair"] * 3
