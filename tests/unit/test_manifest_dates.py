"""Dates in another form than the gallery's."""

import shlex

import pytest

from importer.errors import UsageError
from importer.manifest.dates import DateForm, advice_on


@pytest.mark.parametrize(
    ("form", "text", "iso"),
    [
        ("%d.%m.%Y", "22.02.2018", "2018-02-22"),
        ("%d.%m.%Y", "2.2.2018", "2018-02-02"),
        ("%m/%d/%Y", "02/03/2018", "2018-02-03"),
        ("%d/%m/%Y", "02/03/2018", "2018-03-02"),
        ("%d.%m.%y", "22.02.18", "2018-02-22"),
        ("%d.%m.%y", "22.02.69", "1969-02-22"),
        ("%d.%m.%y", "22.02.68", "2068-02-22"),
        ("%Y%m%d", "20180222", "2018-02-22"),
        ("%d%m%y", "220218", "2018-02-22"),
        ("%d %b %Y", "22 Feb 2018", "2018-02-22"),
        ("%d. %B %Y", "22.  february 2018", "2018-02-22"),
        ("%b. %d, %Y", "SEP. 1, 2018", "2018-09-01"),
        ("%Y-%m-%d %H:%M:%S", "2018-02-22 14:05:30", "2018-02-22"),
        ("%Y-%m-%dT%H:%M:%SZ", "2018-02-22T14:05:30.123Z", "2018-02-22"),
        ("%d.%m.%Y", "30.02.2018", "2018-02-30"),
    ],
)
def test_a_date_of_the_form_is_read(form, text, iso):
    """A day that doesn't exist is the rule's to refuse, by its ISO form."""

    assert DateForm(form).iso(text) == iso


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%d.%m.%Y", "22/02/2018"), ("%d.%m.%Y", "22.02.18"), ("%d.%m.%Y", "2018-02-22"),
        ("%d.%m.%Y", "22.02.2018 "), ("%d.%m.%Y", "22.02.2018\n"), ("%d.%m.%Y", ""),
        ("%d.%m.%Y", "\u0662\u0662.02.2018"), ("%Y%m%d", "2018222"), ("%d %b %Y", "22 Mai 2018"),
        ("%d %B %Y", "22 Feb 2018"), ("%d.%m.%Y", "22x02x2018"),
    ],
)  # fmt: skip
def test_a_date_of_another_form_is_not(form, text):
    """bad-inputs 58: digits are 0 to 9, and a dot is a dot."""

    assert DateForm(form).iso(text) == ""


@pytest.mark.parametrize(
    "form",
    ["%d.%m", "%Y", "%d.%m.%Y %Y", "%d.%m.%y %Y", "%d.%m.%b.%Y", "%x", "%j %Y", "d.m.Y", "%"],
)
def test_a_form_that_tells_no_day_is_refused(form):
    with pytest.raises(UsageError, match="--date-format"):
        DateForm(form)


@pytest.mark.parametrize(
    "form", ["%d.%m.%Y", "%B %d, %Y", "%d%m%y", "%Y/%m/%d %H:%M", "%d %b %Y %%"]
)
def test_the_example_is_of_the_form(form):
    assert DateForm(form).iso(DateForm(form).example()) == "2018-02-22"


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("43153", "a spreadsheet's number for 2018-02-22"),
        ("20180222", "--date-format %Y%m%d"),
        ("2018-02-22T10:00:00Z", "write 2018-02-22, without the time"),
        ("02/03/2018", "'%d/%m/%Y' or '%m/%d/%Y'"),
        ("22.02.2018", "--date-format '%d.%m.%Y'"),
        ("02-22-2018", "--date-format '%m-%d-%Y'"),
        ("2018:02:22 18:03:01", "write 2018-02-22, or say --date-format '%Y:%m:%d %H:%M:%S'"),
        ("2018-02-22 14:30:00", "without the time, or say --date-format '%Y-%m-%d %H:%M:%S'"),
        ("2018:02:22", "write 2018-02-22, or say --date-format %Y:%m:%d"),
        ("2018/2/22", "write 2018-02-22, or say --date-format %Y/%m/%d"),
        ("2018.02.22 18:03", "write 2018-02-22, or say --date-format '%Y.%m.%d %H:%M'"),
        ("2018:13:22", "write it like 2018-02-22"),
        ("22.02.2018 00:00:00", "or say --date-format '%d.%m.%Y %H:%M:%S'"),
        ("2/22/2018 6:03 PM", "or say --date-format '%m/%d/%Y %H:%M %p'"),
        ("\u0662\u0660\u0661\u0668-02-22", "with the digits 0 to 9"),
        ("99.99.2018", "write it like 2018-02-22"),
        ("22 f\u00e9vrier 2018", "write it like 2018-02-22"),
        ("soon", "write it like 2018-02-22"),
    ],
)  # fmt: skip
def test_the_advice_is_what_is_sure(text, advice):
    """bad-inputs 55, 57: 02/03/2018 is two days, and both ways of reading it are named."""

    assert advice_on(text).endswith(advice) or advice in advice_on(text)
    if "--date-format " in (said := advice_on(text)):
        form = DateForm(shlex.split(said.rpartition("--date-format ")[2])[-1])
        assert form.iso(text).startswith("2018-")
