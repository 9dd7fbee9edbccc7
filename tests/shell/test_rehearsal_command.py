"""``importer gallery`` as a process: its first line, its end, its complaints."""

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from importer.rehearsal import Gallery

# The verb alone, so that this file stands without the rest of the command line.
VERB = """
import typer
from importer.cli.gallery import gallery
app = typer.Typer()
app.command()(gallery)
app()
"""


def start(*arguments, **environment):
    kept = {key: value for key, value in os.environ.items() if key != "IMPORTER_TOKEN"}
    return subprocess.Popen(
        [sys.executable, "-c", VERB, *map(str, arguments)],
        env={**kept, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def upload(url, token):
    """Upload a URL; return the answer's status."""

    query = f"token={token}&collection-name=a&collection-date=2018-02-22"
    try:
        with urllib.request.urlopen(
            f"{url}api/v1/picture/upload?{query}", data=b"http://h/a.jpg"
        ) as answer:
            return answer.status
    except urllib.error.HTTPError as exc:
        exc.close()
        return exc.code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals to send")
def test_runs_until_it_is_stopped(tmp_path, number):
    """One line on stdout once it takes requests; either signal ends it with 0."""

    with start("--port", 0, "--data", tmp_path, "--fault", "503@#2") as process:
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert [upload(url, "rehearsal") for _ in range(3)] == [200, 503, 200]
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert f"{url}api/v1/picture/upload" in err
    assert str(tmp_path) in err
    assert len(Gallery(data=tmp_path).pictures()) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals to send")
def test_token_comes_from_file_then_environment(tmp_path):
    """It is asked for, and never shown."""

    file = tmp_path / "token"
    file.write_text("from-file\n")
    file.chmod(0o600)
    for arguments, token in ((("--token-file", file), "from-file"), ((), "from-environment")):
        command = ("--port", 0, "--data", tmp_path / "data", *arguments)
        with start(*command, IMPORTER_TOKEN="from-environment") as process:
            url = process.stdout.readline().strip()
            assert upload(url, "rehearsal") == 401
            assert upload(url, token) == 200
            process.terminate()
            _, err = process.communicate(timeout=20)
        assert process.returncode == 0
        assert token not in err


def complaint(*arguments):
    """Run to the end; return what it complains about, having checked the exit code."""

    with start(*arguments) as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert "Traceback" not in err
    return err


def test_unreadable_fault_is_exit_code_2():
    assert "'503@never'" in complaint("--fault", "503@never")


def test_missing_token_file_is_exit_code_2(tmp_path):
    assert "can't be read" in complaint("--token-file", tmp_path / "none")


@pytest.mark.skipif(os.name != "posix", reason="only there does a file's mode say who may read it")
def test_token_file_that_others_can_read_is_exit_code_2(tmp_path):
    file = tmp_path / "token"
    file.write_text("secret-word")
    file.chmod(0o644)
    err = complaint("--token-file", file)
    assert "chmod 600" in err
    assert "secret-word" not in err


@pytest.mark.parametrize("found", ["file", "foreign database"])
def test_unusable_data_folder_is_exit_code_2(tmp_path, found):
    """What lies there is left alone, and named."""

    data = tmp_path / "data"
    if found == "file":
        data.write_text("not a folder")
        data /= "below"
    else:
        data.mkdir()
        (data / "gallery.sqlite").write_text("no database at all" * 100)
    assert str(data) in complaint("--port", "0", "--data", data)


def test_taken_port_is_exit_code_2(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} " in complaint("--port", port, "--data", tmp_path)
