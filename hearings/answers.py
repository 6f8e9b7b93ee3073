"""What somebody signs who answers in a browser, and whether the signature holds (ECDSA on P-256 with SHA-256).

The bytes are canonical JSON (RFC 8785) of the hearing's URN, the handle of who answers, and the members `SIGNED` of the
entry `consent.declared`, as far as it has them. So whoever has the journal can make them again. `asked`, the time of the
question, was told by the service and is of one question only: a signature answers no other.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from hearings.tree import canonical

SIGNED = ("advised", "answer", "asked", "language", "sha256", "text", "through", "version", "what")
POINT, HALF = 65, 32  # bytes of an uncompressed point, and of each number of a signature
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


def signed(hearing: str, participant: str, members: Mapping[str, Any]) -> bytes:
    """`hearing`: its URN; `members`: those of the entry, as the journal has them."""
    told = {name: members[name] for name in SIGNED if members.get(name) is not None}
    return canonical({"hearing": hearing, "participant": participant, **told})


def holds(key: str, signature: str, data: bytes) -> bool:
    """`key`: the point, uncompressed; `signature`: r and s, 32 bytes each; both in base64url without padding."""
    point, numbers = _bytes(key), _bytes(signature)
    if len(point) != POINT or len(numbers) != 2 * HALF:
        return False
    r, s = int.from_bytes(numbers[:HALF]), int.from_bytes(numbers[HALF:])
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        public.verify(encode_dss_signature(r, s), data, ec.ECDSA(SHA256()))
    except (ValueError, InvalidSignature):
        return False
    return True


def _bytes(text: str) -> bytes:
    """Nothing if it is not of the one form that it may have."""
    if not _BASE64URL.fullmatch(text):
        return b""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return b""
    return data if base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text else b""
