"""A job's whole life, as Hypothesis makes it up: run, kill, edit the manifest, lose files, resume.

``pytest tests/simulation/test_lives_of_a_job.py --hypothesis-profile deep`` makes up many more.
"""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from importer.transfer.intake import CHUNK_ROWS
from tests.conftest import picture_bytes
from tests.simulation.network import SYSTEMIC
from tests.simulation.plan import Course
from tests.simulation.trial import World, unmourned

SHARES = st.sampled_from((0.0, 0.05, 0.2, 0.6))
STEPS = st.integers(1, 1_500)
COURSES = st.builds(
    Course,
    rows=st.sampled_from(("new", "new", "new", "failed", "unknown", "all")),
    unknown=st.sampled_from(("hold", "hold", "retry")),
    reruns_results=st.booleans(),
    concurrency=st.sampled_from((4, 1, 2, 16)),
    canary=st.booleans(),
    fault_share=SHARES,
    delay_s=st.sampled_from((0.05, 0.001, 2.0)),
)


class LifeOfAJob(RuleBasedStateMachine):
    """The world's own watch looks after each step of each run; here are only the turns of fate."""

    @initialize(
        seed=st.integers(0, 999),
        rows=st.integers(1, 12),
        large=st.integers(0, 1),
        chunk=st.sampled_from((1, 3, CHUNK_ROWS)),
    )
    def begin(self, seed: int, rows: int, large: int, chunk: int) -> None:
        self._quiet = unmourned()
        self._quiet.__enter__()
        self.world = World(seed, chunk).__enter__()
        self.world.add(rows, large=large)
        self._is_torn = False

    # ------------------------------------------------------------ runs

    @rule(course=COURSES)
    def run(self, course: Course) -> None:
        self.world.run(course)

    @rule(course=COURSES, step=STEPS)
    def run_and_be_killed(self, course: Course, step: int) -> None:
        self.world.run(course.but(killed_at_step=step))

    @rule(course=COURSES, statement=st.integers(1, 60))
    def be_killed_in_a_write(self, course: Course, statement: int) -> None:
        self.world.run(course.but(killed_at_statement=statement))

    @rule(course=COURSES, step=STEPS, again=st.sampled_from((0, 1, 20)))
    def be_stopped(self, course: Course, step: int, again: int) -> None:
        self.world.run(course.but(stopped_at_step=step, hurried_after=again))

    @rule(course=COURSES, statement=st.integers(1, 60))
    def fill_the_disk(self, course: Course, statement: int) -> None:
        self.world.run(course.but(disk_fails_from=statement))

    @rule(course=COURSES, kind=st.sampled_from((*SYSTEMIC, "403")), first=st.integers(0, 12))
    def be_refused(self, course: Course, kind: str, first: int) -> None:
        self.world.run(course.but(refusing=kind, refusing_from=first))

    # ------------------------------------------------------------ people

    @rule(more=st.integers(1, 4))
    def add_rows(self, more: int) -> None:
        self.world.add(more)

    @rule(chance=st.randoms(use_true_random=False))
    def sort_otherwise(self, chance: object) -> None:
        chance.shuffle(self.world.rows)  # type: ignore[attr-defined]
        self.world.write()

    @precondition(lambda self: len(self.world.rows) > 1)
    @rule(place=st.integers(0, 50))
    def cut_a_row(self, place: int) -> None:
        del self.world.rows[place % len(self.world.rows)]
        self.world.write()

    @rule()
    def repeat_a_row(self) -> None:
        self.world.repeat(1)

    @rule(place=st.integers(0, 50), text=st.text(st.characters(codec="utf-8"), max_size=8))
    def remark_on_a_row(self, place: int, text: str) -> None:
        """A column that is none of ours may hold anything but what no CSV can."""
        kept = "".join(c for c in text if c.isprintable())
        self.world.rows[place % len(self.world.rows)][4] = kept
        self.world.write()

    @rule(place=st.integers(0, 50), number=st.integers(1_000, 2_000))
    def touch_up_a_picture(self, place: int, number: int) -> None:
        path = Path(self.world.rows[place % len(self.world.rows)][0])
        path.write_bytes(picture_bytes(number, 1_100 + number))

    # ------------------------------------------------------------ files that get lost

    @rule()
    def lose_the_results(self) -> None:
        self.world.watch.results.unlink(missing_ok=True)

    @rule()
    def lose_the_part(self) -> None:
        self.world.watch.results.with_suffix(".csv.part").unlink(missing_ok=True)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.world.settle()
        finally:
            self.world.__exit__()
            self._quiet.__exit__(None, None, None)


TestLives = LifeOfAJob.TestCase
TestLives.settings = settings(
    max_examples=settings.default.max_examples // 4,  # each is ten runs
    stateful_step_count=10,
    deadline=None,
)
