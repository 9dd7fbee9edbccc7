"""Names that look like one name spelled in two ways."""

import pytest

from importer.manifest.check.spellings import KEPT, Spellings


def alike(*texts):
    spellings = Spellings("tag")
    for line, text in enumerate(texts, 2):
        spellings.note(text, line)
    return list(spellings.alike())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Summer Fair", "Summer fair"),
        ("Summer Fair", "SummerFair"),
        ("Summer Fair", "Summer  Fair"),
        ("Summer Fair", "Summer-Fair"),
        ("Summer Fair", "Sumer Fair"),
        ("Summer Fair", "Summmer Fair"),
        ("Summer Fair", "Sunmer Fair"),
        ("Summer Fair", "Summer Fiar"),
        ("M\u00fcller", "Muller"),
        ("Caf\u00e9 Royal", "Cafe\u0301 Royal"),
        ("Session 1", "session 1"),
        ("Session 1", "Sesion 1"),
        ("Session 1", "Sesion 2"),
        ("Smith Wedding 2018", "Smyth Wedding 2018"),
    ],
)
def test_a_slip_is_found(one, other):
    assert len(alike(one, other)) == 1
    assert len(alike(other, one)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Session 1", "Session 2"),
        ("Session 1", "Session 11"),
        ("Session", "Session 1"),
        ("session 1", "Session 2"),
        ("2018 Gala", "2019 Gala"),
        ("Anna", "Anne"),
        ("Table A", "Table B"),
        ("Part I", "Part II"),
        ("Part IV", "Part V"),
        ("Smith Wedding", "Jones Wedding"),
        ("\u65e5\u672c", "\u65e5\u672c\u8a9e"),
        ("\U0001f600", "\U0001f601"),
        ("", "a"),
    ],
)
def test_a_series_and_different_names_are_none(one, other):
    assert alike(one, other) == []


def test_the_rarer_one_is_the_slip():
    """However early it comes."""

    assert alike("Sumer Fair", "Summer Fair", "Ball", "Summer Fair") == [
        (2, "the tag 'Sumer Fair' looks like 'Summer Fair' of line 3")
    ]


def test_very_many_names_are_compared_in_good_time_and_no_more_are_kept():
    names = [f"event of {n:06d}" for n in range(KEPT - 1)]
    assert len(alike(*names, "Event of 000000")) == 1
    assert alike(*names, "one more", "Event of 000000") == [], "the last one isn't kept"


def test_a_series_of_letters_is_nobodys_slip():
    """Each is a letter from many others: a machine counted them."""
    letters = "abcdefghij"
    names = [
        f"Party {a}{b}{c}{d}" for a in letters for b in letters for c in letters for d in letters
    ]
    assert alike(*names) == []
    few = names[:10]
    assert len(alike(*few)) == 9, "and few are looked at"
