"""The words of the house."""

import pytest

from importer.model import Invalid, Problem, Request, Row, Status, Stop, Summary, Tally


def summary(*, stop=None, **counts):
    tally = Tally({Status(name): count for name, count in counts.items()})
    return Summary(1, tally, 0, 0, 0, 0.0, tally.rows, stop=stop)


@pytest.mark.parametrize(
    ("counts", "exit_code"),
    [
        ({}, 0),
        ({"uploaded": 3}, 0),
        ({"uploaded": 3, "duplicate": 2}, 0),
        ({"uploaded": 3, "failed": 1}, 1),
        ({"uploaded": 3, "invalid": 1}, 1),
        ({"uploaded": 3, "changed": 1}, 1),
        ({"uploaded": 3, "pending": 1}, 1),
        ({"uploaded": 3, "failed": 0, "unknown": 0}, 0),
        ({"uploaded": 3, "unknown": 1}, 4),
        ({"uploaded": 3, "unknown": 1, "failed": 9, "invalid": 9}, 4),
    ],
)
def test_the_rows_that_are_left_decide_the_exit_code(counts, exit_code):
    """behaviour.md section 1: 4 beats 1, and 0 is for uploaded and already there alone."""

    assert summary(**counts).exit_code == exit_code


@pytest.mark.parametrize("exit_code", [1, 3, 5, 129, 130, 143])
@pytest.mark.parametrize("counts", [{}, {"uploaded": 3}, {"unknown": 1}, {"failed": 1}])
def test_a_stop_says_its_own_exit_code(exit_code, counts):
    stop = Stop(exit_code, "word", "why")
    assert summary(stop=stop, **counts).exit_code == exit_code


def test_a_tally_counts_what_it_has_and_nothing_else():
    tally = Tally({Status.UPLOADED: 3, Status.FAILED: 2}, uploaded_bytes=7)
    assert (tally[Status.UPLOADED], tally[Status.UNKNOWN], tally.rows) == (3, 0, 5)
    assert tally["uploaded"] == 3, "as the README has it"
    with pytest.raises(ValueError, match="uploadde"):
        tally["uploadde"]


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem(7, "Datei", "x", "it is wrong", "correct it"),
         "line 7, column Datei: it is wrong; correct it"),
        (Problem(7, "", "x", "it is wrong", "correct it"), "line 7: it is wrong; correct it"),
    ],
)  # fmt: skip
def test_a_problem_says_where_what_and_what_to_do(problem, text):
    assert str(problem) == text


def test_a_request_doesnt_show_its_url():
    """The URL holds the token by the API's contract."""

    assert "S3CRET" not in repr(Request("https://h/up?token=S3CRET", {}))


def test_an_invalid_row_knows_its_line():
    assert Invalid(b"", Row(7, ["x"]), ()).line == 7
