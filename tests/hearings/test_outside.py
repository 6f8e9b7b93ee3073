"""Minutes that were signed elsewhere: with cards of several makes, and with everything that is not quite a signature."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from asn1crypto import keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils.generic import NameObject, NumberObject, StreamObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PdfFileWriter, copy_into_new_writer
from pyhanko.sign import fields, signers
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko_certvalidator.registry import SimpleCertificateStore

from frontend.outward import Outward
from hearings import outside, pades, seals, signed_pdf
from hearings.errors import NotValid
from hearings.minutes_pdf import draw_up
from hearings.outside import OutsideSignature, accepted
from hearings.signed_pdf import Level
from hearings.timestamps import Stamps
from tests.hearings import records as r
from tests.hearings.test_minutes import minutes
from tests.hearings.time_authority import TimeAuthority, serving

NOW = datetime.now(UTC).replace(microsecond=0)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Card(NamedTuple):
    """A person's card of an invented State."""

    key: Key
    certificate: x509.Certificate
    issuer: x509.Certificate


def card(
    name: str = "Judge A",
    *,
    key: Any = None,
    uses: list[x509.ObjectIdentifier] | None = None,
    until: datetime = NOW + timedelta(days=9),
    since: datetime = NOW - timedelta(days=9),
    signing: bool = True,
) -> Card:
    issuer_key = ec.generate_private_key(ec.SECP384R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Cards of Exampleland")])
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = [
        (NameOID.COUNTRY_NAME, "NL"),
        (NameOID.ORGANIZATION_NAME, "Court of Exampleton"),
        (NameOID.COMMON_NAME, name),
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(kind, value) for kind, value in subject]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(usage("content_commitment" if signing else "key_agreement"), critical=True)
    )
    if uses is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    above = (
        x509.CertificateBuilder()
        .subject_name(issuer)
        .issuer_name(issuer)
        .public_key(issuer_key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=99))
        .not_valid_after(NOW + timedelta(days=99))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage("key_cert_sign"), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    return Card(key, builder.sign(issuer_key, hashes.SHA256()), above)


def usage(what: str) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
    )
    names += ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: name == what for name in names})


def foreign(one: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(one.public_bytes(Encoding.DER))


def signed(
    pdf: bytes,
    by: Card,
    *,
    at: datetime = NOW,
    field: str = "Judge",
    box: tuple[int, ...] | None = None,
    **more: Any,
) -> bytes:
    """As the program of the card's maker does it: pyHanko, with a key that is never ours."""
    store = SimpleCertificateStore()
    store.register(foreign(by.issuer))
    raw = by.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = signers.SimpleSigner(foreign(by.certificate), keys.PrivateKeyInfo.load(raw), store)
    settings = {"subfilter": SigSeedSubFilter.PADES, "md_algorithm": "sha256"} | more
    signer.prefer_pss = settings.pop("prefer_pss", False)
    timestamper = settings.pop("timestamper", None)
    spec = SigFieldSpec(field, box=box) if box else None
    writer = IncrementalPdfFileWriter(BytesIO(pdf))

    async def work() -> bytes:
        session = signers.PdfSigner(
            signers.PdfSignatureMetadata(field_name=field, **settings),
            signer,
            timestamper=timestamper,
            new_field_spec=spec,
        ).init_signing_session(writer)
        session.system_time = at
        document = session.prepare_tbs_document(validation_info=None, bytes_reserved=16384)
        out = BytesIO()
        prepared, _ = document.digest_tbs_document(output=out)
        await document.perform_signature(prepared.document_digest, PdfCMSSignedAttributes(signing_time=at))
        return out.getvalue()

    return asyncio.run(work())


@pytest.fixture(scope="module")
def original() -> bytes:
    return r.plain_pdf()


@pytest.fixture(scope="module")
def judge() -> Card:
    return card()


@pytest.fixture(scope="module")
def good(original: bytes, judge: Card) -> bytes:
    return signed(original, judge)


def refusal(original: bytes, uploaded: bytes, at: datetime = NOW) -> str:
    with pytest.raises(NotValid) as refused:
        accepted(original, uploaded, at)
    assert refused.value.field == "file"
    assert refused.value.sentence.endswith(".")
    return refused.value.sentence


# --- what is taken -----------------------------------------------------------------------------


def test_who_signed_is_told_and_what_was_not_checked(original: bytes, judge: Card, good: bytes) -> None:
    told = accepted(original, good, NOW + timedelta(hours=1))
    assert told == OutsideSignature(
        name="Judge A",
        organisation="Court of Exampleton",
        fingerprint=judge.certificate.fingerprint(hashes.SHA256()).hex(),
        time=NOW,
        level=Level.B_B,
        unchecked=(
            "Whether Cards of Exampleland, who issued the certificate, is to be trusted, and whether it was revoked.",
            "The time: it is that of the signer's own clock.",
        ),
    )


@pytest.mark.parametrize(
    ("key", "pss"),
    [
        (lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048), False),
        (lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048), True),
        (lambda: ec.generate_private_key(ec.SECP384R1()), False),
        (lambda: ec.generate_private_key(ec.SECP521R1()), False),
    ],
)
def test_cards_of_several_makes(key: Callable[[], Key], pss: bool, original: bytes) -> None:
    assert accepted(original, signed(original, card(key=key()), prefer_pss=pss), NOW).name == "Judge A"


