"""What those who watch a run are shown: bars, lines, JSON, and the words at the end."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import replace

import pytest

from importer.events import Progress, RowSettled, RunBegan, RunEnded, Warned
from importer.model import (
    Admitted,
    Collection,
    LocalFile,
    Outcome,
    Picture,
    RemoteUrl,
    Row,
    Status,
    Stop,
    Summary,
    Tally,
)
from importer.progress import (
    Aside,
    JsonLines,
    Several,
    closing_words,
    fitted,
    make_observer,
    next_command,
    stop_words,
    words,
)
from importer.progress.closing import quoted
from importer.progress.counting import Counting
from importer.progress.speed import Speed, Speedometer
from importer.progress.stream import SteadyStream


def progress(seconds=10.0, **changes):
    values = {
        "rows": 5000, "rows_done": 1204, "uploaded": 1198, "failed": 6, "unknown": 0, "held": 0,
        "bytes_uploaded": 36_100_000, "bytes_in_flight": 2_000_000, "in_flight": 64, "limit": 64,
        "retries": 0, "seconds": seconds, "waiting": "",
    }  # fmt: skip
    return Progress(**{**values, **changes})


def settled(status=Status.FAILED, source=None, **changes):
    picture = Picture(
        b"k" * 16,
        Row(12, ["a.jpg"]),
        source or LocalFile("photos/a.jpg"),
        "a.jpg",
        Collection("Gala", "2019-06-21"),
    )
    values = {"code": "file_missing", "message": "there is no such file"}
    return RowSettled(Outcome(Admitted(1, picture), status, **{**values, **changes}))


def summary(counts=None, *, rows=5000, stop=None, results="/jobs/a.results.csv", by_code=None):
    counts = {Status.UPLOADED: rows} if counts is None else counts
    return Summary(
        run=1, tally=Tally(counts, 150_000_000 if counts else 0), sent=4990,
        sent_bytes=150_000_000, requests=5000, seconds=16.0, rows=rows,
        results=results, stop=stop, by_code=by_code or {},
    )  # fmt: skip


def shown(mode, events, *, is_terminal=False, quiet=False, verbose=0, color=False):
    """All that a display writes about these events."""
    stream = io.StringIO()
    with make_observer(
        mode, stream=stream, is_terminal=is_terminal, quiet=quiet, verbose=verbose, color=color
    ) as observer:
        for event in events:
            observer.notice(event)
    return stream.getvalue()


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("rows_s", "text"),
    [(0, "0.0/s"), (0.3, "18/min"), (4.21, "4.2/s"), (312.4, "312/s"), (1500, "1,500/s")],
)
def test_pace_keeps_about_two_digits(rows_s, text):
    """A slow run is told a minute, so that it doesn't look like none."""

    assert words.pace(rows_s) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (12.4, "12 s"), (89, "89 s"), (180, "3 min"), (7500, "2 h 5 min"),
        (7199, "2 h 0 min"), (273_600, "3 d 4 h"),
    ],
)  # fmt: skip
def test_span_is_told_in_two_units_at_most(seconds, text):
    """A person waits for minutes or hours, not for 7,500 seconds."""

    assert words.span(seconds) == text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain Ärger 日本", "plain Ärger 日本"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\r", "a\\nb\\r"),
        ("a\u202eb", "a\\u202eb"),
        ("\udc80", "\\udc80"),
        ("9.41\u202fPM 夏\u3000祭", "9.41\u202fPM 夏\u3000祭"),
    ],
)
def test_foreign_text_moves_no_cursor(text, safe):
    """Whatever stands in a cell, a terminal gets it as characters that print."""

    assert words.printable(text) == safe
    assert safe.encode("utf-8")


