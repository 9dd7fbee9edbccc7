"""Addresses of pages that show a picture, as people get them by "Share"."""

import pytest

from importer.manifest.check.kinds import WARNINGS
from importer.manifest.share_pages import of_url


@pytest.mark.parametrize(
    ("url", "what", "cure"),
    [
        ("https://drive.google.com/file/d/1a-B_c/view?usp=sharing", "Google Drive", "uc?export=download"),
        ("https://drive.google.com/open?id=1a-B_c", "Google Drive", "uc?export=download"),
        ("https://drive.google.com/drive/folders/1a", "a folder of Google Drive", "each picture"),
        ("https://drive.google.com/drive/u/0/folders/1a", "a folder of Google Drive", "each picture"),
        ("https://photos.app.goo.gl/AbC", "Google Photos", "download the picture"),
        ("https://www.dropbox.com/s/abc/a.jpg?dl=0", "Dropbox", "dl=1 in it"),
        ("https://www.dropbox.com/scl/fi/abc/a.jpg?rlkey=x&dl=0", "Dropbox", "dl=1 in it"),
        ("https://WWW.Dropbox.com/s/abc/a.jpg", "Dropbox", "behind ? or &"),
        ("https://www.dropbox.com/sh/abc/x?dl=1", "a folder of Dropbox", "each picture"),
        ("https://1drv.ms/i/s!AbC", "OneDrive", "download the picture"),
        ("https://onedrive.live.com/?id=1", "OneDrive", "download the picture"),
        ("https://fair-my.sharepoint.com/:i:/g/personal/x/abc?e=1", "SharePoint", "download=1"),
        ("https://share.icloud.com/photos/0abc", "iCloud", "download the picture"),
        ("https://www.icloud.com/iclouddrive/0abc#a.jpg", "iCloud", "download the picture"),
        ("https://we.tl/t-abc", "WeTransfer", "download the picture"),
        ("https://wetransfer.com/downloads/abc", "WeTransfer", "download the picture"),
    ],
)  # fmt: skip
def test_a_page_is_known_and_the_cure_told(url, what, cure):
    code, said, fix = of_url(url)
    assert code in WARNINGS
    assert what in said
    assert cure in fix


@pytest.mark.parametrize(
    "url",
    [
        "https://drive.google.com/uc?export=download&id=1a",
        "https://lh3.googleusercontent.com/abc",
        "https://www.dropbox.com/s/abc/a.jpg?dl=1",
        "https://www.dropbox.com/scl/fi/abc/a.jpg?rlkey=x&raw=1",
        "https://dl.dropboxusercontent.com/s/abc/a.jpg",
        "https://dl.dropbox.com/s/abc/a.jpg",
        "https://onedrive.live.com/download?id=1",
        "https://fair.sharepoint.com/:i:/g/x/abc?e=1&download=1",
        "https://fair.sharepoint.com/sites/fair/a.jpg",
        "https://download.wetransfer.com/eu2/abc/a.jpg",
        "https://notdropbox.com/s/abc/a.jpg?dl=0",
        "https://h.example/dropbox.com/s/a.jpg?dl=0",
        "https://h.example/?u=https://1drv.ms/a",
        "https://[::1/a",
    ],
)
def test_what_may_be_a_picture_is_left_alone(url):
    assert of_url(url) is None