@pytest.mark.parametrize(
    "more",
    [
        {"subfilter": SigSeedSubFilter.ADOBE_PKCS7_DETACHED},
        {"md_algorithm": "sha512"},
        {"reason": "I have read it", "location": "Exampleton"},
    ],
)
def test_signatures_of_several_programs(more: dict[str, Any], original: bytes, judge: Card) -> None:
    assert accepted(original, signed(original, judge, **more), NOW)


@pytest.mark.parametrize("level", [fields.MDPPerm.NO_CHANGES, fields.MDPPerm.FILL_FORMS])
def test_a_certified_file_is_refused_for_no_court_could_seal_it(
    level: fields.MDPPerm, original: bytes, judge: Card
) -> None:
    assert "certified" in refusal(original, signed(original, judge, certify=True, docmdp_permissions=level))


@pytest.mark.parametrize(
    "uses", [[ExtendedKeyUsageOID.EMAIL_PROTECTION], [x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")]]
)
def test_certificates_for_documents(uses: list[x509.ObjectIdentifier], original: bytes) -> None:
    assert accepted(original, signed(original, card(uses=uses)), NOW)


def test_two_may_sign_one_after_the_other(original: bytes, good: bytes) -> None:
    clerk = card("Clerk B")
    told = accepted(original, signed(good, clerk, field="Clerk"), NOW)
    assert told.name == "Clerk B"
    assert [one.name for one in told.others] == ["Judge A"]


def test_a_second_upload_is_over_the_first(original: bytes, good: bytes) -> None:
    told = accepted(good, signed(good, card("Judge B"), field="Other"), NOW)
    assert (told.name, told.others) == ("Judge B", ())
    assert "as it was downloaded" in refusal(good, good)


def test_a_signature_that_is_drawn_on_a_page_is_to_be_looked_at(original: bytes, judge: Card) -> None:
    told = accepted(original, signed(original, judge, box=(100, 100, 200, 150)), NOW)
    assert "Whether the picture of the signature on a page covers any words." in told.unchecked


def test_a_program_that_ends_no_line(original: bytes, judge: Card) -> None:
    without = original.rstrip(b"\n")
    assert accepted(without, signed(without, judge), NOW)


class Timed(NamedTuple):
    authority: TimeAuthority
    stamps: Stamps


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    authority = TimeAuthority(tmp_path_factory.mktemp("time") / "tsa")
    with serving(authority) as address:
        yield Timed(authority, Stamps(Outward(), address, lambda: datetime.now(UTC), roots=[authority.root]))


def archived(pdf: bytes, timed: Timed, *, with_proof: bool = True) -> bytes:
    """As the program of a card's maker does it that archives what it signed."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    if with_proof:
        crl = pades.asn1_crl.CertificateList.load(timed.authority.crl())
        DocumentSecurityStore.supply_dss_in_writer(writer, sig_contents=None, crls=[crl])
    out = BytesIO()
    stamping = signers.PdfTimeStamper(pades._Stamper(timed.stamps), field_name="Time")
    asyncio.run(stamping.async_timestamp_pdf(writer, "sha256", bytes_reserved=16384, output=out))
    return out.getvalue()


def test_the_time_of_an_authority_goes_before_the_signer_s_own(
    original: bytes, judge: Card, timed: Timed
) -> None:
    early = NOW - timedelta(hours=2)
    pdf = signed(original, judge, at=early, timestamper=pades._Stamper(timed.stamps))
    told = accepted(original, pdf, NOW)
    assert told.level is Level.B_T
    assert abs(told.time - datetime.now(UTC)) < timedelta(minutes=2)
    assert any("Authority of time, who confirms the time" in one for one in told.unchecked)
    kept = accepted(original, archived(pdf, timed), NOW)
    assert kept.level is Level.B_LTA
    assert accepted(original, archived(pdf, timed, with_proof=False), NOW).level is Level.B_T


# --- under the court's seal --------------------------------------------------------------------


def test_the_court_seals_over_it_and_archives_it(judge: Card, timed: Timed, tmp_path: Path) -> None:
    original, plain = draw_up(minutes()), r.plain_pdf()
    seal = seals.found(
        tmp_path / "seal", court="Court", organisation_identifier="NTRXX-1", at=NOW - timedelta(hours=1)
    )
    (tmp_path / "seal" / "crl").mkdir()
    (tmp_path / "seal" / "crl" / "time.crl").write_bytes(timed.authority.crl())
    for uploaded in (signed(original, judge), archived(signed(plain, judge), timed)):
        sealed = pades.seal_pdf(uploaded, seal, reason="Minutes", at=NOW, stamps=timed.stamps, certify=False)
        assert sealed.data.startswith(uploaded)
        by_seal, *_ = signed_pdf.sealing(signed_pdf.read(sealed.data))
        assert by_seal.whole
        assert by_seal.signed.signer == seal.certificate
        kept = pades.archive_pdf(sealed.data, seal, at=NOW, stamps=timed.stamps)
        assert kept.level is Level.B_LTA
        (one,) = signed_pdf.sealing(signed_pdf.read(kept.data))
        assert one.kept
        assert one.signed.signer == seal.certificate


# --- what is not -------------------------------------------------------------------------------


def test_another_file_is_refused(original: bytes, judge: Card) -> None:
    other = r.plain_pdf(98)
    assert "not the file that was downloaded" in refusal(original, signed(other, judge))


def test_a_file_that_a_program_wrote_anew_is_refused(original: bytes, judge: Card) -> None:
    out = BytesIO()
    copy_into_new_writer(PdfFileReader(BytesIO(original))).write(out)
    assert "written it anew" in refusal(original, signed(out.getvalue(), judge))


def test_a_file_without_a_signature_is_refused(original: bytes) -> None:
    assert "as it was downloaded" in refusal(original, original)
    assert "no signature" in refusal(original, original + b"% more\n")
    writer = IncrementalPdfFileWriter(BytesIO(original))
    fields.append_signature_field(writer, SigFieldSpec("Judge"))
    out = BytesIO()
    writer.write(out)
    assert "no signature" in refusal(original, out.getvalue())


def test_a_mere_timestamp_is_no_signature(original: bytes, timed: Timed) -> None:
    assert "no signature" in refusal(original, archived(original, timed))


def changed(pdf: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    change(writer)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def turn(writer: IncrementalPdfFileWriter) -> None:
    page = writer.root["/Pages"]["/Kids"][0]
    page[NameObject("/Rotate")] = NumberObject(180)
    writer.update_container(page)


def rewrite(writer: IncrementalPdfFileWriter) -> None:
    page = writer.root["/Pages"]["/Kids"][0]
    page[NameObject("/Contents")] = writer.add_object(StreamObject(stream_data=b"BT ET"))
    writer.update_container(page)


def attach(writer: IncrementalPdfFileWriter) -> None:
    """Other facts for machines beside the page."""
    from pyhanko.pdf_utils.embed import EmbeddedFileObject, FileSpec, embed_file

    data = EmbeddedFileObject.from_file_data(writer, b"{}", mime_type="application/json")
    embed_file(writer, FileSpec("other.json", embedded_data=data))


@pytest.mark.parametrize("change", [turn, rewrite, attach])
def test_pages_that_were_altered_are_refused(change: Any, original: bytes, judge: Card, good: bytes) -> None:
    before = signed(changed(original, change), judge)
    assert before.startswith(original)
    assert "Something else than signatures" in refusal(original, before)
    after = changed(good, change)
    assert "Something else than signatures" in refusal(original, after)
    assert "Something else than signatures" in refusal(original, signed(after, judge, field="Again"))


def test_an_update_that_replaces_the_original_is_refused(original: bytes, judge: Card) -> None:
    """The original is there byte for byte, and a whole other document behind it, which every reader would show."""
    other = PdfFileReader(BytesIO(r.plain_pdf(98)))
    writer: PdfFileWriter = copy_into_new_writer(other)
    out = BytesIO()
    writer.write(out)
    body = out.getvalue()
    start = int(body.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    table = moved(body, start, len(original))
    forged = original + table
    assert PdfFileReader(BytesIO(forged)).root["/Pages"]["/Count"] >= 1
    assert "Something else than signatures" in refusal(original, signed(forged, judge))


def moved(body: bytes, start: int, by: int) -> bytes:
    """The document with every place in its cross-reference table moved."""
    import re

    head, table = body[:start], body[start:]
    assert table.startswith(b"xref"), table[:40]
    table = re.sub(rb"(\d{10}) (\d{5}) n", lambda row: b"%010d %b n" % (int(row[1]) + by, row[2]), table)
    return head + re.sub(rb"startxref\n(\d+)", lambda row: b"startxref\n%d" % (int(row[1]) + by), table)


def test_an_annotation_is_more_than_a_signature(original: bytes, judge: Card) -> None:
    def note(writer: IncrementalPdfFileWriter) -> None:
        from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, pdf_name, pdf_string

        annotation = DictionaryObject(
            {
                pdf_name("/Type"): pdf_name("/Annot"),
                pdf_name("/Subtype"): pdf_name("/FreeText"),
                pdf_name("/Rect"): ArrayObject(NumberObject(n) for n in (0, 0, 99, 99)),
                pdf_name("/Contents"): pdf_string("Acquitted"),
            }
        )
        writer.register_annotation(writer.root["/Pages"]["/Kids"].raw_get(0), writer.add_object(annotation))

    assert "Something else than signatures" in refusal(original, signed(changed(original, note), judge))


def test_a_signature_of_a_part_is_refused(original: bytes, judge: Card, good: bytes, timed: Timed) -> None:
    assert "not over the whole file" in refusal(original, good + b"% more\n")
    shown = changed(
        good, lambda writer: DocumentSecurityStore.supply_dss_in_writer(writer, None, certs=[]) and None
    )
    assert "not over the whole file" in refusal(original, shown)
    place = good.rindex(b"/ByteRange [") + 12
    shorter = good[:place] + good[place:].replace(b"0 ", b"1 ", 1)
    assert shorter != good
    assert refusal(original, shorter)


def test_a_changed_signature_is_refused(original: bytes, good: bytes) -> None:
    place = good.index(b"/Contents <") + 400
    other = good[:place] + (b"0" if good[place : place + 1] != b"0" else b"1") + good[place + 1 :]
    assert refusal(original, other)


def test_two_of_which_one_does_not_hold_are_refused(original: bytes, good: bytes) -> None:
    expired = card("Clerk B", until=NOW - timedelta(days=1))
    both = signed(signed(original, expired, at=NOW - timedelta(days=2)), card(), field="Second")
    assert "Clerk B was not valid" in refusal(original, both)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: card(until=NOW - timedelta(days=1)), "not valid when it was used"),
        (lambda: card(since=NOW + timedelta(days=1)), "not valid when it was used"),
        (lambda: card(signing=False), "not for signing"),
        (lambda: card(uses=[ExtendedKeyUsageOID.SERVER_AUTH]), "not for signing documents"),
        (
            lambda: card(key=rsa.generate_private_key(public_exponent=65537, key_size=1024)),
            "of a kind that is not taken",
        ),
        (lambda: card(key=ed25519.Ed25519PrivateKey.generate()), "of a kind that is not taken"),
    ],
)
def test_a_certificate_that_is_not_fit_is_refused(
    made: Callable[[], Card], reason: str, original: bytes
) -> None:
    assert reason in refusal(original, signed(original, made(), md_algorithm="sha512"))


def test_a_certificate_that_ended_before_the_upload_is_refused(original: bytes) -> None:
    """Its owner may still set back a clock of their own."""
    ended = card(until=NOW - timedelta(days=1))
    assert "not valid" in refusal(original, signed(original, ended, at=NOW - timedelta(days=2)))


def test_a_signature_of_the_future_is_refused(original: bytes, judge: Card) -> None:
    assert accepted(original, signed(original, judge, at=NOW + timedelta(seconds=290)), NOW)
    assert "future" in refusal(original, signed(original, judge, at=NOW + timedelta(seconds=310)))


def test_an_encrypted_file_is_refused(original: bytes, judge: Card) -> None:
    out = BytesIO()
    writer = copy_into_new_writer(PdfFileReader(BytesIO(original)))
    writer.encrypt("owner", "user")
    writer.write(out)
    assert "encrypted" in refusal(original, out.getvalue())


def test_what_is_no_pdf_or_too_large_is_refused(original: bytes, good: bytes) -> None:
    assert "not a PDF" in refusal(original, b"")
    assert "not a PDF" in refusal(original, b"PK\x03\x04" + bytes(99))
    assert "no PDF that can be read" in refusal(original, b"%PDF-1.7\n" + bytes(99))
    assert "larger than 16 MiB" in refusal(original, good.ljust(outside.LARGEST + 1, b"\n"))
    assert "no PDF" in refusal(original, original[: len(original) // 2])


def test_a_program_that_writes_its_table_wrong_is_named_as_the_cause(original: bytes, good: bytes) -> None:
    """As that of Debian 12 (poppler 22.12) does: generation 1 of objects that never had a generation 0."""
    head, added = good[: len(original)], good[len(original) :]
    wrong = head + added.replace(b" 00000 n", b" 00001 n")
    assert wrong != good
    assert "Sign it with another program." in refusal(original, wrong)


def test_no_cut_of_it_is_taken_nor_ends_otherwise(original: bytes, good: bytes) -> None:
    for end in range(len(original) + 1, len(good), max(1, (len(good) - len(original)) // 12)):
        assert refusal(original, good[:end])