@pytest.mark.parametrize("width", [1, 10, 20, 30, 39, 59, 79, 119, 199])
@pytest.mark.parametrize("rows", [0, 1, 5000, 12_345_678])
def test_lines_fit_from_the_width_of_a_phone_on(width, rows):
    """Words are left out, the least important first, before a line gets too long."""

    event = progress(rows=rows, rows_done=rows // 3, retries=7, unknown=12)
    speed = Speed(rows_s=312, bytes_s=9_400_000, left_s=4000)
    left, right, has_bar = words.pictures_meter(event, speed, width)
    if width >= 30:
        assert len(f"{left}  {right}") <= width
        assert len(words.bytes_line(event, speed, width)) <= width
        assert len(words.flight_line(event, width)) <= width
    assert not has_bar or len(left) + len(right) + 4 + words.LEAST_BAR <= width
    assert has_bar or width < 79


def test_a_hundred_percent_is_all():
    """4,999 of 5,000 rows are 99%."""

    left, _, _ = words.pictures_meter(progress(rows_done=4999), Speed(), 79)
    assert left.endswith(" 99%")


# ---------------------------------------------------------------- speed


def test_speed_is_that_of_the_last_seconds():
    """A slow beginning doesn't count for ever."""

    meter = Speedometer()
    for second in range(101):
        done = second if second < 50 else 50 + (second - 50) * 100
        speed = meter.note(progress(second, rows=10_050, rows_done=done, uploaded=done, failed=0))
    assert speed.rows_s == pytest.approx(100)
    assert speed.left_s == pytest.approx(50)


def test_rows_of_an_earlier_run_say_nothing_of_pace():
    """They are passed over in no time; the time left isn't promised by them."""

    meter = Speedometer()
    nothing = {"uploaded": 0, "failed": 0, "bytes_uploaded": 0, "bytes_in_flight": 0}
    for second in range(5):
        held = second * 1000
        speed = meter.note(progress(second, rows_done=held, held=held, **nothing))
    assert speed == Speed(left_s=None)
    speed = meter.note(progress(6, rows_done=4020, held=4000, **{**nothing, "uploaded": 20}))
    assert speed.rows_s == pytest.approx(10)
    assert speed.left_s == pytest.approx(98)


def test_nobody_can_tell_while_nothing_goes_out():
    """While the gallery asks to wait there is no time left to tell; a retry takes no bytes back."""

    meter = Speedometer()
    meter.note(progress(1, bytes_in_flight=9_000_000))
    speed = meter.note(progress(2, rows_done=1205, uploaded=1199, waiting="the breaker is open"))
    assert speed.left_s is None
    assert speed.bytes_s == 0


# ---------------------------------------------------------------- plain lines


def test_lines_come_after_two_seconds_and_then_every_ten():
    """Four events a second make no more than one line in ten seconds, and one at the end."""

    events = [progress(quarter / 4, rows_done=100 + quarter) for quarter in range(4 * 25)]
    lines = shown("lines", [*events, RunEnded(summary())]).splitlines()
    assert [line.split(" rows")[0] for line in lines] == [
        "108 of 5,000", "148 of 5,000", "188 of 5,000", "199 of 5,000",
    ]  # fmt: skip


def test_a_line_reads_like_a_sentence():
    """It says what is done, what went wrong, how fast it goes and how long it takes."""

    first = progress(1.0, rows_done=892, uploaded=886)
    lines = shown("lines", [first, progress(2.0), RunEnded(summary())]).splitlines()
    standing = "1,204 of 5,000 rows, 1,198 uploaded (36.1 MB), 6 failed, 0 unknown"
    assert lines == [
        f"{standing}, 64 in flight, 312/s, about 12 s left",
        f"{standing}, in 2 s",
    ]


def test_a_line_says_why_it_waits():
    """The reason stands where the time left would be, without control characters."""

    text = shown("lines", [progress(2.0, waiting="slow\x1bdown")])
    assert text.endswith("waiting: slow\\x1bdown\n")


def test_a_short_run_says_one_line():
    """A run that is over within two seconds isn't silent."""

    assert shown("lines", [progress(0.5), RunEnded(summary())]).count("\n") == 1


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize("mode", ["lines", "none", "bar"])
@pytest.mark.parametrize(
    ("verbose", "status", "is_said"),
    [
        (0, Status.FAILED, False), (1, Status.FAILED, True), (1, Status.UNKNOWN, True),
        (1, Status.UPLOADED, False), (2, Status.UPLOADED, True),
    ],
)  # fmt: skip
def test_rows_are_told_as_far_as_asked_for(mode, verbose, status, is_said):
    """-v tells of failed and unknown rows, -vv of every one, in each mode."""

    text = shown(mode, [settled(status)], verbose=verbose)
    assert ("line 12, photos/a.jpg" in text) is is_said


def test_a_failed_row_says_where_and_why():
    """One line: status, line, source, message, code."""

    text = shown("none", [settled()], verbose=1)
    assert text == "failed line 12, photos/a.jpg: there is no such file (file_missing)\n"
    assert "\x1b[31mfailed\x1b[0m" in shown("none", [settled()], verbose=1, color=True)


@pytest.mark.parametrize("mode", ["lines", "none", "bar", "auto"])
@pytest.mark.parametrize("is_terminal", [False, True])
def test_warnings_are_always_said_but_in_quiet(mode, is_terminal):
    """Quiet is quiet in every mode; errors aren't an observer's to say."""

    events = [Warned("odd"), progress(3), progress(4), RunEnded(summary())]
    assert "warning: odd\n" in shown(mode, events, is_terminal=is_terminal)
    assert shown(mode, events, is_terminal=is_terminal, quiet=True, verbose=2) == ""


def test_the_query_of_a_url_is_never_shown():
    """A pre-signed URL's query is a secret, in messages and in JSON alike."""

    event = settled(source=RemoteUrl("https://u:p@cdn.example/a.jpg?sig=SECRET"))
    stream = io.StringIO()
    JsonLines(stream).notice(event)
    for text in (shown("none", [event], verbose=2), stream.getvalue()):
        assert "https://cdn.example/a.jpg" in text
        assert "SECRET" not in text
        assert "u:p" not in text


# ---------------------------------------------------------------- bars


@pytest.mark.parametrize(
    ("encoding", "has_blocks"), [("utf-8", True), ("ascii", False), ("cp1252", False)]
)
def test_bars_are_ascii_where_the_stream_is(encoding, has_blocks):
    """A console that isn't UTF-8 gets # for a bar."""

    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="")
    with make_observer(
        "bar", stream=stream, is_terminal=False, quiet=False, verbose=0, color=False
    ) as observer:
        observer.notice(progress(1))
        observer.notice(Warned("日本"))
    stream.flush()
    text = raw.getvalue().decode(encoding)
    assert ("█" in text) is has_blocks
    assert ("#" in text) is not has_blocks


