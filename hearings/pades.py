"""The court's seal on a PDF (PAdES), with a time of an authority where there is one, and what proves both years later.

- `seal_pdf`: level B-T where an authority for timestamps answers, else B-B. Nothing of the file is changed: what is
  added begins on a line of its own, as PDF/A wants it, so that a PDF/A stays one.
- `archive_pdf`: level B-LTA: the certificates and revocation lists (DSS), then a timestamp over the whole file. It
  may be done again before the authority's certificate ends. Where a revocation list is lacking nothing is
  added: the level would be claimed and not there.
- The first seal of the service is a certification; over a file that others signed it is an approval, for a file
  can be certified only before anybody else signs. Either admits further signatures, and no other change.

All block for a tenth of a second or so, and as long as the authority takes: call them in a thread.

Sources: EN 319 142-1 (PAdES), ISO 32000-2 12.8.2.2 (DocMDP) and 12.8.4.3 (DSS), ISO 19005-3 (PDF/A-3).
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from io import BytesIO
from itertools import chain, count, zip_longest
from typing import Any, NamedTuple

from asn1crypto import cms
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, PdfTimeStamper, Signer
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko_certvalidator.registry import SimpleCertificateStore

from hearings.errors import Unreachable, Unverifiable
from hearings.seals import CourtSeal
from hearings.sentences import say
from hearings.signatures import (
    Certificate,
    Signed,
    check_not_revoked,
    guarded,
    leads_to,
    read_token,
    title,
)
from hearings.signed_pdf import Level, PdfSignature, read, sealing
from hearings.timestamps import TOLERANCE, Stamps

SEAL_FIELD, STAMP_FIELD = "Seal", "Timestamp"
"""Names of the signature fields that are filled here; a second one is `Seal2`."""

_NO_AUTHORITY = say("No authority for timestamps is configured.")
_NO_TIME = say("The seal was made without a timestamp, and what proves it later must begin with one.")
_ROOM = 32 * 1024  # hexadecimal digits, for a seal with its timestamp or for a timestamp
_LARGEST_TOKEN = 12 * 1024


class Sealed(NamedTuple):
    """`lacking`: why the level is not a higher one; None if it is the highest that was asked for."""

    data: bytes
    level: Level
    lacking: str | None


def seal_pdf(
    pdf: bytes,
    seal: CourtSeal,
    *,
    reason: str,
    at: datetime,
    stamps: Stamps | None = None,
    certify: bool = True,
) -> Sealed:
    """The PDF under a seal over the whole file, said to be made `at` (aware). `certify`: unless somebody signed before.

    Raises: Unreachable if the key of the seal cannot be used; not if there is no timestamp to be had.
    """
    lacking: str = _NO_AUTHORITY
    if stamps is not None:
        try:
            data = _sealed(pdf, seal, reason=reason, at=at, certify=certify, stamper=_Stamper(stamps))
            return Sealed(data, Level.B_T, None)
        except _NoStamp as refusal:
            lacking = refusal.reason
    data = _sealed(pdf, seal, reason=reason, at=at, certify=certify, stamper=None)
    return Sealed(data, Level.B_B, lacking)


def archive_pdf(pdf: bytes, seal: CourtSeal, *, at: datetime, stamps: Stamps | None = None) -> Sealed:
    """The sealed PDF with what proves the seal later, and a timestamp over all of it; as it was if that cannot be had.

    Raises: Unverifiable if it does not bear this seal over the whole file; Unreachable if a revocation list that is there cannot
    be read.
    """
    signatures = read(pdf)
    own = [one for one in sealing(signatures) if one.signed.signer == seal.certificate]
    if not own:
        raise Unverifiable(say("The PDF does not bear the court's seal over the whole file."))
    found = own[-1]
    if stamps is None:
        return Sealed(pdf, found.level, _NO_AUTHORITY)
    if found.signed.token is None:
        return Sealed(pdf, found.level, _NO_TIME)
    chains = _chains(found, seal, stamps, [one.signed for one in signatures if one.stamp])
    lists = _readable(seal.revocations(at))
    check_not_revoked(found.signed, [seal.root], [one.public_bytes(Encoding.DER) for one in lists])
    lacking = next((one for row in chains if (one := _unproved(row, lists, at))), None)
    if lacking is not None:
        sentence = say(
            "The certificate of {owner} has no revocation list of its issuer that is in force.",
            owner=title(lacking),
        )
        return Sealed(pdf, found.level, sentence)
    certificates = dict.fromkeys(one for row in chains for one in row)
    try:
        return Sealed(_archived(pdf, certificates, lists, _Stamper(stamps)), Level.B_LTA, None)
    except _NoStamp as refusal:
        return Sealed(pdf, found.level, refusal.reason)


# --- what has to be proved ---------------------------------------------------------------------


def _chains(
    found: PdfSignature, seal: CourtSeal, stamps: Stamps, earlier: Iterable[Signed]
) -> list[tuple[Certificate, ...]]:
    """From each signer to its root, as far as it is known: the seal's, and those of the timestamps that are there."""
    token, over = found.signed.token, found.signed.signature
    tokens = [*earlier, *([read_token(token, over)] if token is not None else [])]
    chains = [(seal.certificate, *seal.intermediates, seal.root)]
    for one in tokens:
        root = leads_to(one.chain, stamps.roots, one.time)
        chains.append((*one.chain, *([root] if root is not None else [])))
    return list(dict.fromkeys(chains))


