"""Reads the signatures and timestamps of a PDF: who signed which bytes, and what was added afterwards. Makes nothing.

The signature and what became of the pages since are judged by pyHanko, which sees updates after sealing that others
overlook; which bytes a signature is over is counted here, and tokens are read by `signatures`. Nobody is trusted
yet: whether the signer is anybody, the caller says.

Sources: ISO 32000-2, 12.8 (signatures, DSS, document timestamps); EN 319 142-1 (levels of PAdES).
"""

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from asn1crypto import cms, parser
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, pdf_name
from pyhanko.pdf_utils.reader import HistoricalResolver, PdfFileReader
from pyhanko.sign.diff_analysis import DEFAULT_DIFF_POLICY, DiffResult, ModificationLevel
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext

from hearings.errors import Unverifiable
from hearings.sentences import say
from hearings.signatures import Certificate, Signed, guarded, in_order, read_token

T = TypeVar("T")

UNREADABLE = say("This is no PDF that can be read.")
_FOR_SIGNING = KeyUsageConstraints(
    key_usage={"non_repudiation", "digital_signature"}, match_all_key_usages=False
)


class Level(StrEnum):
    """Of PAdES (EN 319 142-1, section 6): signed; with a time of an authority; with what proves it later."""

    B_B = "B-B"
    B_T = "B-T"
    B_LTA = "B-LTA"


class PdfSignature(NamedTuple):
    """A signature, or a document timestamp (`stamp`), in the order in which they were put on.

    `whole`: over every byte of the file. `kept`: over its own revision, and all that was added since is what keeps it
    (DSS and document timestamps), the last of which is over the whole file. `changed`: what was added since is more
    than further signatures. `shown`: there is a picture of it on a page. `fault`: why it does not hold.
    """

    signed: Signed
    stamp: bool
    whole: bool
    kept: bool
    changed: bool
    shown: bool
    level: Level
    fault: str | None


def read(data: bytes) -> tuple[PdfSignature, ...]:
    """Raises: Unverifiable if this is no PDF whose signatures can be read, or one that is encrypted."""
    return guarded(lambda: _apart(lambda: _read(data)), UNREADABLE)


def only_signed_since(original: bytes, data: bytes) -> bool:
    """Whether `data`, which begins with `original`, adds nothing but signatures, timestamps and what keeps them.

    Raises: Unverifiable.
    """

    def reviewing() -> bool:
        before, after = _opened(original), _opened(data)
        revisions = range(before.total_revisions)
        if after.total_revisions <= len(revisions) or any(
            _begins(after, n) != _begins(before, n) for n in revisions
        ):
            return False  # what was added does not build on the original, but replaces it
        found = DEFAULT_DIFF_POLICY.review_file(after, _with_form(after, revisions[-1]))
        return isinstance(found, DiffResult) and found.modification_level <= ModificationLevel.FORM_FILLING

    return guarded(lambda: _apart(reviewing), UNREADABLE)


def sealing(signatures: Sequence[PdfSignature]) -> list[PdfSignature]:
    """Those that stand for the file as it is: over the whole of it, or kept."""
    return [one for one in signatures if not one.stamp and one.fault is None and (one.whole or one.kept)]


def _apart(reading: Callable[[], T]) -> T:
    """In a thread of its own: pyHanko starts an event loop, and the caller may have one already."""
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(reading).result()


def _opened(data: bytes) -> PdfFileReader:
    reader = PdfFileReader(io.BytesIO(data), strict=True)
    if reader.encrypted:
        raise Unverifiable(say("The PDF is encrypted."))
    return reader


def _with_form(reader: PdfFileReader, revision: int) -> HistoricalResolver:
    """A revision without a form counts as one with an empty form: pyHanko compares forms, and typst draws none."""
    resolver = reader.get_historical_resolver(revision)
    if "/AcroForm" not in resolver.root:
        flags = reader.root["/AcroForm"].get("/SigFlags")  # of no weight
        empty = {"/Fields": ArrayObject(), **({"/SigFlags": flags} if flags is not None else {})}
        form = DictionaryObject({pdf_name(name): value for name, value in empty.items()})  # type: ignore[no-untyped-call] # its own omission
        resolver.root[pdf_name("/AcroForm")] = form
    return resolver


def _begins(reader: PdfFileReader, revision: int) -> int:
    """Where the cross-reference table of a revision lies."""
    return int(reader.xrefs.get_startxref_for_revision(revision))


def _read(data: bytes) -> tuple[PdfSignature, ...]:
    reader = _opened(data)
    found = [(one, _end(one, data)) for one in reader.embedded_signatures]
    closed = any(_is_stamp(one) and end == len(data) for one, end in found)
    has_proof = closed and _has_proof(reader)
    return tuple(_judged(one, data, end, closed=closed, has_proof=has_proof) for one, end in found)


