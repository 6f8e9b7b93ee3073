"""Reads what courts and time-stamp authorities signed, and refuses every shape but one. Makes nothing.

A seal is a detached CAdES signature (ETSI EN 319 122-1; CMS, RFC 5652) in DER: version 1, one digest
algorithm, one signer by issuer and serial number, exactly the signed attributes contentType,
messageDigest, signingTime and signingCertificateV2 (RFC 5035), no CRLs, no unsigned attribute but one
signature timestamp, and the certificates of the signer and the intermediates, without the root. ECDSA with
P-256 or P-384 and s of at most n/2, or RSA from 3072 bits with PKCS#1 v1.5; SHA-256, SHA-384 or SHA-512.
OpenSSL accepts much more, so the shape is checked here, and DER is walked byte by byte before anything is
parsed (X.690, sections 8 and 10; only that defaults are left out is not). A token is RFC 3161.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

from asn1crypto import algos, cms, core, tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from hearings.errors import Unverifiable
from hearings.sentences import say

assert tsp  # registers the attributes of RFC 3161 and RFC 5035 with asn1crypto's CMS

LARGEST_SEAL = 1024 * 1024
ORGANISATION = x509.NameOID.ORGANIZATION_IDENTIFIER
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_ORDERS = {
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp384r1": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}
_SEAL_ATTRIBUTES = ["content_type", "message_digest", "signing_certificate_v2", "signing_time"]
_UNDERSTOOD = {
    x509.OID_BASIC_CONSTRAINTS,
    x509.OID_KEY_USAGE,
    x509.OID_EXTENDED_KEY_USAGE,
    x509.OID_CERTIFICATE_POLICIES,
    x509.OID_SUBJECT_ALTERNATIVE_NAME,
}
_LONGEST_CHAIN = 8

_NOT_DER = say("A seal or token is not in DER.")
_DEEPEST = 40
_SET = 0x31
_ANYTHING = re.compile(rb".*", re.DOTALL)
_PRIMITIVES = {
    0x01: re.compile(rb"\x00|\xff"),
    0x02: re.compile(rb".|[^\x00\xff].+|\x00[\x80-\xff].*|\xff[\x00-\x7f].*", re.DOTALL),
    0x05: re.compile(rb""),
    0x06: re.compile(rb"([\x81-\xff][\x80-\xff]*[\x00-\x7f]|[\x00-\x7f])+"),
    0x17: re.compile(rb"[0-9]{12}Z"),
    0x18: re.compile(rb"[0-9]{14}([.][0-9]*[1-9])?Z"),
    0x30: re.compile(rb"(?!)"),
    0x31: re.compile(rb"(?!)"),
}

Certificate = x509.Certificate
T = TypeVar("T")


class Signed(NamedTuple):
    """Who signed, by their own clock when; `chain` is the signer, then the intermediates given with it."""

    chain: tuple[Certificate, ...]
    time: datetime
    signature: bytes
    token: bytes | None = None

    @property
    def signer(self) -> Certificate:
        return self.chain[0]


def guarded(reading: Callable[[], T], sentence: str) -> T:
    """What `reading` gives; whatever a foreign parser raises becomes the refusal with this sentence."""
    try:
        return reading()
    except Unverifiable:
        raise
    except Exception as error:  # foreign parsers of hostile bytes raise anything
        raise Unverifiable(sentence) from error


def read_seal(seal: bytes, content: bytes) -> Signed:
    """The court's seal over `content`, its shape and signature checked; who the signer is, is not.

    Raises: Unverifiable.
    """
    return guarded(lambda: _read_seal(seal, content), say("This is not a seal of the format's shape."))


def read_token(token: bytes, content: bytes) -> Signed:
    """An RFC 3161 token over `content`; `time` is the authority's. Raises: Unverifiable."""
    return _token_over(token, lambda name: hashlib.new(name, content).digest())


def read_token_over(token: bytes, sha256: bytes) -> Signed:
    """The same over what has this digest. Raises: Unverifiable, also if the token uses another kind of digest."""
    return _token_over(token, lambda name: sha256 if name == "sha256" else b"")


