"""``importer login``: the token into the operating system's keyring."""

from __future__ import annotations

import sys

import typer

from importer.cli.options import Endpoint, NamedProfile
from importer.cli.secrecy import keep
from importer.credentials import LONGEST, token_of
from importer.keyrings import Account, keep_token
from importer.settings import DEFAULT_ENDPOINT, Sending


def login(
    profile: NamedProfile = "",
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Keep the API token in this computer's keyring, where every run finds it.

    Asks for it without showing it, or takes it from stdin: importer login < token.txt. The gallery
    shows it in its settings, tab Integration. A run to another address is never given it.
    """
    account = Account(Sending(endpoint=endpoint, allow_http=True).origin, profile)
    token = token_of(_asked(account).strip(), "what you typed")
    keep(token)
    where = keep_token(account, token)
    typer.echo(f"the token for {account} is kept in {where}", err=True)


def _asked(account: Account) -> str:
    if sys.stdin is not None and sys.stdin.isatty():
        text: str = typer.prompt(f"API token for {account}", hide_input=True, err=True)
        return text
    return sys.stdin.read(LONGEST + 1) if sys.stdin is not None else ""
