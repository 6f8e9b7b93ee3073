"""A pair of keys that is the same in every process, and what was locked for it, in the clear."""

import base64
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from media.locked import opened, unwrapping

SECRET = bytes(range(96))
PUBLIC = (
    MLKEM768PrivateKey.from_seed_bytes(SECRET[:64]).public_key().public_bytes_raw()
    + X25519PrivateKey.from_private_bytes(SECRET[64:]).public_key().public_bytes_raw()
)
KEY = base64.b64encode(PUBLIC).decode()


def clear(path: Path) -> bytes:
    """What a recording holds; the name of its file is part of what is checked."""
    with opened(path.open("rb"), path.name, unwrapping(SECRET)) as file:
        return file.read()