def _token_over(token: bytes, digest: Callable[[str], bytes]) -> Signed:
    return guarded(lambda: _read_token(token, digest), say("This is not a timestamp of the format's shape."))


def in_order(token: bytes) -> bytes:
    """The token with its certificates sorted, as DER wants them (X.690, 11.6): some authorities do not, and no signature
    covers that. Raises: Unverifiable.
    """

    def sorting() -> bytes:
        info = cms.ContentInfo.load(token, strict=True)
        given = info["content"]["certificates"]
        if not isinstance(given, core.Void):
            info["content"]["certificates"] = cms.CertificateSet(sorted(given, key=lambda one: one.dump()))
        return bytes(info.dump())

    return guarded(sorting, say("This is not a timestamp of the format's shape."))


def certificate(pem: bytes) -> Certificate:
    """The one certificate of a PEM file. Raises: Unverifiable."""
    found = guarded(lambda: x509.load_pem_x509_certificates(pem), say("This is not a certificate in PEM."))
    if len(found) != 1:
        raise Unverifiable(say("This is not one certificate in PEM."))
    return found[0]


def fingerprint(one: Certificate) -> str:
    return hashlib.sha256(one.public_bytes(Encoding.DER)).hexdigest()


def title(one: Certificate) -> str:
    """Whom a certificate names, for a sentence."""
    names = [
        str(item.value)
        for kind in (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME)
        for item in one.subject.get_attributes_for_oid(kind)
    ]
    return "".join(letter if letter.isprintable() else "?" for letter in (names or ["unnamed"])[0])


# --- trust in certificates ---------------------------------------------------------------------


def leads_to(
    chain: Sequence[Certificate], anchors: Iterable[Certificate], at: datetime
) -> Certificate | None:
    """The anchor that the chain ends in, every certificate of it valid `at` that time and fit for its part.

    None if it ends in none of them. Raises: Unverifiable if a certificate is not valid or not fit.
    """
    _check_signer(chain[0], at)
    for depth, (one, issuer) in enumerate(pairwise(chain)):
        _check_issued(one, issuer, depth=depth, at=at)
    for anchor in anchors:
        if anchor == chain[-1]:
            return anchor
        if anchor.subject == chain[-1].issuer:
            try:
                _check_issued(chain[-1], anchor, depth=len(chain) - 1, at=at)
            except Unverifiable:
                continue
            return anchor
    return None


def _check_signer(one: Certificate, at: datetime) -> None:
    _check_valid(one, at)
    usage = _extension(one, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise Unverifiable(say("The certificate of {owner} is not for signing.", owner=title(one)))


def _check_valid(one: Certificate, at: datetime) -> None:
    if not one.not_valid_before_utc <= at <= one.not_valid_after_utc:
        raise Unverifiable(
            say("The certificate of {owner} was not valid when it was used.", owner=title(one))
        )
    for extension in one.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise Unverifiable(
                say(
                    "The certificate of {owner} has a condition that is not understood here.",
                    owner=title(one),
                )
            )


def _check_issued(one: Certificate, issuer: Certificate, *, depth: int, at: datetime) -> None:
    _check_valid(issuer, at)
    basic, usage = _extension(issuer, x509.BasicConstraints), _extension(issuer, x509.KeyUsage)
    short = basic is not None and basic.path_length is not None and basic.path_length < depth
    if basic is None or not basic.ca or short or (usage is not None and not usage.key_cert_sign):
        raise Unverifiable(
            say("{issuer} may not issue the certificate of {owner}.", issuer=title(issuer), owner=title(one))
        )
    if one.signature_hash_algorithm is None or one.signature_hash_algorithm.name not in _HASHES:
        raise Unverifiable(
            say("The certificate of {owner} is signed with a digest too weak.", owner=title(one))
        )
    try:
        one.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError) as error:
        raise Unverifiable(
            say(
                "The certificate of {owner} was not issued by {issuer}.",
                owner=title(one),
                issuer=title(issuer),
            )
        ) from error


def _extension(one: Certificate, kind: type[T]) -> T | None:
    for extension in one.extensions:
        if isinstance(extension.value, kind):
            return extension.value
    return None


