"""Minutes sealed, stamped and archived, then judged by other people's tools (pyHanko, qpdf, poppler, openssl) and attacked."""

import asyncio
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.generic import NameObject, NumberObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko.sign.validation.policy_decl import PdfSignatureValidationSpec, SignatureValidationSpec
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager

from frontend.outward import Outward
from hearings import pades, seals, signed_pdf
from hearings.database import Database
from hearings.errors import Unverifiable
from hearings.minutes_pdf import draw_up
from hearings.pades import SEAL_FIELD, STAMP_FIELD, Sealed
from hearings.signed_pdf import Level
from hearings.timestamps import Stamps
from hearings.verify import verify
from tests.conftest import FakeClock
from tests.hearings import records as r
from tests.hearings.shelf import Shelf
from tests.hearings.test_copies import Archive, archive
from tests.hearings.test_minutes import minutes
from tests.hearings.time_authority import TimeAuthority, as_it_is, serving

__all__ = ["archive"]  # the fixture

NOW = datetime.now(UTC).replace(microsecond=0)
REASON = "Minutes"


def now() -> datetime:
    return datetime.now(UTC)


class Desk(NamedTuple):
    seal: seals.CourtSeal
    authority: TimeAuthority
    stamps: Stamps
    drawn: bytes

    def sealed(self, pdf: bytes | None = None, *, stamps: Stamps | None = None, **more: Any) -> Sealed:
        return pades.seal_pdf(pdf or r.plain_pdf(), self.seal, reason=REASON, at=NOW, stamps=stamps, **more)

    def archived(self, pdf: bytes) -> Sealed:
        return pades.archive_pdf(pdf, self.seal, at=NOW, stamps=self.stamps)

    @property
    def lists(self) -> Path:
        assert self.seal.folder
        return self.seal.folder / "crl"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("pades")
    authority = TimeAuthority(folder / "tsa")
    seal = seals.found(
        folder / "seal",
        court="Court of Samplia",
        organisation_identifier="NTRXX-1",
        at=NOW - timedelta(hours=1),
    )
    (folder / "seal" / "crl").mkdir()
    with serving(authority) as address:
        stamps = Stamps(Outward(read=2, whole=2), address, now, roots=[authority.root])
        yield Desk(seal, authority, stamps, draw_up(minutes()))


@pytest.fixture
def desk(opened: Desk) -> Iterator[Desk]:
    (opened.lists / "time.crl").write_bytes(opened.authority.crl())
    yield opened
    opened.authority.answering = as_it_is
    for path in opened.lists.iterdir():
        path.unlink()


def each(desk: Desk, pdf: bytes) -> dict[Level, bytes]:
    """The same file at each level."""
    (desk.lists / "time.crl").write_bytes(desk.authority.crl())
    timed = desk.sealed(pdf, stamps=desk.stamps)
    done = [desk.sealed(pdf), timed, desk.archived(timed.data)]
    assert [one.lacking for one in done] == ["No authority for timestamps is configured.", None, None]
    return {one.level: one.data for one in done}


@pytest.fixture(scope="module")
def levels(opened: Desk) -> dict[Level, bytes]:
    return each(opened, r.plain_pdf())


@pytest.fixture(scope="module")
def drawn(opened: Desk) -> dict[Level, bytes]:
    """Of minutes as they are drawn up."""
    return each(opened, opened.drawn)


# --- what other tools say ----------------------------------------------------------------------


def foreign(one: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(one.public_bytes(Encoding.DER))


def embedded(pdf: bytes) -> Any:
    return PdfFileReader(BytesIO(pdf)).embedded_regular_signatures[-1]


def judged(desk: Desk, pdf: bytes) -> Any:
    """pyHanko's opinion of the last seal, when it was made."""
    contexts = [
        ValidationContext(trust_roots=[foreign(root)], moment=NOW, allow_fetching=False)
        for root in (desk.seal.root, desk.authority.root)
    ]
    return validate_pdf_signature(embedded(pdf), *contexts)


def archival(
    desk: Desk, pdf: bytes, *, seal: seals.CourtSeal | None = None, at: datetime | None = None
) -> Any:
    """pyHanko's opinion after EN 319 102-1, section 5.6.3, with revocation lists from nowhere but the file."""
    roots = [foreign((seal or desk.seal).root), foreign(desk.authority.root)]
    moment = at or now()
    timing = ValidationTimingInfo(moment, moment, point_in_time_validation=at is not None)
    policy = CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(trust_roots=roots),
        revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
    )
    spec = PdfSignatureValidationSpec(SignatureValidationSpec(cert_validation_policy=policy))
    return asyncio.run(ades_lta_validation(embedded(pdf), spec, timing)).ades_subindic


