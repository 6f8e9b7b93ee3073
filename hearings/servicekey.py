"""The service key: wraps what must not lie in the database in the clear (log keys, letters to be sent).

A file of 32 bytes, mode 0600, made at first start. A PKCS#11 token can stand behind the same three calls.
"""

import contextlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hearings.errors import Unreachable, Unverifiable
from hearings.sentences import say

_LENGTH = 32
_NONCE = 12


class ServiceKey:
    """Authenticated encryption bound to a purpose, so that one kind of secret never passes for another."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)
        self._digests = hmac.digest(key, b"digests", "sha256")

    def wrap(self, secret: bytes, purpose: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._aead.encrypt(nonce, secret, purpose.encode())

    def unwrap(self, wrapped: bytes, purpose: str) -> bytes:
        """Raises: Unverifiable if it was wrapped under another key or for another purpose."""
        try:
            return self._aead.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise Unverifiable(say("A protected value does not open with this service's key.")) from error

    def digest(self, value: str, purpose: str) -> bytes:
        """32 bytes that only this service can make of this value: what is guessable cannot be guessed from them."""
        return hmac.digest(self._digests, f"{purpose}\0{value}".encode(), "sha256")


def at(path: Path) -> ServiceKey:
    """The key in this file; made on first use, whole or not at all, and one only.

    Raises: Unreachable if the file is readable by others, or is no key.
    """
    if not path.exists():
        draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_LENGTH))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was quicker
            path.hardlink_to(draft)
        draft.unlink()
    if path.stat().st_mode & 0o077:
        raise Unreachable(
            say("The service key {path} must be readable by the service alone (chmod 600).", path=path)
        )
    key = path.read_bytes()
    if len(key) != _LENGTH:
        raise Unreachable(say("{path} is not a service key.", path=path))
    return ServiceKey(key)
