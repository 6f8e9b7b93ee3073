"""The court's seal: founded once, kept safely, and its signatures of exactly one shape."""

import hashlib
import stat
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from hearings import seals, signatures
from hearings.errors import Unreachable, Unverifiable
from tests.hearings import records as r

AT = r.START


def founded(folder: Path) -> seals.CourtSeal:
    return seals.found(folder, court="Court of Appeal", organisation_identifier="NTRXX-12", at=AT)


def test_a_seal_is_founded_once_and_then_loaded(tmp_path: Path) -> None:
    seal = founded(tmp_path / "keys" / "seal")
    again = founded(tmp_path / "keys" / "seal")
    assert again.certificate == seal.certificate
    assert again.root == seal.root
    assert seals.load(tmp_path / "keys" / "seal").certificate == seal.certificate
    assert signatures.organisation(seal.certificate) == "NTRXX-12"
    assert signatures.title(seal.certificate) == "Court of Appeal seal"


def test_keys_are_for_the_service_alone_and_nothing_is_left_behind(tmp_path: Path) -> None:
    founded(tmp_path / "seal")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "seal").iterdir()}
    assert modes == {"root.pem": 0o644, "seal.pem": 0o644, "root-key.pem": 0o600, "seal-key.pem": 0o600}
    assert stat.S_IMODE((tmp_path / "seal").stat().st_mode) == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["seal"]


def test_two_that_found_at_once_get_the_same_seal(tmp_path: Path) -> None:
    found: list[seals.CourtSeal] = []
    threads = [threading.Thread(target=lambda: found.append(founded(tmp_path / "seal"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({seal.certificate.serial_number for seal in found}) == 1
    assert len(found) == 6


def test_a_seal_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        seals.load(tmp_path)
    founded(tmp_path / "one")
    founded(tmp_path / "two")
    (tmp_path / "one" / "seal-key.pem").write_bytes((tmp_path / "two" / "seal-key.pem").read_bytes())
    with pytest.raises(Unreachable, match="belong together"):
        seals.load(tmp_path / "one")
    (tmp_path / "two" / "seal-key.pem").write_bytes(b"")
    with pytest.raises(Unreachable, match="cannot be read"):
        seals.load(tmp_path / "two")


def test_where_nothing_can_be_kept_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unreachable, match="cannot be kept"):
        founded(tmp_path / "file" / "seal")


def test_the_certificates_are_fit_for_their_parts(tmp_path: Path) -> None:
    seal = founded(tmp_path / "seal")
    seal.certificate.verify_directly_issued_by(seal.root)
    assert signatures.leads_to([seal.certificate], [seal.root], AT) == seal.root
    assert signatures.is_authority(seal.root)
    assert not signatures.is_authority(seal.certificate)
    usage = seal.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.content_commitment
    assert not usage.key_cert_sign


def test_the_shape_is_that_of_the_format() -> None:
    seal, content = r.court(), b"content"
    info = cms.ContentInfo.load(seal.sign(content, AT + timedelta(microseconds=5)), strict=True)
    data = info["content"]
    signer = data["signer_infos"][0]
    assert data["version"].native == signer["version"].native == "v1"
    assert data["encap_content_info"].native == {"content_type": "data", "content": None}
    assert [one.chosen.dump() for one in data["certificates"]] == [
        seal.certificate.public_bytes(Encoding.DER)
    ]
    assert data["crls"].native is None
    assert signer["unsigned_attrs"].native is None
    values = {one["type"].native: one["values"].native for one in signer["signed_attrs"]}
    own = hashlib.sha256(seal.certificate.public_bytes(Encoding.DER)).digest()
    named = values.pop("signing_certificate_v2")[0]["certs"][0]
    assert named["cert_hash"] == own
    assert values == {
        "content_type": ["data"],
        "message_digest": [hashlib.sha256(content).digest()],
        "signing_time": [AT],
    }


def test_s_is_always_the_smaller_one_and_the_signature_holds() -> None:
    seal = r.court()
    for number in range(24):
        sealed = seal.sign(b"%d" % number, AT)
        signer = cms.ContentInfo.load(sealed)["content"]["signer_infos"][0]
        value = signer["signature"].native
        assert decode_dss_signature(value)[1] <= seals._ORDER // 2
        signed = b"\x31" + signer["signed_attrs"].dump()[1:]
        seal.key.public_key().verify(value, signed, ec.ECDSA(hashes.SHA256()))


def test_what_is_sealed_is_read_and_nothing_else() -> None:
    sealed = r.court().sign(b"content", AT)
    read = signatures.read_seal(sealed, b"content")
    assert (read.signer, read.time, read.token) == (r.court().certificate, AT, None)
    with pytest.raises(Unverifiable, match="other bytes"):
        signatures.read_seal(sealed, b"content!")


def test_from_2050_on_the_year_has_four_digits() -> None:
    late = datetime(2050, 1, 1, tzinfo=UTC)
    assert signatures.read_seal(r.court().sign(b"x", late), b"x").time == late


def test_every_bit_of_a_seal_counts() -> None:
    """Nothing of it is free, but that digest parameters may be absent or NULL, which no single bit turns."""
    sealed = r.court().sign(b"content", AT)
    good = signatures.read_seal(sealed, b"content")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1 << place % 8
        try:
            read = signatures.read_seal(bytes(changed), b"content")
        except Unverifiable:
            continue
        pytest.fail(f"byte {place}: {read == good}")


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused_without_another_error(data: bytes) -> None:
    with pytest.raises(Unverifiable):
        signatures.read_seal(data, b"content")
    with pytest.raises(Unverifiable):
        signatures.read_token(data, b"content")


@pytest.mark.parametrize(
    "data",
    [
        b"\x30\x80\x00\x00",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x82\x00\x01\x00",
        (b"\x30\x83" + (900_000).to_bytes(3, "big")) + bytes(900_000),
        b"\x1f\x81\x00",
        bytes(2**20 + 1),
    ],
)
def test_lengths_that_lie_are_refused(data: bytes) -> None:
    with pytest.raises(Unverifiable):
        signatures.read_seal(data, b"")


def nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        length = len(data).to_bytes(3, "big").lstrip(b"\0") or b"\0"
        head = length if len(data) < 0x80 else bytes([0x80 + len(length)]) + length
        data = b"\x30" + head + data
    return data


def test_what_is_nested_a_thousand_times_is_refused() -> None:
    with pytest.raises(Unverifiable, match="DER"):
        signatures.read_seal(nested(1000), b"")


def test_openssl_agrees(tmp_path: Path) -> None:
    (tmp_path / "seal.p7s").write_bytes(r.court().sign(b"content", AT))
    (tmp_path / "content").write_bytes(b"content")
    (tmp_path / "root.pem").write_bytes(r.court().root.public_bytes(Encoding.PEM))
    words = ["openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "seal.p7s"]
    words += ["-content", "content", "-CAfile", "root.pem", "-purpose", "any", "-out", "out"]
    words += ["-attime", str(int(AT.timestamp()))]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "content").write_bytes(b"contend")
    assert subprocess.run(words, cwd=tmp_path, check=False, capture_output=True).returncode != 0
