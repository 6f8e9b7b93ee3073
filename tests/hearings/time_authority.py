"""A real authority for timestamps: `openssl ts` behind HTTP on this machine, with certificates of its own making.

`answering` stands between it and whoever asks: it is given the query and the good answer, and says what goes out.
"""

import subprocess
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POLICY = "1.2.3.4.1"
CONFIGURATION = """[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
{more}
signer_digest = sha256
default_policy = {policy}
digests = sha256
ess_cert_id_alg = sha256
"""

Answering = Callable[[bytes, bytes], tuple[int, bytes]]


def as_it_is(query: bytes, answer: bytes) -> tuple[int, bytes]:
    return 200, answer


class TimeAuthority:
    """`more`: further lines of openssl's configuration; `since`: from a day before then its certificates are valid, for ten
    days. Give its root to whoever is to trust it.
    """

    def __init__(self, folder: Path, more: str = "", since: datetime | None = None) -> None:
        folder.mkdir()
        self.folder = folder
        self.answering: Answering = as_it_is
        self.since = since or datetime.now(UTC)
        self.asked = 0
        self._one_at_a_time = threading.Lock()
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.root = certified("Root of time", self._root_key, since=since)
        self.certificate = certified(
            "Authority of time", self.key, issuer=(self.root, self._root_key), since=since
        )
        (folder / "root.pem").write_bytes(self.root.public_bytes(Encoding.PEM))
        (folder / "tsa.pem").write_bytes(self.certificate.public_bytes(Encoding.PEM))
        (folder / "tsa.key").write_bytes(pem(self.key))
        (folder / "serial").write_text("01\n")
        more = more.format(folder=folder)
        (folder / "tsa.cnf").write_text(CONFIGURATION.format(folder=folder, policy=POLICY, more=more))

    def answer(self, query: bytes) -> bytes:
        """openssl's TimeStampResp."""
        with self._one_at_a_time:
            self.asked += 1
            (self.folder / "query.tsq").write_bytes(query)
            words = [
                "openssl",
                "ts",
                "-reply",
                "-config",
                "tsa.cnf",
                "-queryfile",
                "query.tsq",
                "-out",
                "reply",
            ]
            subprocess.run(words, cwd=self.folder, check=True, capture_output=True)
            return (self.folder / "reply").read_bytes()

    def at(self, time: datetime) -> Answering:
        """Answers that tell this time."""
        return lambda query, answer: (
            200,
            self.changed(answer, lambda info: info.__setitem__("gen_time", time.replace(microsecond=0))),
        )

    def crl(self, *revoked: int) -> bytes:
        """A revocation list of its root, DER; `revoked`: serial numbers."""
        now = self.since.replace(microsecond=0)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.root.subject)
        builder = builder.last_update(now - timedelta(hours=6)).next_update(now + timedelta(days=9))
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial)
            builder = builder.add_revoked_certificate(entry.revocation_date(now - timedelta(days=1)).build())
        return builder.sign(self._root_key, hashes.SHA256()).public_bytes(Encoding.DER)

    def changed(self, answer: bytes, change: Callable[[tsp.TSTInfo], None]) -> bytes:
        """The answer with its content changed, and signed again by the authority itself."""
        response = tsp.TimeStampResp.load(answer)
        data = response["time_stamp_token"]["content"]
        info = data["encap_content_info"]["content"].parsed.copy()
        change(info)
        content = cms.ParsableOctetString(info.dump(force=True))
        data["encap_content_info"] = cms.EncapsulatedContentInfo(
            {"content_type": "tst_info", "content": content}
        )
        signer = data["signer_infos"][0]
        digest = hashes.Hash(hashes.SHA256())
        digest.update(content.contents)
        attributes = [one.copy() for one in signer["signed_attrs"]]
        for one in attributes:
            if one["type"].native == "message_digest":
                one["values"] = [digest.copy().finalize()]
        signer["signed_attrs"] = cms.CMSAttributes(sorted(attributes, key=lambda one: one.dump()))
        signed = b"\x31" + signer["signed_attrs"].dump()[1:]
        signer["signature"] = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return bytes(response.dump())


@contextmanager
def serving(authority: TimeAuthority):
    """Its address, as long as it answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["content-length"]))
            if self.headers["content-type"] != "application/timestamp-query":
                self.send_error(415)
                return
            status, data = authority.answering(query, authority.answer(query))
            with suppress(ConnectionError):  # who asked has gone
                self.send_response(status)
                self.send_header("content-type", "application/timestamp-reply")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        def log_message(self, *words) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def certified(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    *,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.TIME_STAMPING,
    since: datetime | None = None,
) -> x509.Certificate:
    """A root, or what it issued for one `usage`; valid from a day before for ten days."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    above, signing = issuer or (None, key)
    now = since or datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above.subject if above else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=9))
        .add_extension(x509.BasicConstraints(ca=above is None, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=above is not None,
                content_commitment=False,
                key_cert_sign=above is None,
                crl_sign=above is None,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if above:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    return builder.sign(signing, hashes.SHA256())


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
