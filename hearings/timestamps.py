"""Asks an authority when it is (RFC 3161), and takes no answer that does not hold.

What is sent is a digest. What comes back is believed only if it answers this very question (nonce, imprint,
policy), is signed by an authority for timestamps of valid certificates, and tells a time that our own clock could
have told. An authority is another's machine: it may be away, and nothing here waits for it for long.
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from asn1crypto import core, tsp
from cryptography import x509

from hearings.errors import Unreachable, Unverifiable
from hearings.sentences import say
from hearings.signatures import LARGEST_SEAL, guarded, in_order, leads_to, read_token_over, title
from hearings.web import Web

TOLERANCE = timedelta(seconds=300)
QUERY = "application/timestamp-query"  # RFC 3161 section 3.4
_GRANTED = ("granted", "granted_with_mods")


class Stamps:
    """`roots`: those that its certificate may end in; without any, whoever answers is believed to be the authority.

    `policy`: the object identifier of what it is asked for, such as `1.3.6.1.4.1.99999.1`. Good for many threads at once.
    """

    def __init__(
        self,
        web: Web,
        address: str,
        clock: Callable[[], datetime],
        *,
        roots: Sequence[x509.Certificate] = (),
        policy: str = "",
    ) -> None:
        self.roots = tuple(roots)
        self._web = web
        self._address = address
        self._clock = clock
        self._policy = policy

    def token(self, content: bytes) -> bytes:
        """A TimeStampToken over `content`, DER. Raises: Unreachable, saying why there is none."""
        return self.over(hashlib.sha256(content).digest())

    def over(self, sha256: bytes) -> bytes:
        """The same over what has this digest."""
        nonce = secrets.randbits(63)
        answer = self._web.post(self._address, self._query(sha256, nonce), kind=QUERY, most=LARGEST_SEAL)
        if answer.status != 200:
            raise self._useless(say("It answers with the status {status}.", status=answer.status))
        try:
            token = guarded(lambda: _granted(answer.data), say("What it answers cannot be read."))
            self._check(token, sha256, nonce)
        except Unverifiable as refusal:
            raise self._useless(refusal.sentence) from refusal
        return token

    def _query(self, sha256: bytes, nonce: int) -> bytes:
        asked = {
            "version": "v1",
            "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": sha256},
            "nonce": nonce,
            "cert_req": True,
        }
        data: bytes = tsp.TimeStampReq(asked | ({"req_policy": self._policy} if self._policy else {})).dump()
        return data

    def _check(self, token: bytes, sha256: bytes, nonce: int) -> None:
        stamp = read_token_over(token, sha256)
        info = tsp.ContentInfo.load(token)["content"]["encap_content_info"]["content"].parsed
        if info["nonce"].native != nonce:
            raise Unverifiable(say("The timestamp answers another question."))
        if self._policy and info["policy"].dotted != self._policy:
            raise Unverifiable(say("The timestamp is of another policy than was asked for."))
        if abs(stamp.time - self._clock()) > TOLERANCE:
            raise Unverifiable(say("The time that it tells is not that of our clock."))
        if leads_to(stamp.chain, self.roots, stamp.time) is None and self.roots:
            raise Unverifiable(
                say(
                    "{signer} is not among the authorities that the settings name.",
                    signer=title(stamp.signer),
                )
            )

    def _useless(self, reason: str) -> Unreachable:
        host = urlsplit(self._address).hostname or ""
        return Unreachable(
            say(
                "The authority for timestamps {host} gave none that is of use. {reason}",
                host=host,
                reason=reason,
            )
        )


def roots(file: Path) -> tuple[x509.Certificate, ...]:
    """The certificates in a file (PEM). Raises: Unreachable."""
    try:
        return tuple(x509.load_pem_x509_certificates(file.read_bytes()))
    except (OSError, ValueError) as error:
        raise Unreachable(
            say("The roots of the authority for timestamps cannot be read from {file}.", file=file)
        ) from error


class _Response(core.Sequence):  # type: ignore[misc] # untyped
    """TimeStampResp; asn1crypto's own does not know one that refuses."""

    _fields = [  # noqa: RUF012 # so it wants it
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", tsp.ContentInfo, {"optional": True}),
    ]


def _granted(answer: bytes) -> bytes:
    response = _Response.load(answer, strict=True)
    if response["status"]["status"].native not in _GRANTED:
        raise Unverifiable(say("It refuses to give one."))
    return in_order(response["time_stamp_token"].dump())
