"""The court's electronic seal: its certificate, and detached CAdES signatures made with it.

The shape of a signature is that of FORMAT.md (ETSI EN 319 122-1; CMS, RFC 5652, section 5): DER, SHA-256,
ECDSA P-256 with the smaller s, four signed attributes, no unsigned one but a timestamp, the signer's and the intermediate
certificates without the root. A court that has no certificate gets an authority and a seal of its own on
first use; whoever receives its records compares the fingerprint once. The key lies in a file or in a token
(`sealkeys`); of a court's own authority the key is kept as well, for its revocation lists.
"""

import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from asn1crypto import cms, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from hearings.errors import Unreachable
from hearings.sealkeys import FileKey, SealKey, TokenKey, TokenPlace
from hearings.sentences import say
from hearings.timestamps import Stamps

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256, SP 800-186
_FIRST_WITHOUT_UTC_TIME = 2050  # RFC 5652 section 11.3
_ROOT_YEARS, _SEAL_YEARS = 25, 10
ROOT_KEY, SEAL_KEY = "root-key.pem", "seal-key.pem"


@dataclass(frozen=True)
class CourtSeal:
    """A key with its certificate, the intermediates above it, and the root that they end in."""

    key: SealKey
    certificate: x509.Certificate
    intermediates: tuple[x509.Certificate, ...]
    root: x509.Certificate
    folder: Path | None = None

    def sign(self, content: bytes, at: datetime, stamps: Stamps | None = None) -> bytes:
        """The detached CAdES signature over `content` with signing time `at` (whole seconds), DER.

        With a timestamp over the signature, if `stamps` answer; whether they did, the signature tells
        (`signatures.read_seal`). Raises: Unreachable if the key cannot be used.
        """
        own = asn1_x509.Certificate.load(self.certificate.public_bytes(Encoding.DER))
        attributes = _signed_attributes(content, own, at.astimezone(UTC).replace(microsecond=0))
        algorithm = {"algorithm": "sha256"}
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    "issuer_and_serial_number",
                    cms.IssuerAndSerialNumber({"issuer": own.issuer, "serial_number": own.serial_number}),
                ),
                "digest_algorithm": algorithm,
                "signed_attrs": attributes,
                "signature_algorithm": {"algorithm": "sha256_ecdsa"},
                "signature": self.signature(attributes.dump()),
            }
        )
        if stamps is not None:
            with suppress(Unreachable):  # a timestamp can be lacking, a seal cannot
                signer["unsigned_attrs"] = _timestamp(stamps.token(signer["signature"].native))
        given = [one.public_bytes(Encoding.DER) for one in (self.certificate, *self.intermediates)]
        data = {
            "version": "v1",
            "digest_algorithms": [algorithm],
            "encap_content_info": {"content_type": "data"},
            "certificates": [asn1_x509.Certificate.load(one) for one in given],
            "signer_infos": [signer],
        }
        sealed: bytes = cms.ContentInfo(
            {"content_type": "signed_data", "content": cms.SignedData(data)}
        ).dump()
        return sealed

    def signature(self, signed: bytes) -> bytes:
        """ECDSA with SHA-256 and the smaller s, DER. Raises: Unreachable."""
        r, s = decode_dss_signature(self.key.sign(signed))
        return encode_dss_signature(r, min(s, _ORDER - s))

    def revocations(self, at: datetime) -> tuple[bytes, ...]:
        """The revocation lists (DER) that are there for this seal: the files `crl/*.crl` of its folder; of an authority of
        our own, which has no other place to publish one, a list that is made now. Raises: Unreachable.
        """
        if self.folder is None:
            return ()
        try:
            given = tuple(path.read_bytes() for path in sorted((self.folder / "crl").glob("*.crl")))
            issuers = [x509.load_der_x509_crl(one).issuer for one in given]
            if self.root.subject in issuers or not (self.folder / ROOT_KEY).exists():
                return given
            return (*given, _nothing_revoked(self.root, _private(self.folder / ROOT_KEY), at))
        except (OSError, ValueError, TypeError) as error:
            raise Unreachable(
                say("The revocation lists of the seal in {folder} cannot be read.", folder=self.folder)
            ) from error