def said_by(tool: str, *words: str, pdf: bytes, folder: Path) -> str:
    (folder / "file.pdf").write_bytes(pdf)
    done = subprocess.run([tool, *words, "file.pdf"], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def turned(pdf: bytes) -> bytes:
    """Its first page upside down, by an update added behind."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    writer.root["/Pages"]["/Kids"][0][NameObject("/Rotate")] = NumberObject(180)
    writer.update_container(writer.root["/Pages"]["/Kids"][0])
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


# --- levels ------------------------------------------------------------------------------------


def test_each_level_is_valid_for_everybody(desk: Desk, drawn: dict[Level, bytes], tmp_path: Path) -> None:
    assert list(drawn) == [Level.B_B, Level.B_T, Level.B_LTA]
    for level, pdf in drawn.items():
        assert judged(desk, pdf).bottom_line
        (seal,) = signed_pdf.sealing(signed_pdf.read(pdf))
        assert seal.level is level
        assert seal.signed.signer == desk.seal.certificate
        assert "No syntax or stream encoding errors" in said_by("qpdf", "--check", pdf=pdf, folder=tmp_path)
        told = said_by("pdfsig", pdf=pdf, folder=tmp_path)
        assert "Signature Validation: Signature is Valid." in told
        assert "Total document signed" in told


def test_the_seal_is_a_certification_that_admits_signatures(levels: dict[Level, bytes], desk: Desk) -> None:
    for level in (Level.B_B, Level.B_T):
        one = embedded(levels[level])
        assert one.field_name == SEAL_FIELD
        assert one.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
        assert one.sig_object["/Reason"] == REASON
        assert one.self_reported_timestamp == NOW
        assert one.docmdp_level is MDPPerm.FILL_FORMS
        assert judged(desk, levels[level]).coverage is SignatureCoverageLevel.ENTIRE_FILE


def test_the_archived_file_holds_what_proves_it(levels: dict[Level, bytes], desk: Desk) -> None:
    reader = PdfFileReader(BytesIO(levels[Level.B_LTA]))
    store = reader.root["/DSS"]
    given = {x509.load_der_x509_certificate(one.get_object().data) for one in store["/Certs"]}
    assert given == {
        *(desk.seal.certificate, desk.seal.root),
        *(desk.authority.certificate, desk.authority.root),
    }
    lists = [x509.load_der_x509_crl(one.get_object().data) for one in store["/CRLs"]]
    assert {one.issuer for one in lists} == {desk.seal.root.subject, desk.authority.root.subject}
    assert [one.field_name for one in reader.embedded_timestamp_signatures] == [STAMP_FIELD]


def test_pyhanko_s_check_of_archived_signatures_passes(drawn: dict[Level, bytes], desk: Desk) -> None:
    assert archival(desk, drawn[Level.B_LTA]) is AdESPassed.OK
    assert archival(desk, drawn[Level.B_T]) is not AdESPassed.OK


def test_what_is_archived_holds_when_the_certificate_of_the_seal_has_ended(
    desk: Desk, tmp_path: Path
) -> None:
    seal = seals.found(
        tmp_path / "seal",
        court="Court of Samplia",
        organisation_identifier="NTRXX-1",
        at=NOW - timedelta(days=365 * 10 - 1),
    )
    (tmp_path / "seal" / "crl").mkdir()
    (tmp_path / "seal" / "crl" / "time.crl").write_bytes(desk.authority.crl())
    timed = pades.seal_pdf(r.plain_pdf(), seal, reason=REASON, at=NOW, stamps=desk.stamps).data
    kept = pades.archive_pdf(timed, seal, at=NOW, stamps=desk.stamps).data
    later = NOW + timedelta(days=5)
    assert seal.certificate.not_valid_after_utc < later < desk.authority.certificate.not_valid_after_utc
    assert archival(desk, kept, seal=seal, at=later) is AdESPassed.OK
    assert archival(desk, timed, seal=seal, at=later) is not AdESPassed.OK


def test_an_archived_file_may_be_archived_again(levels: dict[Level, bytes], desk: Desk) -> None:
    again = desk.archived(levels[Level.B_LTA])
    assert again.level is Level.B_LTA
    assert again.data.startswith(levels[Level.B_LTA])
    assert archival(desk, again.data) is AdESPassed.OK
    assert [one.whole for one in signed_pdf.read(again.data)] == [False, False, True]


def test_it_stays_pdf_a_byte_for_byte(drawn: dict[Level, bytes], desk: Desk) -> None:
    """What is added begins on a line of its own (ISO 19005-3, 6.1.9), and says nothing of the pages."""
    for before, pdf in (
        (desk.drawn, drawn[Level.B_B]),
        (desk.drawn, drawn[Level.B_T]),
        (drawn[Level.B_T], drawn[Level.B_LTA]),
    ):
        assert pdf.startswith(before)
        assert before.endswith(b"\n")
        assert re.match(rb"\d+ 0 obj\s", pdf[len(before) :])
    bare, archived = (PdfFileReader(BytesIO(pdf)).root for pdf in (desk.drawn, drawn[Level.B_LTA]))
    for root in (bare, archived):  # pyHanko writes the metadata anew, in another form
        stated = dict(re.findall(rb"(pdfaid:\w+|pdfuaid:\w+)(?:=\"|>)(\w+)", root["/Metadata"].data))
        assert stated == {b"pdfaid:part": b"3", b"pdfaid:conformance": b"A", b"pdfuaid:part": b"1"}
    assert archived["/MarkInfo"] == bare["/MarkInfo"]


def test_a_line_is_ended_before_what_is_added(desk: Desk) -> None:
    pdf = r.plain_pdf()
    sealed = desk.sealed(pdf.rstrip(b"\n")).data
    assert sealed.startswith(pdf)
    assert judged(desk, sealed).bottom_line


async def test_it_can_be_sealed_inside_a_running_loop(desk: Desk) -> None:
    timed = desk.sealed(stamps=desk.stamps)
    assert desk.archived(timed.data).level is Level.B_LTA


def test_a_second_seal_is_an_approval_in_a_field_of_its_own(desk: Desk, levels: dict[Level, bytes]) -> None:
    twice = desk.sealed(levels[Level.B_T], stamps=desk.stamps).data
    assert twice.startswith(levels[Level.B_T])
    assert judged(desk, twice).bottom_line
    assert embedded(twice).field_name == "Seal2"
    assert embedded(twice).docmdp_level is None
    (one,) = signed_pdf.sealing(signed_pdf.read(twice))
    assert one.whole
    assert desk.archived(twice).level is Level.B_LTA


# --- no time, no proof -------------------------------------------------------------------------


def test_an_authority_that_is_away_stops_no_seal(desk: Desk) -> None:
    desk.authority.answering = lambda query, answer: (503, b"")
    sealed = desk.sealed(stamps=desk.stamps)
    assert sealed.level is Level.B_B
    assert sealed.lacking is not None
    assert "gave none that is of use" in sealed.lacking
    assert judged(desk, sealed.data).bottom_line


def test_an_authority_that_says_more_than_there_is_room_for_stops_no_seal(desk: Desk) -> None:
    room = pades._LARGEST_TOKEN
    stamps = Stamps(desk.stamps._web, desk.stamps._address, now)
    stamps.over = lambda sha256: bytes(room + 1)  # type: ignore[method-assign]
    sealed = desk.sealed(stamps=stamps)
    assert (sealed.level, "too large" in (sealed.lacking or "")) == (Level.B_B, True)


def test_an_authority_that_is_away_leaves_the_file_as_it_was(desk: Desk, levels: dict[Level, bytes]) -> None:
    desk.authority.answering = lambda query, answer: (200, b"rubbish")
    archived = desk.archived(levels[Level.B_T])
    assert archived.data == levels[Level.B_T]
    assert archived.level is Level.B_T
    assert archived.lacking is not None


def test_without_an_authority_nothing_is_archived(desk: Desk, levels: dict[Level, bytes]) -> None:
    for level in (Level.B_B, Level.B_T):
        archived = pades.archive_pdf(levels[level], desk.seal, at=NOW)
        assert archived == Sealed(levels[level], level, "No authority for timestamps is configured.")


def test_a_seal_without_a_timestamp_is_not_archived(desk: Desk, levels: dict[Level, bytes]) -> None:
    archived = desk.archived(levels[Level.B_B])
    assert archived.data == levels[Level.B_B]
    assert "must begin with one" in (archived.lacking or "")


def emptied(desk: Desk) -> None:
    (desk.lists / "time.crl").unlink()


def of_another(desk: Desk) -> None:
    (desk.lists / "time.crl").write_bytes(r.court().revocations(NOW)[0])


def forged(desk: Desk) -> None:
    data = bytearray(desk.authority.crl())
    data[-1] ^= 1
    (desk.lists / "time.crl").write_bytes(bytes(data))


def expired(desk: Desk) -> None:
    assert desk.seal.folder
    key = seals._private(desk.seal.folder / "root-key.pem")
    builder = x509.CertificateRevocationListBuilder().issuer_name(desk.seal.root.subject)
    builder = builder.last_update(NOW - timedelta(days=2)).next_update(NOW - timedelta(days=1))
    crl = builder.sign(key, seals.hashes.SHA256())
    (desk.lists / "court.crl").write_bytes(crl.public_bytes(Encoding.DER))


@pytest.mark.parametrize("lists", [emptied, of_another, forged, expired])
def test_without_revocation_lists_the_level_is_not_claimed(
    lists: Callable[[Desk], None], desk: Desk, levels: dict[Level, bytes]
) -> None:
    lists(desk)
    archived = desk.archived(levels[Level.B_T])
    assert archived.data == levels[Level.B_T]
    assert archived.level is Level.B_T
    assert "no revocation list of its issuer" in (archived.lacking or "")


def test_a_certificate_that_was_revoked_is_not_archived(desk: Desk, levels: dict[Level, bytes]) -> None:
    assert desk.seal.folder
    key = seals._private(desk.seal.folder / "root-key.pem")
    entry = x509.RevokedCertificateBuilder().serial_number(desk.seal.certificate.serial_number)
    builder = x509.CertificateRevocationListBuilder().issuer_name(desk.seal.root.subject)
    builder = builder.last_update(NOW).next_update(NOW + timedelta(days=1))
    builder = builder.add_revoked_certificate(entry.revocation_date(NOW - timedelta(minutes=1)).build())
    crl = builder.sign(key, seals.hashes.SHA256())
    (desk.lists / "court.crl").write_bytes(crl.public_bytes(Encoding.DER))
    with pytest.raises(Unverifiable, match="revoked"):
        desk.archived(levels[Level.B_T])


def test_of_an_authority_of_our_own_the_list_is_made_and_holds(desk: Desk) -> None:
    ours, given = sorted(
        desk.seal.revocations(NOW), key=lambda one: one in (desk.lists / "time.crl").read_bytes()
    )
    crl = x509.load_der_x509_crl(ours)
    key: Any = desk.seal.root.public_key()
    assert crl.is_signature_valid(key)
    assert len(crl) == 0
    assert crl.next_update_utc == desk.seal.root.not_valid_after_utc
    assert x509.load_der_x509_crl(given).issuer == desk.authority.root.subject
    (desk.lists / "court.crl").write_bytes(ours)
    assert ours in desk.seal.revocations(NOW + timedelta(days=1))
    assert len(desk.seal.revocations(NOW)) == 2


@pytest.mark.parametrize(
    "pdf",
    [
        lambda desk, levels: r.plain_pdf(),
        lambda desk, levels: turned(levels[Level.B_T]),
        lambda desk, levels: turned(levels[Level.B_LTA]),
        lambda desk, levels: pades.seal_pdf(r.plain_pdf(), r.court(), reason="x", at=NOW).data,
        lambda desk, levels: b"no pdf",
    ],
)
def test_what_does_not_bear_the_seal_is_not_archived(
    pdf: Any, desk: Desk, levels: dict[Level, bytes]
) -> None:
    with pytest.raises(Unverifiable):
        desk.archived(pdf(desk, levels))


# --- altered afterwards ------------------------------------------------------------------------


def test_a_change_added_behind_is_seen_though_pdfsig_says_valid(
    desk: Desk, levels: dict[Level, bytes], tmp_path: Path
) -> None:
    for pdf in levels.values():
        altered = turned(pdf)
        told = said_by("pdfsig", pdf=altered, folder=tmp_path)
        assert "Signature Validation: Signature is Valid." in told
        assert not judged(desk, altered).bottom_line
        assert signed_pdf.sealing(signed_pdf.read(altered)) == []


def test_a_changed_byte_breaks_every_level(desk: Desk, levels: dict[Level, bytes]) -> None:
    for pdf in levels.values():
        place = pdf.index(b"/MediaBox")
        altered = pdf[:place] + b"/MediaBux" + pdf[place + 9 :]
        assert not judged(desk, altered).bottom_line
        try:
            assert signed_pdf.sealing(signed_pdf.read(altered)) == []
        except Unverifiable:
            continue


def filled(pdf: bytes) -> bytes:
    """With a digit in the room that the last signature leaves, where no signature looks."""
    place = pdf.index(b">", pdf.rindex(b"/Contents <")) - 1
    return pdf[:place] + b"1" + pdf[place + 1 :]


def test_nothing_can_be_hidden_in_the_room_of_a_signature(levels: dict[Level, bytes]) -> None:
    for pdf in levels.values():
        with pytest.raises(Unverifiable, match="something behind"):
            signed_pdf.read(filled(pdf))


def test_what_stands_for_the_file_after_cutting(desk: Desk, levels: dict[Level, bytes]) -> None:
    """Without the last timestamp the proofs lie open: nothing is over the whole file; cut to the seal it is B-T again."""
    archived = levels[Level.B_LTA]
    assert signed_pdf.sealing(signed_pdf.read(levels[Level.B_T]))[0].level is Level.B_T
    assert archived.startswith(levels[Level.B_T])
    writer = IncrementalPdfFileWriter(BytesIO(levels[Level.B_T]))
    pades.DocumentSecurityStore.supply_dss_in_writer(
        writer, sig_contents=None, certs=[foreign(desk.seal.root)]
    )
    out = BytesIO()
    writer.write(out)
    found = signed_pdf.read(out.getvalue())
    assert [(one.whole, one.kept, one.fault) for one in found] == [(False, False, None)]
    assert signed_pdf.sealing(found) == []


# --- in a record -------------------------------------------------------------------------------


async def test_minutes_and_package_bear_the_time_of_the_authority_and_are_closed_though_it_is_away(
    archive: Archive, database: Database, tmp_path: Path, clock: FakeClock
) -> None:
    """It answers for the first document and for the head, not for the second document."""
    authority = TimeAuthority(tmp_path / "tsa", since=clock())

    def now_and_then(query: bytes, answer: bytes) -> tuple[int, bytes]:
        return (503, b"") if authority.asked == 3 else authority.at(clock())(query, answer)

    authority.answering = now_and_then
    with serving(authority) as address:
        stamps = Stamps(Outward(), address, clock, roots=[authority.root])
        shelf = Shelf(archive, database, tmp_path, clock, stamps=stamps)
        (tmp_path / "seal" / "crl").mkdir()
        (tmp_path / "seal" / "crl" / "time.crl").write_bytes(authority.crl())
        await shelf.close()
        film = shelf.packages.sealed_package(shelf.actor())
    path = tmp_path / "record.asice"
    path.write_bytes(film.stream.read())
    film.stream.close()
    assert authority.asked == 6, (
        "the seal and the archive of one document, the seal of the other; the head, its seal and that of the log key"
    )
    verdict = verify(path, trust=shelf.packages.trust(), head=None, at=clock())
    assert verdict.accepted, verdict.sentence
    told = {check.name: check.sentence for check in verdict.checks}
    assert "by 2 timestamps of an authority" in told["seals"]
    assert "(B-LTA, its time confirmed by a listed authority)" in told["minutes"]
    assert "(B-B, by the signer's own clock)" in told["minutes"]
