"""The bars on a real terminal: a child draws on a pseudo-terminal, a small screen reads along."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import unicodedata

import pytest

pty = pytest.importorskip("pty")  # POSIX only
fcntl = pytest.importorskip("fcntl")
struct = pytest.importorskip("struct")
termios = pytest.importorskip("termios")

CHILD = """
import sys, time
from importer.events import Progress, RunEnded, Warned
from importer.model import Summary, Tally
from importer.progress import make_observer

ending, pause = sys.argv[1], float(sys.argv[2])

def progress(step):
    done = 1_204_000 * step // 20
    waiting = "the gallery asks to go slower, 日本語日本語日本語日本語日本語"
    return Progress(
        rows=1_204_000, rows_done=done, uploaded=done, failed=6, unknown=2, held=0,
        bytes_uploaded=done * 30_123, bytes_in_flight=2_100_000, in_flight=64, limit=64,
        retries=3, seconds=step / 4, waiting=waiting if 8 <= step < 12 else "")

try:
    with make_observer("auto", stream=sys.stderr, is_terminal=sys.stderr.isatty(), quiet=False,
                       verbose=0, color=False) as observer:
        for step in range(21):
            observer.notice(progress(step))
            if step % 5 == 3:
                observer.notice(Warned(f"message {step}"))
            time.sleep(pause)
        if ending == "raise":
            raise SystemExit(3)
        if ending == "end":
            observer.notice(RunEnded(Summary(1, Tally({}), 0, 0, 0, 1.0, 0)))
except KeyboardInterrupt:
    pass
print("AFTER", file=sys.stderr, flush=True)
"""


class Screen:
    """As much of a terminal as the bars use; says where a line was wrapped."""

    def __init__(self, columns: int, lines: int = 24) -> None:
        self.columns, self.lines = columns, lines
        self.rows: list[str] = [""]
        self.row = self.column = self.wraps = 0
        self.seen: list[str] = []  #: every line as it was when the cursor left it

    def feed(self, text: str) -> None:
        place = 0
        while place < len(text):
            char = text[place]
            if text.startswith("\x1b[A", place):
                self._leave(self.row - 1)
                place += 3
                continue
            if text.startswith("\x1b[K", place):
                self.rows[self.row] = self.rows[self.row][: self.column]
                place += 3
                continue
            if char == "\r":
                self.seen.append(self.rows[self.row])
                self.column = 0
            elif char == "\n":
                self._leave(self.row + 1)
            else:
                assert char.isprintable(), f"a control character: {char!r}"
                self._print(char)
            place += 1

    def _leave(self, row: int) -> None:
        assert row >= 0, "the cursor went above the first line"
        self.seen.append(self.rows[self.row])
        self.row = row
        while len(self.rows) <= row:
            self.rows.append("")

    def _print(self, char: str) -> None:
        width = 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if self.column + width > self.columns:
            self.wraps += 1
        line = self.rows[self.row].ljust(self.column)
        self.rows[self.row] = line[: self.column] + char + line[self.column + 1 :]
        self.column += width

    def text(self) -> list[str]:
        return [row.rstrip() for row in self.rows if row.strip()]


def resize(terminal: int, columns: int, lines: int = 24) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


class Child:
    """The script on a terminal of its own."""

    def __init__(self, columns: int, ending: str = "end", *, pause: float = 0.0, **environment):
        self.master, slave = pty.openpty()
        resize(self.master, columns)
        kept = {"PYTHONIOENCODING": "utf-8", **os.environ, **environment}
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, ending, str(pause)],
            stdin=slave, stdout=slave, stderr=slave, env=kept,
        )  # fmt: skip
        os.close(slave)

    def read(self, until: str = "") -> str:
        """What it writes, until these words appear or it ends."""
        got = b""
        while not until or until.encode() not in got:
            try:
                part = os.read(self.master, 65536)
            except OSError:  # EIO: the other side is closed
                break
            if not part:
                break
            got += part
        return got.decode("utf-8")

    def drain(self) -> None:
        """Pass over what it writes until it sleeps."""
        while select.select([self.master], [], [], 0.1)[0]:
            os.read(self.master, 65536)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        os.close(self.master)


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_nothing_wraps_and_nothing_stays(columns):
    """At each width each line fits, messages stand above, and the bars leave no trace."""

    screen = Screen(columns)
    with Child(columns) as child:
        screen.feed(child.read())
        assert child.process.wait(10) == 0
    assert screen.wraps == 0
    assert screen.text() == [*(f"warning: message {step}" for step in (3, 8, 13, 18)), "AFTER"]
    assert screen.column == 0


def test_the_lines_tell_what_they_should():
    """Pictures with a bar, bytes, and what is in flight or waited for."""

    screen = Screen(80)
    with Child(80) as child:
        screen.feed(child.read())
    seen = "\n".join(screen.seen)
    assert "pictures 100% |" in seen
    assert "1,204,000/1,204,000, 240,800/s" in seen
    assert "36.3 GB uploaded, 7.3 GB/s, 2.1 MB in flight" in seen
    assert "64 of 64 in flight, 6 failed, 2 unknown, 3 retries" in seen
    assert "waiting  the gallery asks to go slower" in seen
    assert "█" in seen


@pytest.mark.parametrize("ending", ["raise", "leave"])
def test_the_bars_go_however_the_run_ends(ending):
    """After an exception, and where nobody told of an end."""

    screen = Screen(80)
    with Child(80, ending) as child:
        screen.feed(child.read())
    assert not any("pictures" in row or "requests" in row for row in screen.text())
    assert screen.column == 0


def test_the_bars_go_after_ctrl_c():
    """The terminal is as it was: the next word begins at the line's first column."""

    screen = Screen(80)
    with Child(80, pause=0.05) as child:
        screen.feed(child.read(until="message 3"))
        child.process.send_signal(signal.SIGINT)
        screen.feed(child.read())
        assert child.process.wait(10) == 0
    assert screen.text()[-1] == "AFTER"
    assert not any("pictures" in row for row in screen.text())
    assert screen.wraps == 0