def _unproved(
    owners: Sequence[Certificate], lists: Iterable[x509.CertificateRevocationList], at: datetime
) -> Certificate | None:
    """The first that no list in force at that time speaks for; a root needs none."""
    for one, issuer in zip_longest(owners, owners[1:]):
        if one.subject == one.issuer:
            continue
        if issuer is None or not any(_in_force(each, issuer, at) for each in lists):
            return one
    return None


def _readable(lists: Iterable[bytes]) -> list[x509.CertificateRevocationList]:
    return [
        guarded(partial(x509.load_der_x509_crl, one), say("A revocation list cannot be read."))
        for one in lists
    ]


def _in_force(one: x509.CertificateRevocationList, issuer: Certificate, at: datetime) -> bool:
    until = one.next_update_utc
    if one.issuer != issuer.subject or until is None or not one.last_update_utc <= at + TOLERANCE <= until:
        return False
    key: Any = issuer.public_key()
    return guarded(lambda: bool(one.is_signature_valid(key)), say("A revocation list cannot be read."))


# --- pyHanko -----------------------------------------------------------------------------------


class _NoStamp(Exception):
    """No timestamp came; `reason` is a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Stamper(TimeStamper):
    def __init__(self, stamps: Stamps) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # its own omission
        self._stamps = stamps

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        try:
            token = self._stamps.over(message_digest)
        except Unreachable as refusal:
            raise _NoStamp(refusal.sentence) from refusal
        if len(token) > _LARGEST_TOKEN:
            raise _NoStamp(say("The timestamp of the authority is too large for a PDF."))
        return cms.ContentInfo.load(token)


class _Signer(Signer):
    def __init__(self, seal: CourtSeal) -> None:
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call] # its own omission
        store.register_multiple([_for_pyhanko(one) for one in seal.intermediates])
        super().__init__(signing_cert=_for_pyhanko(seal.certificate), cert_registry=store, embed_roots=False)
        self._seal = seal

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:  # noqa: FBT001, FBT002 # given
        return bytes(72) if dry_run else self._seal.signature(data)


def _sealed(
    pdf: bytes, seal: CourtSeal, *, reason: str, at: datetime, certify: bool, stamper: _Stamper | None
) -> bytes:
    meta = PdfSignatureMetadata(
        field_name=_free(pdf, SEAL_FIELD),
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        reason=reason,
        certify=certify and not _fields(pdf, filled=True),
        docmdp_permissions=MDPPerm.FILL_FORMS,
    )

    async def sealing() -> bytes:
        signer = PdfSigner(meta, _Signer(seal), timestamper=stamper)
        session = signer.init_signing_session(_writer(pdf))
        session.system_time = at
        room = _ROOM if stamper else await session.estimate_signature_container_size(validation_info=None)
        document = session.prepare_tbs_document(validation_info=None, bytes_reserved=room)
        output = BytesIO()
        prepared, _ = document.digest_tbs_document(output=output)
        await document.perform_signature(
            document_digest=prepared.document_digest,
            pdf_cms_signed_attrs=PdfCMSSignedAttributes(signing_time=at),
        )
        return output.getvalue()

    return _apart(sealing)


def _archived(
    pdf: bytes,
    certificates: Iterable[Certificate],
    lists: Iterable[x509.CertificateRevocationList],
    stamper: _Stamper,
) -> bytes:
    writer = _writer(pdf)
    DocumentSecurityStore.supply_dss_in_writer(
        writer,
        sig_contents=None,
        certs=[_for_pyhanko(one) for one in certificates],
        crls=[asn1_crl.CertificateList.load(one.public_bytes(Encoding.DER)) for one in lists],
    )

    async def stamping() -> bytes:
        output = BytesIO()
        stamping = PdfTimeStamper(stamper, field_name=_free(pdf, STAMP_FIELD))
        await stamping.async_timestamp_pdf(writer, "sha256", bytes_reserved=_ROOM, output=output)
        return output.getvalue()

    return _apart(stamping)


def _apart(work: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
    """It is asynchronous; this works inside a running loop as well."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()


def _writer(pdf: bytes) -> IncrementalPdfFileWriter:
    return IncrementalPdfFileWriter(BytesIO(pdf if pdf.endswith(b"\n") else pdf + b"\n"))


def _free(pdf: bytes, name: str) -> str:
    taken = _fields(pdf)
    return next(one for one in chain([name], (f"{name}{n}" for n in count(2))) if one not in taken)


def _fields(pdf: bytes, *, filled: bool | None = None) -> set[str]:
    """The names of the signature fields."""
    return {name for name, _, _ in enumerate_sig_fields(PdfFileReader(BytesIO(pdf)), filled_status=filled)}


def _for_pyhanko(one: Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(one.public_bytes(Encoding.DER))
