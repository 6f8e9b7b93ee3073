"""The other courts' services, as the setting names them: nobody becomes known in another way."""

import re
from typing import NamedTuple

FORM = "name | https://address | SHA-256 of the certificate of its seal; several are separated by ;"
LONGEST_NAME = 180
_FINGERPRINT = re.compile(r"(?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{64}")
_ADDRESS = re.compile(r"https?://[^\s/?#@]+/?")


class Known(NamedTuple):
    """`seals`: SHA-256 of the certificates, 64 lower-case hexadecimal digits each."""

    name: str
    address: str
    seals: frozenset[str]


def read_partners(text: str) -> tuple[Known, ...]:
    """Raises: ValueError with the form."""
    partners = tuple(_partner(one) for one in text.split(";") if one.strip())
    names = [one.name.casefold() for one in partners]
    seals = [seal for one in partners for seal in one.seals]
    if len(set(names)) != len(names) or len(set(seals)) != len(seals):
        raise ValueError("a court, or a seal, stands there twice")
    return partners


def _partner(text: str) -> Known:
    if text.count("|") != 2:
        raise ValueError(FORM)
    name, address, seals = (part.strip() for part in text.split("|"))
    given = seals.split()
    if not name.isprintable() or not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(FORM)
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"{address or name} is not of the form https://court.example")
    if not given or not all(_FINGERPRINT.fullmatch(one) for one in given):
        raise ValueError(f"the SHA-256 of {name} has 64 hexadecimal digits")
    return Known(name, address.rstrip("/"), frozenset(one.replace(":", "").lower() for one in given))
