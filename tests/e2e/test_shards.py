"""``importer split`` and ``merge`` as a person types them."""

import shlex


def test_what_split_says_next_can_be_pasted(tmp_path, command):
    """With the columns' meaning, and without what the shards have in them already."""
    folder = tmp_path / "two words"
    folder.mkdir()
    manifest = folder / "m.csv"
    manifest.write_text(
        "Datei;Am\nFair/a.jpg;22.02.2018\nFair/b.jpg;22.02.2018\n", encoding="utf-8"
    )
    meaning = [
        "--column",
        "source=Datei",
        "--column",
        "date=Am",
        "--default",
        "collection={folder}",
    ]
    meaning += ["--date-format", "%d.%m.%Y"]
    done = command("split", manifest, "-n", 2, "--fill-down", "--delimiter", ";", *meaning)
    said = next(line for line in done.stderr.splitlines() if line.startswith("next: "))
    assert shlex.split(said) == ["next:", "importer", "run", str(folder / "m.1-of-2.csv"), *meaning]
    done = command("check", *shlex.split(said)[3:], "--no-files")
    assert (done.returncode, "1 can be sent" in done.stdout) == (0, True)
    done = command("merge", manifest)
    assert (done.returncode, "name the results of all shards" in done.stderr) == (2, True)
