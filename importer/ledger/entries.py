"""How what becomes of pictures is written down: a group's intents, releases and outcomes.

Each of them inside the journal's transaction, in as few statements as can be; see batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from importer.ledger.batch import run_batched, run_for_ids
from importer.ledger.rows import public_source
from importer.model import Status

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from importer.model import Admitted, Outcome

_UPLOADED = Status.UPLOADED
_INTEND = "UPDATE rows SET status = 'sending', possible_duplicate = ?, run = ?"
_RELEASE = (
    "UPDATE rows SET status = v.column1 FROM (",
    ") AS v WHERE rows.id = v.column2 AND rows.status = 'sending'",
)
#: what nearly every outcome is, with the columns alone that differ: half of what the others cost
_UPLOAD = (
    (
        "UPDATE rows SET status = 'uploaded', code = NULL, message = NULL, http = v.column1,"
        " attempts = v.column2, size = v.column3, sha256 = v.column4, mtime_ns = v.column5,"
        " seconds = v.column6, at = v.column7, possible_duplicate = 0, answer = v.column8,"
        " run = v.column9, source = NULL FROM ("
    ),
    ") AS v WHERE rows.id = v.column10",
)
_SETTLE = (
    (
        "UPDATE rows SET status = v.column1, code = v.column2, message = v.column3,"
        " http = v.column4, attempts = v.column5, size = coalesce(v.column6, size),"
        " sha256 = coalesce(v.column7, sha256), mtime_ns = coalesce(v.column8, mtime_ns),"
        " seconds = v.column9, at = v.column10, possible_duplicate = v.column11,"
        " answer = v.column12, run = v.column13, source = v.column14 FROM ("
    ),
    ") AS v WHERE rows.id = v.column15",
)


def write_intents(db: sqlite3.Connection, run: int, intents: Sequence[Admitted]) -> None:
    """These are about to be sent."""
    new = [one.id for one in intents if not one.possible_duplicate]
    run_for_ids(db, _INTEND, (False, run), new)
    if len(new) < len(intents):
        again = [one.id for one in intents if one.possible_duplicate]
        run_for_ids(db, _INTEND, (True, run), again)


def write_releases(db: sqlite3.Connection, releases: Sequence[Admitted]) -> None:
    """These were about to be sent, and weren't."""
    back = [(admitted.before.value, admitted.id) for admitted in releases]
    run_batched(db, _RELEASE[0], back, _RELEASE[1])


def write_outcomes(db: sqlite3.Connection, run: int, outcomes: Sequence[Outcome]) -> None:
    """This became of these."""
    for settled in _apart(outcomes):
        plain = [one for one in settled if is_plain(one)]
        run_batched(db, _UPLOAD[0], [_uploaded(one, run) for one in plain], _UPLOAD[1])
        if len(plain) < len(settled):
            others = [_settled(one, run) for one in settled if not is_plain(one)]
            run_batched(db, _SETTLE[0], others, _SETTLE[1])


def _apart(outcomes: Sequence[Outcome]) -> Iterator[Sequence[Outcome]]:
    """The outcomes in stretches in which no row comes twice; nearly always one.

    Twice the same row in one statement, and it were chance which one stays.
    """
    if len({outcome.admitted.id for outcome in outcomes}) == len(outcomes):
        yield outcomes
    else:
        yield from ([outcome] for outcome in outcomes)


def is_silent(outcome: Outcome) -> bool:
    """Uploaded, with nothing to say of it."""
    is_told = outcome.code or outcome.message or outcome.admitted.possible_duplicate
    return outcome.status is _UPLOADED and not is_told


def is_plain(outcome: Outcome) -> bool:
    """A file's picture so, as nearly all are."""
    return bool(is_silent(outcome) and outcome.size_bytes and outcome.sha256 and outcome.mtime_ns)


def _uploaded(outcome: Outcome, run: int) -> tuple[Any, ...]:
    return (
        outcome.http or None,
        outcome.attempts,
        outcome.size_bytes,
        outcome.sha256,
        outcome.mtime_ns,
        round(outcome.seconds, 3),
        outcome.at,
        outcome.answer or None,
        run,
        outcome.admitted.id,
    )


def _settled(outcome: Outcome, run: int) -> tuple[Any, ...]:
    admitted = outcome.admitted
    needs_nobody = outcome.status is Status.UPLOADED and not admitted.possible_duplicate
    return (
        outcome.status.value,
        outcome.code or None,
        outcome.message or None,
        outcome.http or None,
        outcome.attempts,
        outcome.size_bytes or None,
        outcome.sha256 or None,
        outcome.mtime_ns or None,
        round(outcome.seconds, 3),
        outcome.at,
        admitted.possible_duplicate,
        outcome.answer or None,
        run,
        None if needs_nobody else public_source(admitted.picture),
        admitted.id,
    )