def is_authority(one: Certificate) -> bool:
    basic = _extension(one, x509.BasicConstraints)
    return basic is not None and basic.ca


def organisation(one: Certificate) -> str | None:
    """The organizationIdentifier (ETSI EN 319 412-1) of the subject, if it states exactly one."""
    stated = one.subject.get_attributes_for_oid(ORGANISATION)
    return str(stated[0].value) if len(stated) == 1 else None


def check_not_revoked(signed: Signed, issuers: Iterable[Certificate], crls: Iterable[bytes]) -> None:
    """Raises: Unverifiable if a CRL of an issuer of the chain names one of it, revoked at signing time.

    A CRL can only refuse; one that nobody known has signed says nothing.
    """
    known = [*signed.chain, *issuers]
    for data in crls:
        crl = guarded(partial(x509.load_der_x509_crl, data), say("A revocation list cannot be read."))
        if any(_signed_by(crl, issuer) for issuer in known if issuer.subject == crl.issuer):
            for one in signed.chain:
                entry = crl.get_revoked_certificate_by_serial_number(one.serial_number)
                if entry and one.issuer == crl.issuer and entry.revocation_date_utc <= signed.time:
                    raise Unverifiable(
                        say("The certificate of {owner} was revoked when it was used.", owner=title(one))
                    )


def _signed_by(crl: x509.CertificateRevocationList, issuer: Certificate) -> bool:
    key: Any = issuer.public_key()
    return guarded(lambda: bool(crl.is_signature_valid(key)), say("A revocation list cannot be read."))


# --- CMS ---------------------------------------------------------------------------------------


def _signed_data(data: bytes) -> cms.SignedData:
    if len(data) > LARGEST_SEAL:
        raise Unverifiable(say("A seal or token is larger than the format allows."))
    if len(_values(data, depth=1)) != 1:
        raise Unverifiable(say("There is something behind the seal or token."))
    info = cms.ContentInfo.load(data, strict=True)
    if info["content_type"].native != "signed_data":
        raise Unverifiable(say("A seal or token is not CMS signed data."))
    return info["content"]


def _values(data: bytes, *, depth: int) -> list[bytes]:
    """The encodings of the values that `data` is a row of, each checked to be DER. Raises: Unverifiable."""
    found, place = [], 0
    while place < len(data):
        tag, body = data[place], _body(data, place)
        if tag & 0x20 and depth < _DEEPEST:
            inner = _values(data[body], depth=depth + 1)
            if tag == _SET and inner != sorted(inner):
                raise Unverifiable(_NOT_DER)
        elif tag & 0x20 or not _PRIMITIVES.get(tag, _ANYTHING).fullmatch(data[body]):
            raise Unverifiable(_NOT_DER)
        found.append(data[place : body.stop])
        place = body.stop
    return found


def _body(data: bytes, place: int) -> slice:
    """Where the contents of the value at `place` lie: one-byte tag, definite length in its shortest form."""
    tag, length, start = data[place], *data[place + 1 : place + 2], place + 2
    if length & 0x80:
        given = data[start : start + (length & 0x7F)]
        start, length = start + len(given), int.from_bytes(given, "big")
        if len(given) not in (1, 2, 3) or given[0] == 0 or length < 0x80:
            raise Unverifiable(_NOT_DER)
    structured = tag in (0x30, _SET) or tag & 0xC0
    if tag & 0x1F == 0x1F or start + length > len(data) or (tag & 0x20 and not structured):
        raise Unverifiable(_NOT_DER)
    return slice(start, start + length)


def _read_seal(seal: bytes, content: bytes) -> Signed:
    data = _signed_data(seal)
    signer = _only_signer(data, version="v1")
    inner = data["encap_content_info"]
    if inner["content_type"].native != "data" or not isinstance(inner["content"], core.Void):
        raise Unverifiable(say("The seal is not a detached one."))
    attributes = _attributes(signer)
    if sorted(attributes) != _SEAL_ATTRIBUTES:
        raise Unverifiable(say("The seal has other signed attributes than the four of the format."))
    if attributes["content_type"].native != "data":
        raise Unverifiable(say("The seal says another type of content."))
    chain = _chain(_given(data), signer)
    _check_signature(signer, attributes, chain[0], content)
    _check_low(chain[0].public_key(), signer["signature"].native)
    return Signed(chain, attributes["signing_time"].native, signer["signature"].native, _timestamp(signer))


