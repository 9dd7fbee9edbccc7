"""Findings as one HTML file that needs nothing beside it; everything shown is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from importer.progress.words import moment, printable, size, span
from importer.report import story
from importer.report.advice import advice_on

if TYPE_CHECKING:
    from importer.report.findings import Findings, Group


def draw(findings: Findings, *, results: Path, manifest: str) -> str:
    """The page's text."""
    page = _TEMPLATE.render(
        findings=findings,
        manifest=manifest,
        headline=story.headline(findings),
        standing=story.standing(findings),
        shares=story.shares(findings),
        steps=story.steps(findings, results=results),
        results=results.name,
    )
    return page.lstrip()


def _number(count: int) -> str:
    return f"{count:,}"


def _common_message(group: Group) -> str:
    """The message of all of a group's rows; empty where they differ."""
    messages = {row.message for row in group.rows}
    return messages.pop() if len(messages) == 1 else ""


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=_number, size=size, span=span, moment=moment, printable=printable
    )
    environment.globals.update(
        advice_on=advice_on, common_message=_common_message, exit_words=story.exit_words
    )
    return environment


_TEMPLATE = _environment().get_template("report.html.j2")