def test_bars_need_no_rows():
    """An empty manifest, and more rows than were counted, divide by nothing."""

    text = shown("bar", [progress(1, rows=0, rows_done=0), progress(2, rows=3, rows_done=9)])
    assert "0/0" in text


# ---------------------------------------------------------------- JSON


def test_json_is_one_object_an_event():
    """The last one is a summary, with the exit code and the files."""

    stream = io.StringIO()
    observer = JsonLines(stream)
    stop = Stop(3, "unavailable", "the gallery is away", "try later")
    counts = {Status.UPLOADED: 4990, Status.FAILED: 3}
    for event in (
        RunBegan(1, "a.csv", "host", 5000, False),
        progress(),
        Warned("odd"),
        settled(message="no \N{PARTY POPPER} \udc80"),
        RunEnded(summary(counts, stop=stop)),
    ):
        observer.notice(event)
    assert stream.getvalue().isascii()
    began, going, warned, row, end = map(json.loads, stream.getvalue().splitlines())
    assert (began["event"], began["rows"]) == ("run_began", 5000)
    assert (going["event"], going["rows_done"]) == ("progress", 1204)
    assert warned == {"event": "warned", "text": "odd"}
    assert row["event"] == "row_settled"
    assert (row["line"], row["source"], row["status"]) == (12, "photos/a.jpg", "failed")
    assert end["event"] == "summary"
    assert (end["exit_code"], end["tally"]["uploaded"], end["tally"]["pending"]) == (3, 4990, 0)
    assert end["stop"]["code"] == "unavailable"
    assert end["next_command"] == "importer run /jobs/a.results.csv"


# ---------------------------------------------------------------- streams that break


class Broken(io.StringIO):
    """A stream whose reader went away after so many writes."""

    def __init__(self, error, after=0):
        super().__init__()
        self.error, self.after, self.tries = error, after, 0

    def write(self, text):
        self.tries += 1
        if self.tries > self.after:
            raise self.error
        return super().write(text)


@pytest.mark.parametrize(
    "error", [BrokenPipeError(), OSError(28, "full"), ValueError("I/O operation on closed file")]
)
def test_a_broken_stream_is_let_go_of(error):
    """Nothing is raised, and nothing is written a second time."""

    stream = Broken(error, after=1)
    observer = JsonLines(stream)
    for _ in range(5):
        observer.notice(Warned("x"))
    assert stream.tries == 2


