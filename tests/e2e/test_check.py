"""``importer check`` as a person calls it, on real files."""

import json
import os
import unicodedata

import pytest
from PIL import Image

HEADER = "file,event,date,tag,note\n"


@pytest.fixture
def archive(tmp_path):
    folder = tmp_path / "archive"
    (folder / "2018").mkdir(parents=True)
    for number in range(4):
        noise = Image.frombytes("RGB", (64, 48), os.urandom(64 * 48 * 3))
        noise.save(folder / "2018" / f"IMG_{number}.JPG", "JPEG")
    accented = unicodedata.normalize("NFD", "f\u00eate.jpg")
    whole = (folder / "2018/IMG_0.JPG").read_bytes()
    (folder / "2018" / accented).write_bytes(whole)
    (folder / "2018" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    return folder


def test_the_corrected_copy_passes_but_for_what_nobody_can_correct(archive, command):
    """What is safe is corrected and listed; the rest is found again, and only the rest."""
    rows = [
        "2018/IMG_0.JPG,Summer Fair ,2018-2-3,s 1,keep  me ",
        "2018\\IMG_1.JPG,Summer Fair,20180203,s 1,",
        "2018/f\u00eate.jpg,Summer Fair,2018-02-03T10:00:00Z, s 2,",
        "2018/img_2.jpg,Summer Fair,2018-02-03,s 2,",
        "2018/none.jpg,Summer Fair,02/03/2018,s 2,",
    ]
    manifest, copy = archive / "m.csv", archive / "fixed.csv"
    manifest.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")

    done = command("check", manifest, "--fix", copy)
    assert done.returncode == 1
    assert "'20180203' -> '2018-02-03'" in done.stdout
    assert f"next: importer check {copy}" in " ".join(done.stdout.split())
    lines = copy.read_text(encoding="utf-8").splitlines()
    assert lines[0] == HEADER.strip()
    assert lines[1] == "2018/IMG_0.JPG,Summer Fair,2018-02-03,s 1,keep  me "
    assert lines[2].startswith("2018/IMG_1.JPG,Summer Fair,2018-02-03")

    found = json.loads(command("check", copy, "--json").stdout)
    assert found["counts"] == {"bad_date": 1, "file_missing": 1}
    assert found["sendable"] == 4
    assert found["fixed"] is None


def test_deep_finds_damage_and_the_same_bytes_and_no_files_looks_at_none(archive, command):
    rows = ["2018/IMG_0.JPG", "2018/" + unicodedata.normalize("NFD", "f\u00eate.jpg")]
    rows += ["2018/cut.jpg", "2018/IMG_1.JPG", "2018/none.jpg"]
    manifest = archive / "m.csv"
    text = "".join(f"{row},Fair,2018-02-03,,\n" for row in rows)
    manifest.write_text(HEADER + text, encoding="utf-8")

    found = json.loads(command("check", manifest, "--deep", "--json").stdout)
    assert found["counts"] == {"damaged_picture": 1, "file_missing": 1}
    assert found["warning_counts"] == {"same_bytes": 1}
    assert (found["problems"][0]["line"], found["warnings"][0]["line"]) == (4, 3)

    quick = command("check", manifest, "--no-files", "--link", "20M")
    assert quick.returncode == 0
    assert "5 rows: 5 can be sent" in quick.stdout


def test_warnings_dont_change_the_end_and_all_fits_a_terminal(archive, command):
    manifest = archive / "m.csv"
    manifest.write_text(
        HEADER
        + "2018/IMG_0.JPG,Summer Fair,2018-02-03,s,\n" * 2
        + "http://192.168.1.2/a.jpg,Sumer Fair,2099-02-03,s,\n",
        encoding="utf-8",
    )
    done = command("check", manifest)
    assert done.returncode == 0
    for word in ("same_row", "plain_http", "private_address", "future_date", "collection_alike"):
        assert f"warning: {word}, 1 row" in done.stdout
    paths = str(archive)
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if paths not in line)
