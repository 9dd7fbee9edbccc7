"""Is this folder on a network disk? A journal there is less safe than on a disk of this machine.

SQLite's write-ahead log wants memory that all its users share, and locks that hold; network file
systems promise neither between two machines (sqlite.org/wal.html, "does not work over a network").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: file systems that lie on another machine; as Linux, macOS and psutil name them
NETWORK = {
    "nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "afs", "9p", "ceph",
    "glusterfs", "lustre", "ncpfs", "webdav", "davfs", "sshfs", "fuse.sshfs", "fuse.davfs",
    "fuse.davfs2", "fuse.rclone", "fuse.glusterfs", "macfuse.sshfs",
}  # fmt: skip


def network_disk(folder: Path) -> str:
    """The kind and place of the network disk that holds ``folder``; empty when it is a local one.

    Also empty where the system doesn't tell: a warning is no reason to fail.
    """
    import psutil  # here: a run has more urgent things to load

    folder = folder.resolve()
    if str(folder).startswith(("\\\\", "//")):
        return f"a share, {folder.drive or folder}"
    try:
        disks = psutil.disk_partitions(all=True)
    except (OSError, RuntimeError):
        return ""
    holding = [disk for disk in disks if folder.is_relative_to(disk.mountpoint)]
    # The deepest; of two at one place the later, which lies over the earlier.
    disk = max(reversed(holding), key=lambda disk: len(disk.mountpoint), default=None)
    if disk is None or not (disk.fstype.lower() in NETWORK or "remote" in disk.opts.split(",")):
        return ""
    return f"{disk.fstype or 'a share'} at {disk.mountpoint}"
