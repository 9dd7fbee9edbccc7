"""Where the token comes from: a file that only its owner can read, the environment, a keyring."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import TokenError
from importer.secret import Token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VARIABLE = "IMPORTER_TOKEN"
LONGEST = 4_096  # bytes; a whole other file was named by mistake


def find_token(
    token_file: Path | None,
    environ: Mapping[str, str],
    kept: Callable[[], Token | None] = lambda: None,
) -> Token:
    """The token: of the file if one is named, else of the environment, else what was kept.

    Args:
        token_file: holds it.
        environ: the environment's variables.
        kept: asks the keyring.

    Raises:
        TokenError: there is none, or others can read it.
    """
    if token_file is not None:
        return read_token_file(token_file)
    value = environ.get(VARIABLE, "").strip()
    if value:
        return token_of(value, VARIABLE)
    found = kept()
    if found is None:
        raise TokenError(
            "there is no token",
            fix="importer login keeps it in this computer's keyring; or put it into a file and say"
            f" --token-file PATH, or set {VARIABLE}; the gallery shows it in its settings, tab"
            " Integration",
        )
    return found


def read_token_file(path: Path) -> Token:
    """The token that a file holds.

    Raises:
        TokenError: it can't be read, others can read it, or it holds something else.
    """
    try:
        with Path(path).expanduser().open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(LONGEST + 1)
    except (OSError, RuntimeError) as error:  # RuntimeError: ~nobody has no home
        reason = getattr(error, "strerror", None) or "there is no such home folder"
        raise TokenError(f"the token file {path} can't be read: {reason}") from None
    # Windows has no such bits; a user's profile is closed to others there.
    if os.name != "nt" and stat.S_ISREG(mode) and mode & 0o077:
        raise TokenError(
            f"the token file {path} can be read by others",
            fix=f"close it with: {shlex.join(['chmod', '600', str(path)])}",
        )
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise TokenError(f"the token file {path} isn't UTF-8 text") from None
    return token_of(text, f"the token file {path}")


def token_of(value: str, where: str) -> Token:
    """A token is one line; the messages never quote it.

    Raises:
        TokenError: it is none.
    """
    if not value:
        raise TokenError(f"{where} is empty", fix="put the gallery's API token there")
    if len(value) > LONGEST or any(c in "\r\n\0" for c in value):
        raise TokenError(f"{where} holds more than a token", fix="put the token alone there")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise TokenError(f"{where} is not text", fix="put the token there as UTF-8") from None
    return Token(value)