@pytest.mark.parametrize("mode", ["bar", "lines", "none"])
@pytest.mark.parametrize("after", [0, 1, 3, 7])
def test_a_broken_stderr_never_stops_a_run(mode, after):
    """Wherever it breaks: in a bar, a message, or while the bars are taken away."""

    with make_observer(
        mode, stream=Broken(BrokenPipeError(), after), is_terminal=False, quiet=False, verbose=2,
        color=False,
    ) as observer:  # fmt: skip
        for event in (progress(1), settled(), progress(3), Warned("x"), RunEnded(summary())):
            observer.notice(event)


def test_there_may_be_no_stream_at_all():
    """Python sets sys.stderr to None where it was closed before the start."""

    JsonLines(None).notice(Warned("x"))
    with make_observer(
        "bar", stream=None, is_terminal=False, quiet=False, verbose=0, color=False
    ) as observer:
        observer.notice(progress())


def test_a_busy_stream_loses_a_text_and_not_the_rest():
    """Somebody else made the terminal non-blocking; it is written to again."""

    stream = Broken(BlockingIOError())
    steady = SteadyStream(stream)
    steady.say("lost")
    stream.after = 99
    steady.say("kept")
    assert stream.getvalue() == "kept\n"


# ---------------------------------------------------------------- several, and aside


class Keeper:
    """An observer that keeps what it is told, and may be held up."""

    def __init__(self):
        self.events, self.is_open, self.gate = [], None, threading.Event()
        self.gate.set()

    def notice(self, event):
        assert self.gate.wait(10)
        self.events.append(event)

    def __enter__(self):
        self.is_open = True
        return self

    def __exit__(self, *_):
        self.is_open = False


def test_several_are_told_and_closed():
    """Every observer gets every event; those that are to be closed are, after an error as well."""

    first, second = Keeper(), Keeper()
    with pytest.raises(KeyboardInterrupt), Several([first, JsonLines(None), second]) as observer:
        observer.notice(Warned("x"))
        assert first.is_open
        raise KeyboardInterrupt
    assert first.events == second.events == [Warned("x")]
    assert (first.is_open, second.is_open) == (False, False)


def test_a_paused_terminal_holds_nothing_up():
    """Events wait aside, in their order; of Progress only as many as there is room for."""

    keeper = Keeper()
    keeper.gate.clear()
    with Aside(keeper, is_wanted=lambda event: event != Warned("unwanted")) as observer:
        for number in range(20_000):
            observer.notice(progress(number))
        observer.notice(Warned("unwanted"))
        keeper.gate.set()
        observer.notice(Warned("x"))
        observer.notice(RunEnded(summary()))
        assert keeper.events[-2:] == [Warned("x"), RunEnded(summary())]
    assert len(keeper.events) <= 10_003
    assert not keeper.is_open


def test_a_terminal_that_stays_paused_lets_the_program_end(monkeypatch):
    """Whoever leaves waits for the display, but not for ever."""

    monkeypatch.setattr("importer.progress.aside.PATIENCE_S", 0.05)
    keeper = Keeper()
    keeper.gate.clear()
    with Aside(keeper) as observer:
        observer.notice(Warned("x"))
    assert keeper.events == []
    keeper.gate.set()


# ---------------------------------------------------------------- the words at the end


def test_the_end_says_how_the_job_stands():
    """Rows by status, what this run did, where the files are, and the command that goes on."""

    counts = {
        Status.UPLOADED: 4990, Status.FAILED: 3, Status.INVALID: 2, Status.DUPLICATE: 5,
    }  # fmt: skip
    told = closing_words(summary(counts, by_code={"bad_date": 2, "file_missing": 3}))
    assert told == [
        "5,000 rows: 4,990 uploaded (150.0 MB), 3 failed, 2 invalid, 5 duplicates",
        "this run: 4,990 rows, 150.0 MB in 16 s, 312/s",
        "causes: 3 file_missing, 2 bad_date",
        "results: /jobs/a.results.csv",
        "correct the rows in the results file, then: importer run /jobs/a.results.csv",
    ]


def test_a_whole_job_needs_no_next_command():
    """After exit code 0 there is nothing to go on with."""

    assert stop_words(summary()) == []
    assert "importer run" not in "\n".join(closing_words(summary()))


