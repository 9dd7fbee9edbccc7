"""``importer template``, ``split`` and ``merge`` as a person types them."""

from importer.progress.closing import quoted


def test_what_split_says_next_can_be_pasted(tmp_path, command):
    """With the columns' meaning, and without what the shards have in them already."""
    folder = tmp_path / "two words"
    folder.mkdir()
    manifest, shard = folder / "m.csv", folder / "m.1-of-2.csv"
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
    assert f"next: {quoted(['importer', 'run', str(shard), *meaning])}\n" in done.stderr
    done = command("check", shard, *meaning, "--no-files")
    assert (done.returncode, "1 can be sent" in done.stdout) == (0, True)
    done = command("merge", manifest)
    assert (done.returncode, "name the .results.csv of each shard" in done.stderr) == (2, True)


def test_an_empty_template_is_to_be_filled_in(tmp_path, command):
    """What is said next can be pasted, and isn't to send nothing."""
    out = tmp_path / "my list.csv"
    done = command("template", "-o", out)
    assert done.stderr.endswith(f"then: {quoted(['importer', 'check', str(out)])}\n")
    done = command("check", out)
    assert "next: write a row for each picture below the columns' names" in done.stdout


def test_rows_that_another_job_has_sent_are_told_of(archive, command, gallery):
    """Of a rehearsal it is a warning, which the flag leaves out, also when the job goes on."""
    names = archive.pictures(3)
    archive.write((name, "Fair", "2017-07-15") for name in (*names, "gone.jpg"))
    words = ["--endpoint", gallery.endpoint, "--no-report"]
    warning = "3 of the 4 rows looked at in archive.csv were sent before"
    assert warning not in command("run", archive.manifest, *words).stderr
    told = command("run", archive.manifest, "-o", archive.folder / "b.csv", *words)
    assert (told.returncode, warning in told.stderr) == (1, True)
    other = archive.folder / "c.csv"
    done = command("run", archive.manifest, "-o", other, "--send-again", *words)
    again = quoted(["importer", "run", str(other), words[0], words[1], "--send-again", words[2]])
    assert (done.returncode, f"then: {again}\n" in done.stderr) == (1, True)
    assert warning not in done.stderr
    assert len(gallery.stored()) == 9