def _has_proof(reader: PdfFileReader) -> bool:
    if "/DSS" not in reader.root:
        return False
    store = reader.root["/DSS"]
    return any(kind in store and len(store[kind]) > 0 for kind in ("/CRLs", "/OCSPs"))


def _is_stamp(one: Any) -> bool:
    return bool(one.sig_object_type == "/DocTimeStamp")


def _end(one: Any, data: bytes) -> int:
    """How many bytes of the file a signature is over, but for the hole with its own hexadecimal digits in it."""
    start, first, second, rest = (int(number) for number in one.byte_range)
    hole, end = data[first:second], second + rest
    if start != 0 or not 0 < first < second <= end <= len(data):
        raise Unverifiable(say("A signature of the PDF is over other bytes than from its beginning on."))
    if hole[:1] + hole[-1:] != b"<>" or bytes.fromhex(hole[1:-1].decode("ascii")) != one.pkcs7_content:
        raise Unverifiable(say("A signature of the PDF leaves out more than itself."))
    return end


def _judged(one: Any, data: bytes, end: int, *, closed: bool, has_proof: bool) -> PdfSignature:
    signed, fault = (_read_stamp(one, data, end), None) if _is_stamp(one) else _read_signature(one)
    one.compute_integrity_info()
    whole = end == len(data) and one.coverage == SignatureCoverageLevel.ENTIRE_FILE
    since = one.diff_result.modification_level if isinstance(one.diff_result, DiffResult) else None
    kept = closed and not whole and since is not None and since <= ModificationLevel.LTA_UPDATES
    level = Level.B_T if signed.token is not None else Level.B_B
    return PdfSignature(
        signed=signed,
        stamp=_is_stamp(one),
        whole=whole,
        kept=kept,
        changed=since is None or since > ModificationLevel.FORM_FILLING,
        shown=_is_shown(one),
        level=Level.B_LTA if kept and has_proof else level,
        fault=fault,
    )


def _read_stamp(one: Any, data: bytes, end: int) -> Signed:
    first, second = int(one.byte_range[1]), int(one.byte_range[2])
    return read_token(in_order(_unpadded(one.pkcs7_content)), data[:first] + data[second:end])


def _read_signature(one: Any) -> tuple[Signed, str | None]:
    _unpadded(one.pkcs7_content)
    own: asn1_x509.Certificate = one.signer_cert
    at: datetime | None = one.self_reported_timestamp
    if at is None or at.tzinfo is None:
        raise Unverifiable(say("A signature of the PDF does not say when it was made."))
    chain = _chain_of(own, one.other_embedded_certs)
    signed = Signed(chain, at, bytes(one.signer_info["signature"].native), _token_of(one))
    status = validate_pdf_signature(
        one, _taken([own], at), _taken(_witnesses(signed.token), at), key_usage_settings=_FOR_SIGNING
    )
    if not (status.intact and status.valid):
        return signed, say("The signature does not hold: the file was altered, or the signature was.")
    if not status.docmdp_ok:
        return signed, say("The file was altered after it was signed.")
    if not status.trusted:
        return signed, say("The certificate of the signature is not for signing, or not valid.")
    return signed, None


def _taken(these: Sequence[asn1_x509.Certificate], at: datetime) -> ValidationContext:
    """Whoever it is: who is to be trusted is asked later."""
    return ValidationContext(
        trust_roots=list(these), moment=at, allow_fetching=False, revocation_mode="soft-fail"
    )


def _witnesses(token: bytes | None) -> list[asn1_x509.Certificate]:
    given = cms.ContentInfo.load(token)["content"]["certificates"] if token is not None else ()
    return [one.chosen for one in given if one.name == "certificate"]


def _unpadded(contents: bytes) -> bytes:
    """Without the zeros that fill the room which was set apart for it."""
    value: bytes = contents[: parser.peek(contents)]
    if contents[len(value) :].strip(b"\0"):
        raise Unverifiable(say("There is something behind a signature of the PDF."))
    return value


def _token_of(one: Any) -> bytes | None:
    for attribute in one.signer_info["unsigned_attrs"] or ():
        if attribute["type"].native == "signature_time_stamp_token":
            return in_order(attribute["values"][0].dump())
    return None


def _is_shown(one: Any) -> bool:
    left, bottom, right, top = (float(number) for number in one.sig_field.get("/Rect", (0, 0, 0, 0)))
    return left != right and bottom != top


def _chain_of(own: asn1_x509.Certificate, others: Sequence[asn1_x509.Certificate]) -> tuple[Certificate, ...]:
    chain = [x509.load_der_x509_certificate(own.dump())]
    left = [x509.load_der_x509_certificate(one.dump()) for one in others]
    while chain[-1].subject != chain[-1].issuer:
        above = next((one for one in left if one.subject == chain[-1].issuer), None)
        if above is None:
            break
        chain.append(above)
        left.remove(above)
    return tuple(chain)