def _only_signer(data: cms.SignedData, *, version: str) -> cms.SignerInfo:
    if data["version"].native != version or not isinstance(data["crls"], core.Void):
        raise Unverifiable(say("The signed data has another version, or revocation lists."))
    if len(data["digest_algorithms"]) != 1 or len(data["signer_infos"]) != 1:
        raise Unverifiable(say("The signed data must have one digest algorithm and one signer."))
    signer = data["signer_infos"][0]
    if signer["version"].native != "v1" or signer["sid"].name != "issuer_and_serial_number":
        raise Unverifiable(say("The signer is not named by issuer and serial number."))
    if data["digest_algorithms"][0].dump() != signer["digest_algorithm"].dump():
        raise Unverifiable(say("The digest algorithms of the signed data differ."))
    return signer


def _digest_name(algorithm: algos.DigestAlgorithm) -> str:
    name = algorithm["algorithm"].native
    if name not in _HASHES or algorithm["parameters"].native is not None:
        raise Unverifiable(say("The seal uses a digest that the format does not know."))
    return str(name)


def _check_order(values: Iterable[Any]) -> None:
    """A set under a context tag is a set all the same (X.690, 11.6)."""
    encoded = [value.dump() for value in values]
    if encoded != sorted(encoded):
        raise Unverifiable(_NOT_DER)


def _attributes(signer: cms.SignerInfo) -> dict[str, Any]:
    found: dict[str, Any] = {}
    _check_order(signer["signed_attrs"])
    for attribute in signer["signed_attrs"]:
        name = attribute["type"].native
        if name in found or len(attribute["values"]) != 1:
            raise Unverifiable(say("A signed attribute stands twice, or has not one value."))
        found[name] = attribute["values"][0]
    return found


def _timestamp(signer: cms.SignerInfo) -> bytes | None:
    unsigned = signer["unsigned_attrs"]
    if isinstance(unsigned, core.Void):
        return None
    attribute = unsigned[0] if len(unsigned) == 1 else None
    if attribute is None or attribute["type"].native != "signature_time_stamp_token":
        raise Unverifiable(say("The seal has an unsigned attribute that is no timestamp."))
    if len(attribute["values"]) != 1:
        raise Unverifiable(say("The seal has more than one timestamp."))
    token: bytes = attribute["values"][0].dump()
    return token


def _given(data: cms.SignedData) -> list[cms.CertificateChoices]:
    given = [] if isinstance(data["certificates"], core.Void) else list(data["certificates"])
    if not 0 < len(given) <= _LONGEST_CHAIN:
        raise Unverifiable(say("The signed data has no certificates, or too many."))
    _check_order(given)
    if any(one.name != "certificate" for one in given):
        raise Unverifiable(say("The signed data has a certificate of an unknown kind."))
    return given


def _chain(given: list[cms.CertificateChoices], signer: cms.SignerInfo) -> tuple[Certificate, ...]:
    """All certificates given, the signer first, each followed by its issuer. Raises: Unverifiable."""
    left = [(one.chosen, x509.load_der_x509_certificate(one.chosen.dump())) for one in given]
    sid = signer["sid"].chosen
    named = sid["issuer"].dump(), sid["serial_number"].native
    first = [own for raw, own in left if (raw.issuer.dump(), raw.serial_number) == named]
    if len(first) != 1:
        raise Unverifiable(say("The certificate of the signer is not there, or there twice."))
    return _ordered(first[0], [own for _, own in left if own is not first[0]])


def _ordered(first: Certificate, left: list[Certificate]) -> tuple[Certificate, ...]:
    chain = [first]
    while left:
        issuer = next((one for one in left if one.subject == chain[-1].issuer), None)
        if issuer is None or issuer.subject == issuer.issuer:
            raise Unverifiable(
                say("There is a certificate that is neither the signer's nor an intermediate one.")
            )
        chain.append(issuer)
        left.remove(issuer)
    return tuple(chain)


