"""``importer doctor``: what an import depends on, on this machine."""

from __future__ import annotations

import os
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from importer.cli.configured import USED
from importer.cli.options import Endpoint, Profile, Proxy, TokenFile
from importer.cli.saying import say
from importer.doctor import examine
from importer.keyrings import Account
from importer.places import place_of
from importer.settings import DEFAULT_ENDPOINT, Sending
from importer.units import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from importer.doctor import Fact


def doctor(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="Where the manifest lies, and so its results.")
    ] = Path(),
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token_file: TokenFile = None,
    profile: Profile = "",
    proxy: Proxy = "",
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Look at what an import depends on: versions, disks, limits, where the token comes from.

    Sends nothing. What it says can be passed on: neither the token nor a proxy's password is in it.
    Ends with 1 where an import would fail or be in danger.
    """
    sending = Sending(endpoint=endpoint, proxy=proxy, allow_http=True)
    facts = examine(
        place_of(folder),
        token_file=token_file,
        account=Account(sending.origin, profile),
        proxy=proxy,
        environ=os.environ,
        configured=context.meta.get(USED, ()),
    )
    if json:
        typer.echo(_as_json(facts))
    else:
        say(_lines(facts), sys.stdout)
    raise typer.Exit(1 if any(fact.is_trouble for fact in facts) else 0)


def _lines(facts: Sequence[Fact]) -> Iterator[str]:
    for topic, some in groupby(facts, lambda fact: fact.topic):
        yield topic
        for fact in some:
            yield f"  {fact.name}: {fact.said}"
            if fact.advice:
                yield f"    {'TROUBLE' if fact.is_trouble else 'note'}: {fact.advice}"
    troubles = sum(fact.is_trouble for fact in facts)
    yield counted(troubles, "trouble") if troubles else "nothing is in the way of an import"


def _as_json(facts: Sequence[Fact]) -> str:
    import json

    found: dict[str, dict[str, Any]] = {}
    for fact in facts:
        found.setdefault(fact.topic, {})[fact.name] = {
            "said": fact.said,
            "advice": fact.advice,
            "is_trouble": fact.is_trouble,
        }
    return json.dumps(found)
