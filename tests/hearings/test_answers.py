"""A signature holds for its key and its bytes, and for no other."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from hearings import answers

URN = "urn:uuid:6f1c1c2e-9a7b-4c56-8f0e-2b9d3a4c5e6f"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """As a browser signs: a key that nobody keeps."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def key(self) -> str:
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return base64url(point)

    def sign(self, data: bytes) -> str:
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(SHA256())))
        return base64url(r.to_bytes(32) + s.to_bytes(32))


MEMBERS = {
    "what": "video",
    "answer": "yes",
    "asked": "2026-11-23T09:00:00.000Z",
    "by": "aaaaaaaa",
    "key": "x",
}


def test_the_bytes_are_canonical_json_of_what_is_said():
    assert answers.signed(URN, "aaaaaaaa", MEMBERS | {"advised": None}) == (
        b'{"answer":"yes","asked":"2026-11-23T09:00:00.000Z","hearing":"' + URN.encode() + b'",'
        b'"participant":"aaaaaaaa","what":"video"}'
    )


@settings(max_examples=25)
@given(data=st.binary(max_size=99), at=st.integers(0, 63), bit=st.integers(0, 7))
def test_a_signature_holds_for_its_key_and_its_bytes_alone(data: bytes, at: int, bit: int):
    signer, other = Signer(), Signer()
    signature = signer.sign(data)
    assert answers.holds(signer.key, signature, data)
    assert not answers.holds(other.key, signature, data)
    assert not answers.holds(signer.key, signature, data + b"x")
    bent = bytearray(base64.urlsafe_b64decode(signature + "=="))
    bent[at] ^= 1 << bit
    assert not answers.holds(signer.key, base64url(bytes(bent)), data)


@pytest.mark.parametrize("key", ["", "AAAA", "ä", "A" * 87, base64url(b"\x04" + bytes(64)), "!" * 88])
def test_what_is_no_key_holds_nothing(key: str):
    assert not answers.holds(key, Signer().sign(b"x"), b"x")


@pytest.mark.parametrize("signature", ["", "AAAA", base64url(bytes(64)), "A" * 87])
def test_what_is_no_signature_does_not_hold(signature: str):
    assert not answers.holds(Signer().key, signature, b"x")