def test_a_window_may_get_narrower():
    """From the next event on, the lines have the new width, padding included."""

    screen = Screen(40)
    with Child(120, pause=0.3) as child:
        child.read(until="message 3")
        child.drain()
        resize(child.master, 40)
        screen.feed("\r" + child.read())
    assert screen.wraps == 0


@pytest.mark.parametrize("environment", [{"TQDM_DISABLE": "1"}, {"TQDM_POSITION": "5"}])
def test_the_environment_of_tqdm_changes_nothing(environment):
    """tqdm reads TQDM_*; what was meant for another program must not break ours."""

    screen = Screen(80)
    with Child(80, **environment) as child:
        screen.feed(child.read())
        assert child.process.wait(10) == 0
    assert "pictures 100%" in "\n".join(screen.seen)


def test_a_terminal_that_goes_away_stops_nothing():
    """The run goes on to its end, though nobody sees it."""

    child = Child(80, pause=0.02)
    child.read(until="message 3")
    os.close(child.master)
    assert child.process.wait(10) == 0


def test_a_terminal_without_a_size():
    """A pseudo-terminal that was never told its size is taken for 80 columns."""

    screen = Screen(80)
    with Child(0) as child:
        screen.feed(child.read())
    assert "bytes    36.3 GB uploaded" in "\n".join(screen.seen)
    assert screen.wraps == 0


READ_ONE_LINE = """
import sys
from importer.events import Warned
from importer.progress import JsonLines

observer = JsonLines(sys.stdout)
for number in range(20_000):
    observer.notice(Warned(f"{number} " + "x" * 100))
print("the run went on", file=sys.stderr)
"""


def test_a_closed_stdout_ends_quietly():
    """``importer run --json | head -1``: no error, no complaint at the exit, code 0."""

    with subprocess.Popen(
        [sys.executable, "-c", READ_ONE_LINE],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline().startswith('{"event": "warned"')
        process.stdout.close()
        assert process.stderr.read() == "the run went on\n"
        assert process.wait(10) == 0


def test_a_stdout_that_was_closed_before_the_start():
    """``importer run --json >&-``: sys.stdout is None then."""

    code = (
        "import sys; from importer.events import Warned; from importer.progress import JsonLines;"
        "JsonLines(sys.stdout).notice(Warned(str()))"
    )
    done = subprocess.run(["sh", "-c", f"{sys.executable} -c '{code}' >&-"], timeout=20)
    assert done.returncode == 0
