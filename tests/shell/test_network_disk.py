"""A journal on another machine's disk is warned of. The system's list of disks is made up here."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from importer.ledger.network_disk import network_disk
from tests.shell.runs import run, statuses
from tests.wire import Wire


class Disk(NamedTuple):
    """As psutil lists one."""

    device: str
    mountpoint: str
    fstype: str
    opts: str


def disk(mountpoint: object, fstype: str, opts: str = "rw,relatime") -> Disk:
    return Disk("device", str(mountpoint), fstype, opts)


@pytest.mark.parametrize(
    ("disks", "kind"),
    [
        ([("/", "ext4")], ""),
        ([("/", "ext4"), ("/nas", "nfs4")], "nfs4"),
        ([("/", "ext4"), ("/nas", "cifs")], "cifs"),
        ([("/", "ext4"), ("/nas", "CIFS")], "CIFS"),
        ([("/", "ext4"), ("/nas", "fuse.sshfs")], "fuse.sshfs"),
        ([("/", "nfs"), ("/nas", "ext4")], ""),
        ([("/", "ext4"), ("/na", "nfs")], ""),
        ([("/", "ext4"), ("/nas", "nfs"), ("/nas/photos", "ext4")], ""),
        ([("/", "ext4"), ("/nas/photos", "nfs"), ("/nas", "ext4")], "nfs"),
        ([("/", "ext4"), ("/nas", "autofs"), ("/nas", "nfs4")], "nfs4"),
        ([], ""),
    ],
)
def test_the_disk_that_holds_the_folder_decides(disks, kind, monkeypatch) -> None:
    """The deepest mount point, and of two at one place the later one."""
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: [disk(*one) for one in disks])
    found = network_disk(Path("/nas/photos/2018"))
    assert found.partition(" at ")[0] == kind


def test_a_drive_that_windows_calls_remote_is_one(monkeypatch) -> None:
    """There the file system's name is the server's own: NTFS."""
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: [disk("/", "NTFS", "rw,remote")])
    assert network_disk(Path("/photos")) == "NTFS at /"


def test_a_system_that_does_not_tell_costs_no_run(monkeypatch) -> None:
    """A warning is no reason to fail."""

    def refused(**_):
        raise PermissionError

    monkeypatch.setattr(psutil, "disk_partitions", refused)
    assert network_disk(Path("/photos")) == ""


def test_this_machines_own_disks_are_none(tmp_path: Path) -> None:
    """Asked for real."""
    assert network_disk(tmp_path) == ""


@pytest.mark.anyio
async def test_a_run_says_so_and_goes_on(archive, monkeypatch) -> None:
    """The warning names the disk, and what would be safer."""
    archive.fill(2)
    nas = [disk("/", "ext4"), disk(archive.folder, "nfs4")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: nas)
    async with Wire() as wire:
        summary = await run(archive, wire)
    assert statuses(archive) == ["uploaded"] * 2
    (said,) = summary.warnings
    assert f"nfs4 at {archive.folder}" in said
    assert "-o" in said
