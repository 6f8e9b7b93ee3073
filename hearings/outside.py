"""A document that was signed elsewhere: downloaded, signed with a card on a person's own machine, and brought back.

What comes back is taken only if it is that very file with signatures added behind it, the last over all of it, and
nothing else. Who issued the certificate is not asked: this service keeps no list of the issuers of all States. What
was not checked is told with the signature, so that nobody takes it for more than it is. Afterwards the court's seal is
put over the whole (`pades.seal_pdf`, as an approval), and whoever verifies the record checks that.

Sources: ISO 32000-2, 12.8; EN 319 142-1; RFC 5280, section 4.2.1 (what a certificate is for); RFC 9336.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hearings.errors import NotValid, Unverifiable
from hearings.sentences import say
from hearings.signatures import Certificate, Signed, fingerprint, guarded, leads_to, read_token, title
from hearings.signed_pdf import UNREADABLE, Level, PdfSignature, only_signed_since, read, sealing
from hearings.timestamps import TOLERANCE

LARGEST = 16 * 1024 * 1024
WEAKEST_RSA = 2048  # bits
_UNREADABLE = say("A certificate in the file cannot be read.")
_UNRELIABLE = say(
    "The program that signed the file has written it in a way that cannot be relied on. Sign it with another program."
)
_FOR_DOCUMENTS = {
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string,
    ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string,
    "1.3.6.1.5.5.7.3.36",  # documentSigning, RFC 9336
    "1.3.6.1.4.1.311.10.3.12",  # document signing, Microsoft
    "1.2.840.113583.1.1.5",  # authentic documents, Adobe
}


class OutsideSignature(NamedTuple):
    """`fingerprint`: SHA-256 of the certificate's DER, hex. `time`: by the signer's clock, or an authority's if there is a
    timestamp. `unchecked`: sentences. `others`: those who signed before in the same upload.
    """

    name: str
    organisation: str | None
    fingerprint: str
    time: datetime
    level: Level
    unchecked: tuple[str, ...]
    others: tuple["OutsideSignature", ...] = ()


def accepted(original: bytes, uploaded: bytes, at: datetime) -> OutsideSignature:
    """The signature that is over the whole of `uploaded`, which came back `at` for `original`.

    Raises: NotValid, saying why it is not taken.
    """
    try:
        told = [guarded(partial(_told, one, at), _UNREADABLE) for one in _added(original, uploaded)]
    except Unverifiable as refusal:
        raise _not_taken(refusal.sentence) from refusal
    return told[-1]._replace(others=tuple(told[:-1]))


def _added(original: bytes, uploaded: bytes) -> list[PdfSignature]:
    """The signatures that were added, all of which hold, the last of them for the whole file."""
    if len(uploaded) > LARGEST:
        raise _not_taken(say("The file is larger than {n} MiB.", n=LARGEST // 1024 // 1024))
    if not uploaded.startswith(b"%PDF-"):
        raise _not_taken(say("This is not a PDF."))
    if uploaded == original:
        raise _not_taken(say("There is no signature in the file: it is as it was downloaded."))
    try:
        found = read(uploaded)
    except Unverifiable as refusal:
        if refusal.sentence == UNREADABLE and uploaded.startswith(original):
            raise _not_taken(_UNRELIABLE) from refusal
        raise
    if not uploaded.startswith(original):
        raise _not_taken(
            say(
                "This is not the file that was downloaded with a signature added to it: it is another one, or the "
                "program has written it anew. Sign the file that you downloaded, without opening and saving it before."
            )
        )
    added = [one for one in found[len(read(original)) :] if not one.stamp]
    if not added:
        raise _not_taken(say("There is no signature in the file."))
    if not only_signed_since(original, uploaded):
        raise _not_taken(
            say(
                "Something else than signatures was added to the file, or it was certified instead of signed: it is not what was to be signed."
            )
        )
    if added[-1] not in sealing(added) and added[-1].fault is None:
        raise _not_taken(say("The signature is not over the whole file: something was added after it."))
    return added


def _told(one: PdfSignature, at: datetime) -> OutsideSignature:
    signed, own = one.signed, one.signed.signer
    if signed.time > at + TOLERANCE:
        raise Unverifiable(say("The signature of {name} lies in the future.", name=title(own)))
    for moment in (signed.time, at):
        leads_to(signed.chain, (), moment)
    _check_fit(own)
    if one.fault is not None:
        raise Unverifiable(one.fault)
    stamp = _stamp(signed)
    stated = own.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return OutsideSignature(
        name=title(own),
        organisation=str(stated[0].value) if stated else None,
        fingerprint=fingerprint(own),
        time=stamp.time if stamp else signed.time,
        level=one.level if stamp or one.level is not Level.B_T else Level.B_B,
        unchecked=tuple(_unchecked(one, stamp)),
    )


def _stamp(signed: Signed) -> Signed | None:
    """The time of an authority, if there is one that can be read here: others are not to blame for old machines."""
    if signed.token is None:
        return None
    try:
        return read_token(signed.token, signed.signature)
    except Unverifiable:
        return None


def _check_fit(own: Certificate) -> None:
    """Raises: Unverifiable unless it is for signing documents, with a key that is strong enough."""
    key = own.public_key()
    strong = isinstance(key, ec.EllipticCurvePublicKey) or (
        isinstance(key, rsa.RSAPublicKey) and key.key_size >= WEAKEST_RSA
    )
    if not strong:
        raise Unverifiable(say("The key of {owner} is of a kind that is not taken here.", owner=title(own)))
    for extension in own.extensions:
        if isinstance(extension.value, x509.ExtendedKeyUsage):
            uses = {one.dotted_string for one in extension.value}
            if not uses & _FOR_DOCUMENTS:
                raise Unverifiable(
                    say("The certificate of {owner} is not for signing documents.", owner=title(own))
                )


def _unchecked(one: PdfSignature, stamp: Signed | None) -> Iterator[str]:
    issuer = one.signed.signer.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(issuer[0].value) if issuer else one.signed.signer.issuer.rfc4514_string()
    yield say(
        "Whether {issuer}, who issued the certificate, is to be trusted, and whether it was revoked.",
        issuer=name,
    )
    if stamp is None:
        yield say("The time: it is that of the signer's own clock.")
    else:
        yield say(
            "Whether {authority}, who confirms the time, is to be trusted.", authority=title(stamp.signer)
        )
    if one.shown:
        yield say("Whether the picture of the signature on a page covers any words.")


def _not_taken(sentence: str) -> NotValid:
    return NotValid(sentence, field="file")
