"""The token in the operating system's keyring: kept once, found by every run, written in no file.

One token for each gallery and account, so that a run to another address is never given it. What
keeps them is the library ``keyring``: the Keychain of macOS, the Credential Locker of Windows,
GNOME's and KDE's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from importer.credentials import token_of
from importer.errors import TokenError

if TYPE_CHECKING:
    from importer.secret import Token

SERVICE = "darkroom-importer"
_INSTALL = "pip install 'darkroom-importer[keyring]'"
_PLAIN = "keyrings.alt."  # what somebody installs who has no keyring
_OTHERWISE = "or put the token into a file and say --token-file PATH"


class Account(NamedTuple):
    """Whose token it is."""

    origin: str  #: of the gallery: https://host
    profile: str = ""  #: a name of the user's own, where there are several accounts

    def __str__(self) -> str:
        return f"{self.profile} at {self.origin}" if self.profile else self.origin


def keep_token(account: Account, token: Token) -> str:
    """Keep it, in the place of an older one; gives where.

    Raises:
        TokenError: there is no keyring, or it doesn't take it.
    """
    keyring = _library()
    backend = keyring.get_keyring()
    where = str(backend.name)
    if type(backend).__module__.startswith(_PLAIN):
        where += ", which is a file: whoever reads your files can read it"
    _asked(keyring.set_password, SERVICE, str(account), token.reveal())
    if _asked(keyring.get_password, SERVICE, str(account)) != token.reveal():
        raise TokenError(f"{where} has forgotten the token at once", fix=_OTHERWISE)
    return where


def kept_token(account: Account) -> Token | None:
    """The one that was kept; None where there is none, or no keyring.

    Raises:
        TokenError: the keyring is locked, or what it has is no token.
    """
    try:
        keyring = _library()
    except TokenError:
        return None
    value = _asked(keyring.get_password, SERVICE, str(account))
    return token_of(value, "the keyring") if value else None


def forget_token(account: Account) -> None:
    """Take it out of the keyring.

    Raises:
        TokenError: there is none, or the keyring doesn't give it away.
    """
    keyring = _library()
    if not _asked(keyring.get_password, SERVICE, str(account)):
        raise TokenError(f"no token is kept for {account}")
    _asked(keyring.delete_password, SERVICE, str(account))


def _library() -> Any:
    """The library, where it is installed and this system has a keyring that it knows.

    Raises:
        TokenError: it isn't so.
    """
    try:
        import keyring  # here: few commands want it, and it looks for every keyring there is
        from keyring.backends import fail, null
    except ImportError:
        raise TokenError(
            "there is nothing here that knows this system's keyring",
            fix=f"{_INSTALL}; {_OTHERWISE}",
        ) from None
    if isinstance(keyring.get_keyring(), fail.Keyring | null.Keyring):
        raise TokenError("this system has no keyring", fix=_OTHERWISE.removeprefix("or "))
    return keyring


def _asked(call: Any, *words: str) -> Any:
    """Ask the keyring; each system's has errors of its own, of which nothing is shown."""
    try:
        return call(*words)
    except Exception as error:  # noqa: BLE001  (they have no common base)
        raise TokenError(
            f"the keyring can't be used ({type(error).__name__})",
            fix=f"unlock it, if it is locked; {_OTHERWISE}",
        ) from None