def test_a_stop_says_why_and_what_goes_on():
    """Rows that no run has read yet are pending."""

    stop = Stop(3, "unreachable", "the gallery can't be reached", "look at the network")
    told = closing_words(replace(summary({Status.UPLOADED: 10}, stop=stop), flags=("-p", "studio")))
    assert told[0] == "5,000 rows: 10 uploaded (150.0 MB), 4,990 pending"
    assert told[-2:] == [
        "stopped: the gallery can't be reached; look at the network",
        "to go on: importer run /jobs/a.results.csv -p studio",
    ]


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("stopped by SIGINT", "stopped by SIGINT"),
        ("", "stopped at once"),
        ("the disk is full", "stopped: the disk is full"),
    ],
)
def test_a_stop_is_said_once(why, words):
    """Whoever stopped the run, the word stands there a single time."""

    assert stop_words(summary({}, stop=Stop(130, "interrupted", why)))[0] == words


def test_a_dry_run_says_that_it_was_one():
    """Its pending rows are what a run would send."""

    told = closing_words(replace(summary({}), is_dry=True, sent=0, results=""))
    assert told == ["dry run, nothing was sent; 5,000 rows: 0 uploaded (0 B), 5,000 pending"]


@pytest.mark.parametrize(
    ("line", "columns", "shown"),
    [
        ("look in the gallery", 10, "look in\nthe\ngallery"),
        ("look in the gallery", 80, "look in the gallery"),
        ("look in the gallery", None, "look in the gallery"),
        ("to go on: importer run a.csv -c 4", 10, "to go on: importer run a.csv -c 4"),
        ("results: /my pictures/a.results.csv", 10, "results: /my pictures/a.results.csv"),
        ("stopped: aVeryLongWordOfItsOwn", 10, "stopped:\naVeryLongWordOfItsOwn"),
    ],
)
def test_prose_is_broken_between_words_and_nothing_else_is(line, columns, shown):
    """What somebody will copy, a command or a path, stays in one piece."""

    assert fitted(line, columns) == shown


def test_unknown_rows_are_a_persons_to_decide():
    """The command that sends them again says what it may do."""

    told = stop_words(summary({Status.UPLOADED: 4999, Status.UNKNOWN: 1}))
    assert told[0].startswith("1 row unknown: sent whole")
    assert told[-1].endswith("importer run /jobs/a.results.csv --rows unknown")


@pytest.mark.parametrize(
    ("path", "windows", "command"),
    [
        ("a.results.csv", False, "importer run a.results.csv"),
        ("my job/it's.csv", False, "importer run 'my job/it'\"'\"'s.csv'"),
        ("$HOME;rm.csv", False, "importer run '$HOME;rm.csv'"),
        ("C:\\jobs\\a.csv", True, "importer run C:\\jobs\\a.csv"),
        ("C:\\my jobs\\a&b.csv", True, 'importer run "C:\\my jobs\\a&b.csv"'),
        ("", False, ""),
    ],
)
def test_the_next_command_can_be_pasted(path, windows, command):
    """Quoted for the shell of the system; without a results file there is none."""

    assert next_command(summary(results=path), windows=windows) == command


def test_a_quoted_command_is_one_line_of_words():
    """Flags are quoted as well."""

    assert quoted(["a", "--default", "collection=My Fair"], windows=False) == (
        "a --default 'collection=My Fair'"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"rate": 5.0}, "at most 5.0/s"),
        ({"bandwidth": 10_000_000}, "at most 10.0 MB/s"),
        ({"rate": 300.0, "bandwidth": 10_000_000}, "at most 300/s and 10.0 MB/s"),
        ({"found_rate": 97.4}, "the gallery takes 97/s"),
    ],
)
def test_the_limits_in_force_are_said(changes, said):
    """In the lines of a log and in the bars alike; nothing where there are none."""
    told = progress(**changes)
    for text in (
        words.flight_line(told, 200),
        words.sentence(told, Speed(), is_last=False),
    ):
        assert (said in text) if said else ("at most" not in text)


def test_rows_are_counted_on_one_line_that_leaves_no_trace(monkeypatch):
    """Of about so many; more than were expected is no hundred percent too early."""

    for name in ("EVERY_S", "DELAY_S"):
        monkeypatch.setattr(f"importer.progress.counting.{name}", 0.0)

    class Terminal(io.StringIO):
        encoding = "utf-8"

    shown, silent = Terminal(), Terminal()
    for stream, is_shown in ((shown, True), (silent, False)):
        with Counting(SteadyStream(stream), is_shown=is_shown) as counting:
            counting.told(8_192, 10_000)
            counting.told(16_384, 10_000)
    assert "checking" in shown.getvalue()
    assert shown.getvalue().endswith("\r")
    assert silent.getvalue() == ""
