"""The places at which the real command is made to die: a name -> how a run is caught passing there.

The product has no hooks for this: what is wrapped are its own functions, the statements that reach
SQLite, and the transports that requests are written to. A seam that was renamed is missing here,
and the tests say so at once.
"""

from __future__ import annotations

import os

from importer import opening, run
from importer.destination.event_gallery import EventGallery
from importer.ledger import journal as journal_module
from importer.ledger import lock, results
from importer.ledger.admission import Admission
from importer.ledger.journal import Journal
from importer.ledger.part import PartFile
from importer.ledger.results import Drawing
from importer.manifest.delimited import Delimited
from importer.transfer.at_hand import ReadAhead
from importer.transfer.delivery import Delivery
from importer.transfer.fetch.partial import Partial
from importer.transfer.fetch.spool import Spool
from importer.transfer.fetch.web import Web
from importer.transfer.fetching import Fetching
from importer.transfer.intake import Intake
from importer.transfer.scribe import Scribe
from importer.transfer.transport import client
from importer.transfer.transport.client import Transport
from importer.transfer.transport.flight import Flight
from tests.crash.passing import Install, after, before, each, entered, later
from tests.crash.seams_of_journal import (
    STEPS,
    checkpoint_page,
    commit_of,
    committed,
    file_made,
    statement,
    uncommitted,
)
from tests.crash.seams_of_transfer import (
    block_sent,
    part_half,
    placed,
    retry_ready,
    sent,
    spool_half,
    untold,
)

POINTS: dict[str, Install] = {
    # before anything is sent
    "manifest.surveyed": after(Delimited, "survey"),
    "job.held": entered(lock, "hold"),
    "manifest.held": entered(lock, "hold_manifest"),
    "journal.looked_over": after(run, "look_over"),
    "journal.file_made": file_made,
    "schema.half": statement(STEPS["schema"]),
    "schema.uncommitted": uncommitted("schema"),
    "journal.opened": after(journal_module, "connect"),
    "origin.begins": before(Journal, "_note"),
    "origin.uncommitted": uncommitted("origin"),
    "origin.committed": committed("origin"),
    "recovery.begins": before(Journal, "begin_run"),
    "recovery.half": statement("INSERT INTO runs"),
    "recovery.uncommitted": uncommitted("recovery"),
    "recovery.committed": committed("recovery"),
    "snapshot.begins": before(opening, "begin_snapshot"),
    "snapshot.uncommitted": uncommitted("snapshot"),
    "snapshot.committed": committed("snapshot"),
    "part.made": after(PartFile, "__init__"),
    "mending.begins": before(run, "mend"),
    "mending.ended": after(run, "mend"),
    "placing.begins": before(Admission, "admit"),
    "placing.uncommitted": uncommitted("placing"),
    "placing.committed": committed("placing"),
    "chunk.read": after(Intake, "next_chunk"),
    "group.loaded": after(ReadAhead, "load"),
    # a picture's way
    "intents.begin": commit_of("intents"),
    "intents.uncommitted": uncommitted("intents"),
    "intents.committed": committed("intents"),
    "row.taken": before(Delivery, "deliver"),
    "send.begins": before(Transport, "send"),
    "send.connected": after(Flight, "board"),
    "send.headers": sent(0),
    "send.half": sent(0.5),
    "send.body": sent(1),
    "pour.headers": sent(0, is_poured=True),
    "pour.half": sent(0.5, is_poured=True),
    "pour.body": sent(1, is_poured=True),
    "send.block": block_sent,
    "send.whole": after(Flight, "body_is_gone"),
    # a plain answer is read in one look, any other piece by piece
    "answer.head": each(before(client, "_read_answer"), before(Transport, "_arrived")),
    "answer.read": each(after(client, "_read_answer"), after(Transport, "_arrived")),
    "answer.unjudged": after(Transport, "send"),
    "answer.judged": after(EventGallery, "judge"),
    "outcome.settled": after(Scribe, "settle"),
    "outcomes.begin": commit_of("outcomes"),
    "outcomes.uncommitted": uncommitted("outcomes"),
    "outcomes.committed": committed("outcomes"),
    "outcomes.untold": untold,
    "part.before": before(PartFile, "append"),
    "part.half": part_half,
    "part.after": after(PartFile, "append"),
    "retry.waits": before(Delivery, "_wait"),
    "retry.ready": retry_ready,
    "release.asked": before(Scribe, "release"),
    "releases.begin": commit_of("releases"),
    "releases.uncommitted": uncommitted("releases"),
    "releases.committed": committed("releases"),
    # a picture that is downloaded, small ones into memory, large ones into a file
    "spool.tidies": before(Spool, "_tidy"),
    "spool.tidied": after(Spool, "_tidy"),
    "fetch.begins": before(Web, "get"),
    "fetch.answered": before(Web, "_taken"),
    "fetch.piece": after(Partial, "add"),
    "spool.begins": after(Spool, "begin"),
    "spool.made": after(Spool, "open"),
    "spool.half": spool_half,
    "spool.written": after(Partial, "_write"),
    "fetch.whole": after(Partial, "whole"),
    "fetch.loaded": after(Fetching, "fetch"),
    "fetch.second": after(Fetching, "fetch_second"),
    "spool.forgets": before(Spool, "forget"),
    "spool.forgotten": after(Spool, "forget"),
    # the end of a run, and at a resume what the one before didn't come to
    "results.opened": before(Drawing, "_write"),
    "results.row": before(results, "drawn_by_lines"),
    "results.unsynced": before(os, "fsync"),
    "results.synced": after(os, "fsync"),
    "results.placed": placed(".results.csv", is_behind=True),
    "results.drawn": after(Drawing, "draw"),
    "end.begins": before(Journal, "end_run"),
    "end.uncommitted": uncommitted("end"),
    "end.committed": committed("end"),
    "report.begins": later("importer.report", "write_report"),
    "report.unplaced": placed(".html", is_behind=False),
    "report.placed": placed(".html", is_behind=True),
    "checkpoint.begins": before(Journal, "close"),
    "checkpoint.page": checkpoint_page,
    "checkpoint.ended": after(Journal, "close"),
}

#: passed only by a run that goes on where another was killed
OF_RESUMES = ("mending.begins", "mending.ended")
