"""Secrets that open something: shown once, kept only as a digest; and the random names of people."""

import hashlib
import secrets

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def fresh() -> str:
    """A token of 256 random bits, in characters that may stand in an address."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def handle() -> str:
    """A participant's handle: eight random characters that say nothing about the person."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))