def _check_signature(
    signer: cms.SignerInfo, attributes: dict[str, Any], own: Certificate, content: bytes
) -> None:
    name = _digest_name(signer["digest_algorithm"])
    if attributes["message_digest"].native != hashlib.new(name, content).digest():
        raise Unverifiable(say("The seal is over other bytes."))
    _check_certificate_named(attributes, own)
    signed = b"\x31" + signer["signed_attrs"].dump()[1:]  # RFC 5652 section 5.4: as SET OF, not as [0]
    algorithm, value = signer["signature_algorithm"], signer["signature"].native
    if algorithm["parameters"].native is not None:
        raise Unverifiable(say("The seal uses a signature algorithm that the format does not know."))
    try:
        _verify(own.public_key(), algorithm["algorithm"].native, name, value, signed)
    except InvalidSignature as error:
        raise Unverifiable(say("The signature of the seal does not hold.")) from error


def _check_certificate_named(attributes: dict[str, Any], own: Certificate) -> None:
    v2 = "signing_certificate_v2" in attributes
    named = attributes["signing_certificate_v2" if v2 else "signing_certificate"]
    one = named["certs"][0]
    if v2 and (len(named["certs"]) != 1 or not isinstance(named["policies"], core.Void)):
        raise Unverifiable(say("The seal names more than one certificate, or policies."))
    name = _digest_name(one["hash_algorithm"]) if v2 else "sha1"
    der = own.public_bytes(Encoding.DER)
    if one["cert_hash"].native != hashlib.new(name, der, usedforsecurity=v2).digest():
        raise Unverifiable(say("The seal names another certificate than the signer's."))
    serial = one["issuer_serial"]
    if not isinstance(serial, core.Void) and serial["serial_number"].native != own.serial_number:
        raise Unverifiable(say("The seal names another certificate than the signer's."))


def _check_low(key: Any, value: bytes) -> None:
    """The other s that OpenSSL takes as well would let anybody change the bytes of a seal."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        r, s = decode_dss_signature(value)
        if s > _ORDERS[key.curve.name] // 2 or encode_dss_signature(r, s) != value:
            raise Unverifiable(say("The signature of the seal is not in its one form (s is too large)."))


def _verify(key: Any, algorithm: str, digest: str, value: bytes, signed: bytes) -> None:
    match key:
        case ec.EllipticCurvePublicKey() if key.curve.name in _ORDERS and algorithm == f"{digest}_ecdsa":
            key.verify(value, signed, ec.ECDSA(_HASHES[digest]))
        case rsa.RSAPublicKey() if key.key_size >= 3072 and algorithm in ("rsassa_pkcs1v15", f"{digest}_rsa"):
            key.verify(value, signed, padding.PKCS1v15(), _HASHES[digest])
        case _:
            raise Unverifiable(say("The seal uses a key or algorithm that the format does not know."))


def _read_token(token: bytes, digest: Callable[[str], bytes]) -> Signed:
    data = _signed_data(token)
    signer = _only_signer(data, version="v3")
    inner = data["encap_content_info"]
    attributes = _attributes(signer)
    if inner["content_type"].native != "tst_info" or attributes["content_type"].native != "tst_info":
        raise Unverifiable(say("This is not a timestamp."))
    given = [one for one in _given(data) if one.chosen.subject != one.chosen.issuer]  # some give their root
    chain = _chain(given, signer)
    _check_signature(signer, attributes, chain[0], inner["content"].contents)
    info = inner["content"].parsed
    imprint = info["message_imprint"]
    if imprint["hashed_message"].native != digest(_digest_name(imprint["hash_algorithm"])):
        raise Unverifiable(say("The timestamp is over other bytes."))
    usage = _extension(chain[0], x509.ExtendedKeyUsage)
    if usage is None or list(usage) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise Unverifiable(say("The timestamp is not signed by an authority for timestamps."))
    return Signed(chain, info["gen_time"].native.astimezone(UTC), signer["signature"].native)