def found(
    folder: Path, *, court: str, organisation_identifier: str, at: datetime, token: TokenPlace | None = None
) -> CourtSeal:
    """The seal kept in `folder`; if there is none, a new authority and seal, written whole or not at all.

    `organisation_identifier` as in ETSI EN 319 412-1, such as `NTRXX-123`. With a `token` nothing is founded: its
    certificates must be there. Raises: Unreachable.
    """
    if token is None and not (folder / "seal.pem").exists():
        root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root = _certificate(
            subject=_name(court, organisation_identifier, "certification authority"), key=root_key, at=at
        )
        subject = _name(court, organisation_identifier, "seal")
        own = _certificate(subject=subject, key=key, at=at, issuer=(root, root_key))
        contents = {"root.pem": _pem(root), "seal.pem": _pem(own)}
        _keep(folder, {**contents, ROOT_KEY: _key_pem(root_key), SEAL_KEY: _key_pem(key)})
    return load(folder, token)


def load(folder: Path, token: TokenPlace | None = None) -> CourtSeal:
    """The seal kept in `folder`: seal.pem (with its intermediates), root.pem, and seal-key.pem unless its key is in a token.

    Raises: Unreachable if it is not there, not whole, or its parts do not belong together.
    """
    try:
        own, *intermediates = x509.load_pem_x509_certificates((folder / "seal.pem").read_bytes())
        root = x509.load_pem_x509_certificate((folder / "root.pem").read_bytes())
        public = own.public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != "secp256r1":
            raise Unreachable(
                say("The key of the seal in {folder} is not of the curve P-256.", folder=folder)
            )
        key: SealKey = TokenKey(token, public) if token else FileKey(_private(folder / SEAL_KEY))
    except (OSError, ValueError, TypeError) as error:
        raise Unreachable(say("The court's seal in {folder} cannot be read.", folder=folder)) from error
    if key.public_key() != public:
        raise Unreachable(
            say("The key and the certificate of the seal in {folder} do not belong together.", folder=folder)
        )
    return CourtSeal(key, own, tuple(intermediates), root, folder)


def _private(path: Path) -> ec.EllipticCurvePrivateKey:
    """Raises: OSError, ValueError, TypeError."""
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError
    return key


def _timestamp(token: bytes) -> cms.CMSAttributes:
    """ETSI EN 319 122-1, section 5.3."""
    value = cms.ContentInfo.load(token)
    return cms.CMSAttributes([cms.CMSAttribute({"type": "signature_time_stamp_token", "values": [value]})])


def _signed_attributes(content: bytes, own: asn1_x509.Certificate, at: datetime) -> cms.CMSAttributes:
    kind = "utc_time" if at.year < _FIRST_WITHOUT_UTC_TIME else "generalized_time"
    named = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(own.dump()).digest()})
    values = {
        "content_type": "data",
        "message_digest": hashlib.sha256(content).digest(),
        "signing_time": cms.Time({kind: at}),
        "signing_certificate_v2": tsp.SigningCertificateV2({"certs": [named]}),
    }
    return cms.CMSAttributes(
        [cms.CMSAttribute({"type": name, "values": [value]}) for name, value in values.items()]
    )


def _name(court: str, organisation_identifier: str, part: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, court[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, organisation_identifier),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{court[: 63 - len(part)]} {part}"),
        ]
    )


def _certificate(
    *,
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    at: datetime,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None,
) -> x509.Certificate:
    """A root if there is no `issuer`, else a seal certificate; valid from an hour before `at`."""
    above, signing = issuer or (None, key)
    years = _SEAL_YEARS if above else _ROOT_YEARS
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above.subject if above else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + timedelta(days=365 * years))
        .add_extension(
            x509.BasicConstraints(ca=above is None, path_length=None if above else 0), critical=True
        )
        .add_extension(_usage(authority=above is None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(identifier, critical=False)
        .sign(signing, hashes.SHA256())
    )


def _nothing_revoked(root: x509.Certificate, key: ec.EllipticCurvePrivateKey, at: datetime) -> bytes:
    """A revocation list without entries (RFC 5280, section 5), good as long as the root."""
    now = at.astimezone(UTC).replace(microsecond=0)
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root.subject)
        .last_update(now)
        .next_update(root.not_valid_after_utc)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return crl.public_bytes(Encoding.DER)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(one: x509.Certificate) -> bytes:
    return one.public_bytes(Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _keep(folder: Path, contents: dict[str, bytes]) -> None:
    """All files or none: a folder beside it is filled, forced to disk, and takes the name."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            for name, data in contents.items():
                _write(draft / name, data, mode=0o600 if name.endswith("-key.pem") else 0o644)
            _force(draft)
            os.rename(draft, folder)  # noqa: PTH104  # onto an empty folder at most
            _force(folder.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        if not (folder / "seal.pem").exists():  # else another process has just founded it
            raise Unreachable(say("The court's seal cannot be kept in {folder}.", folder=folder)) from error


def _write(path: Path, data: bytes, *, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _force(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
