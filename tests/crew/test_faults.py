"""Entries of the table of faults whose way leads through a helper, in runs of two processes.

What is called are the tests of ``tests/faults`` themselves; all of them run so by
``python -m pytest tests/faults --processes 2``.
"""

from __future__ import annotations

import inspect
import sys

import pytest

if sys.platform == "win32":
    pytest.skip("kills and disks as POSIX knows them", allow_module_level=True)

from importer.transfer.crew.member import Member
from tests.conftest import PROCESSES
from tests.faults import test_answers as answers
from tests.faults import test_connecting as connecting
from tests.faults import test_files as files
from tests.faults import test_killed as killed
from tests.faults import test_sending as sending
from tests.faults import test_sick_machine as sick_machine
from tests.faults.table import FAULTS

pytestmark = pytest.mark.anyio

SAMPLE = [
    (1, "", connecting.test_a_name_that_is_not_found_once, {}),
    (5, "untrusted", connecting.test_a_certificate_that_is_not_trusted_stops_the_run, {}),
    (8, "", sending.test_a_body_that_had_not_left_wholly_is_sent_again, {"how": "rst"}),
    (14, "200", sending.test_an_answer_that_nobody_asked_for_is_given_to_no_row, {}),
    (16, "", sending.test_answers_that_take_half_a_minute_are_waited_for, {}),
    (19, "once", sending.test_a_gallery_that_stops_reading_is_noticed, {}),
    (23, "", answers.test_an_answer_that_breaks_off_is_judged_by_its_status, {"then": "fin"}),
    (29, "", answers.test_retry_after_is_obeyed_by_the_whole_run, {}),
    (33, "", answers.test_an_unavailable_gallery_says_when_to_come_back, {}),
    (55, "", killed.test_behind_its_intent_a_picture_is_unknown, {"place": "send.begins"}),
    (56, "", killed.test_stored_and_not_written_down_is_unknown, {"place": "answer.read"}),
    (75, "rewritten", files.test_a_file_that_changes_while_it_is_sent_never_arrives_whole, {}),
    (79, "once, on the way", sick_machine.test_what_the_disk_does_not_give_back_is_read_once_more,
     {}),
    (80, "ENFILE", sick_machine.test_a_machine_that_is_full_is_waited_for, {}),
]  # fmt: skip


@pytest.fixture
def asked(monkeypatch):
    """How often helpers of this process were asked for an upload."""
    calls = []
    replied = Member._replied

    async def counted(self, *args):
        calls.append(args)
        return await replied(self, *args)

    monkeypatch.setattr(Member, "_replied", counted)
    return calls


@pytest.mark.parametrize(
    ("number", "case", "shown", "more"),
    SAMPLE,
    ids=[f"{number} {case}".strip() for number, case, *_ in SAMPLE],
)
async def test_what_comes_of_a_fault_is_the_same(
    number, case, shown, more, asked, request, monkeypatch
):
    """Row, journal, results, exit code and the next run."""
    monkeypatch.setenv(PROCESSES, "2")
    wanted = inspect.signature(shown).parameters.keys() - more.keys() - {"fault"}
    fixtures = {name: request.getfixturevalue(name) for name in wanted}
    await shown(fault=FAULTS[number, case], **fixtures, **more)
    if number not in (55, 56):  # those are commands of their own
        assert asked, "this process did it all by itself"
