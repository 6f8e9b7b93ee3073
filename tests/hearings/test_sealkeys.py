"""The key of the seal in a token: a real one of SoftHSM, used, pulled out, locked out and swapped."""

import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from hearings import pades, seals, signatures, signed_pdf
from hearings.errors import Unreachable
from hearings.sealkeys import TokenKey, TokenPlace
from tests.hearings import records as r
from tests.hearings.time_authority import pem

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
PIN = "2468"
NOW = datetime.now(UTC)


class Desk:
    """A folder with the court's certificates, and beside it the token with their key; further keys lie in it too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokens = folder / "tokens"
        self.tokens.mkdir()
        (folder / "softhsm.conf").write_text(f"directories.tokendir = {self.tokens}\n")
        self.pin = folder / "pin"
        self.pin.write_text(f"{PIN}\n")
        seals.found(
            folder / "seal",
            court="Court of Appeal",
            organisation_identifier="NTRXX-12",
            at=NOW - timedelta(hours=1),
        )
        self.module = Path(next(one for one in MODULES if Path(one).exists()))

    def fill(self) -> None:
        self.softhsm("--init-token", "--free", "--label", "court", "--so-pin", "13579")
        self.put("seal", self.folder / "seal" / "seal-key.pem", "01")
        other = self.folder / "other.pem"
        other.write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
        self.put("other", other, "02")
        self.put("twice", other, "03")
        self.put("twice", other, "04")
        (self.folder / "seal" / "seal-key.pem").unlink()

    def put(self, label: str, key: Path, number: str) -> None:
        self.softhsm("--import", str(key), "--token", "court", "--label", label, "--id", number)

    def softhsm(self, *words: str) -> None:
        subprocess.run(["softhsm2-util", *words, "--pin", PIN], check=True, capture_output=True)

    def place(self, **other: str | Path) -> TokenPlace:
        return TokenPlace(self.module, "court", "seal", self.pin)._replace(**other)

    def seal(self, **other: str | Path) -> seals.CourtSeal:
        return seals.load(self.folder / "seal", self.place(**other))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """SoftHSM reads its configuration once in a process, so there is one token for all."""
    made = Desk(tmp_path_factory.mktemp("desk"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(made.folder / "softhsm.conf"))
        made.fill()
        yield made


def refusal(seal: seals.CourtSeal) -> str:
    with pytest.raises(Unreachable) as refused:
        seal.sign(b"content", NOW)
    return refused.value.sentence


def test_a_seal_of_a_token_is_one_like_every_other(desk: Desk, tmp_path: Path) -> None:
    seal = desk.seal()
    sealed = seal.sign(b"content", NOW)
    read = signatures.read_seal(sealed, b"content")
    assert read.signer == seal.certificate
    assert signatures.leads_to(read.chain, [seal.root], read.time) == seal.root
    (tmp_path / "seal.p7s").write_bytes(sealed)
    (tmp_path / "content").write_bytes(b"content")
    (tmp_path / "root.pem").write_bytes(seal.root.public_bytes(Encoding.PEM))
    words = ["openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "seal.p7s"]
    words += ["-content", "content", "-CAfile", "root.pem", "-purpose", "any", "-out", "out"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)


def test_a_pdf_is_sealed_by_a_token(desk: Desk, tmp_path: Path) -> None:
    seal = desk.seal()
    sealed = pades.seal_pdf(r.plain_pdf(), seal, reason="Minutes", at=NOW).data
    (one,) = signed_pdf.read(sealed)
    assert one.whole
    assert one.fault is None
    assert one.signed.signer == seal.certificate
    (embedded,) = PdfFileReader(BytesIO(sealed)).embedded_regular_signatures
    root = asn1_x509.Certificate.load(seal.root.public_bytes(Encoding.DER))
    status = validate_pdf_signature(embedded, ValidationContext(trust_roots=[root], allow_fetching=False))
    assert status.bottom_line
    assert status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    (tmp_path / "sealed.pdf").write_bytes(sealed)
    words = [
        "openssl",
        "cms",
        "-verify",
        "-binary",
        "-inform",
        "DER",
        "-in",
        "seal.p7s",
        "-content",
        "content",
    ]
    _, first, second, _ = (int(number) for number in embedded.byte_range)
    (tmp_path / "content").write_bytes(sealed[:first] + sealed[second:])
    (tmp_path / "seal.p7s").write_bytes(embedded.pkcs7_content.rstrip(b"\0"))
    (tmp_path / "root.pem").write_bytes(seal.root.public_bytes(Encoding.PEM))
    words += ["-CAfile", "root.pem", "-purpose", "any", "-out", "out"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)


def test_the_private_key_is_nowhere_in_the_folder(desk: Desk) -> None:
    names = sorted(path.name for path in (desk.folder / "seal").iterdir())
    assert names == ["root-key.pem", "root.pem", "seal.pem"]


def test_a_founded_seal_is_not_made_where_a_token_is_named(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="cannot be read"):
        seals.found(
            tmp_path / "seal", court="C", organisation_identifier="NTRXX-1", at=NOW, token=desk.place()
        )
    assert not (tmp_path / "seal").exists()


def test_a_wrong_pin_is_tried_once_and_never_again_until_it_is_another(desk: Desk) -> None:
    seal = desk.seal()
    try:
        desk.pin.write_text("9999")
        asked: list[str] = []
        key = seal.key
        assert isinstance(key, TokenKey)
        through = key._asked
        key._asked = lambda digest, pin: (asked.append(pin), through(digest, pin))[1]  # type: ignore[method-assign]
        for _ in range(3):
            assert "does not take the PIN" in refusal(seal)
        assert asked == ["9999"]
        desk.pin.write_text(f"{PIN}\n")
        assert seal.sign(b"content", NOW)
    finally:
        desk.pin.write_text(f"{PIN}\n")


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"token": "another"}, "The token another with the key of the court's seal is not there."),
        ({"label": "nothing"}, "has not exactly one key"),
        ({"label": "twice"}, "has not exactly one key"),
        ({"label": "other"}, "is not the one of the seal's certificate"),
        ({"pin_file": Path("/nowhere/pin")}, "The PIN of the token cannot be read from /nowhere/pin."),
        ({"module": Path("/nowhere/lib.so")}, "does not answer as it should"),
    ],
)
def test_what_is_not_there_is_said(desk: Desk, other: dict[str, str | Path], reason: str) -> None:
    assert reason in refusal(desk.seal(**other))


def test_a_token_that_was_pulled_out_seals_nothing_and_works_again_when_it_is_back(
    desk: Desk, tmp_path: Path
) -> None:
    seal, away = desk.seal(), desk.folder / "away"
    assert seal.sign(b"content", NOW)
    desk.tokens.rename(away)
    try:
        assert "court" in refusal(seal)
        with pytest.raises(Unreachable):
            pades.seal_pdf(r.plain_pdf(), seal, reason="Minutes", at=NOW)
        out = BytesIO()
        with pytest.raises(Unreachable):
            r.package.write(out, r.draft().contents(), seal=seal, at=r.at(3_600_000))
        assert out.getvalue() == b""
    finally:
        away.rename(desk.tokens)
    assert signatures.read_seal(seal.sign(b"content", NOW), b"content")


def test_many_threads_seal_at_once(desk: Desk) -> None:
    seal, sealed = desk.seal(), []
    other = desk.seal()

    def work(number: int) -> None:
        content = b"%d" % number
        sealed.append((content, (seal, other)[number % 2].sign(content, NOW)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({signatures.read_seal(one, content).signature for content, one in sealed}) == 16


def test_what_the_token_gives_is_ecdsa_over_sha256(desk: Desk) -> None:
    key = desk.seal().key
    value = key.sign(b"content")
    key.public_key().verify(value, b"content", ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        key.public_key().verify(value, b"contend", ec.ECDSA(hashes.SHA256()))


def test_a_whole_record_is_sealed_by_a_token(desk: Desk, tmp_path: Path) -> None:
    from hearings.verify import verify

    path = tmp_path / "record.asice"
    contents = r.draft().contents()
    with path.open("wb") as file:
        r.package.write(file, contents, seal=desk.seal(), at=NOW)
    trust = r.package.trust(desk.seal())
    verdict = verify(path, trust=trust, head=None, at=NOW)
    assert {check.name for check in verdict.checks if check.outcome == "refused"} == {
        "minutes"
    }  # by another court
