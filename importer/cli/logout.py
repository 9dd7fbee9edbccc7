"""``importer logout``: the token out of the operating system's keyring."""

from __future__ import annotations

import typer

from importer.cli.options import Endpoint, NamedProfile
from importer.keyrings import Account, forget_token
from importer.settings import DEFAULT_ENDPOINT, Sending


def logout(
    profile: NamedProfile = "",
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Take the API token out of this computer's keyring."""
    account = Account(Sending(endpoint=endpoint, allow_http=True).origin, profile)
    forget_token(account)
    typer.echo(f"the token for {account} is kept no more", err=True)
