"""The private key of the court's seal: in a file, or in a token that never gives it away (an HSM, a card).

A token is spoken to by PKCS#11 (OASIS, version 2.40). It signs a digest that is made here, by the raw mechanism
CKM_ECDSA, because not every token hashes. Login is one for all sessions of a program, so one signature is
made at a time and each opens and closes its own session: a token that was pulled out works again when it is
back, at the second attempt at the latest. What comes out is verified before it is given on, so a token with another key seals nothing.
"""

import hashlib
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Protocol

import pkcs11
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from pkcs11.util.ec import encode_ecdsa_signature

from hearings.errors import Unreachable
from hearings.sentences import say

_DIGEST = ec.ECDSA(hashes.SHA256())
_alone = Lock()


class SealKey(Protocol):
    """A key on the curve P-256; good for many threads at once."""

    def public_key(self) -> ec.EllipticCurvePublicKey: ...

    def sign(self, data: bytes) -> bytes:
        """ECDSA over the SHA-256 of `data`, in DER (RFC 3279, section 2.2.3). Raises: Unreachable."""


class FileKey(NamedTuple):
    private: ec.EllipticCurvePrivateKey

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self.private.public_key()

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data, _DIGEST)


class TokenPlace(NamedTuple):
    """Which key: the library of the token's maker, the token's label, the key's label, a file with the user's PIN."""

    module: Path
    token: str
    label: str
    pin_file: Path


class TokenKey:
    """The key in a token that belongs to `public`. Whether it is there shows when it signs."""

    def __init__(self, place: TokenPlace, public: ec.EllipticCurvePublicKey) -> None:
        self._place = place
        self._public = public
        self._refused: str | None = None

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    def sign(self, data: bytes) -> bytes:
        pin = self._pin()
        with _alone:
            if pin == self._refused:  # a token locks itself after a few wrong ones
                raise self._pin_refused()
            value = encode_ecdsa_signature(self._asked(hashlib.sha256(data).digest(), pin))
        try:
            self._public.verify(value, data, _DIGEST)
        except InvalidSignature as error:
            raise Unreachable(
                say(
                    "The key {label} in the token {token} is not the one of the seal's certificate.",
                    label=self._place.label,
                    token=self._place.token,
                )
            ) from error
        return value

    def _pin(self) -> str:
        try:
            return self._place.pin_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            raise Unreachable(
                say("The PIN of the token cannot be read from {file}.", file=self._place.pin_file)
            ) from error

    def _asked(self, digest: bytes, pin: str) -> bytes:
        """The two numbers of the signature, one behind the other."""
        place = self._place
        try:
            token = pkcs11.lib(str(place.module)).get_token(token_label=place.token)
            with token.open(user_pin=pin) as session:
                sought = {
                    pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY,
                    pkcs11.Attribute.LABEL: place.label,
                }
                found: list[Any] = list(session.get_objects(sought))  # `get_key` leaves a search open
                if len(found) == 1:
                    return bytes(found[0].sign(digest, mechanism=pkcs11.Mechanism.ECDSA))
        except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange) as error:
            self._refused = pin
            raise self._pin_refused() from error
        except pkcs11.PinLocked as error:
            raise Unreachable(
                say(
                    "The token {token} is locked: its PIN was wrong too often. Whoever keeps it must unlock it.",
                    token=place.token,
                )
            ) from error
        except (pkcs11.NoSuchToken, pkcs11.TokenNotPresent, pkcs11.DeviceRemoved) as error:
            _begin_anew(str(place.module))
            raise Unreachable(
                say("The token {token} with the key of the court's seal is not there.", token=place.token)
            ) from error
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            _begin_anew(str(place.module))
            raise Unreachable(
                say(
                    "The token {token} with the key of the court's seal does not answer as it should.",
                    token=place.token,
                )
            ) from error
        raise Unreachable(
            say(
                "The token {token} has not exactly one key of the name {label}.",
                token=place.token,
                label=place.label,
            )
        )

    def _pin_refused(self) -> Unreachable:
        return Unreachable(
            say(
                "The token {token} does not take the PIN in {file}. It is not tried again until the file says another.",
                token=self._place.token,
                file=self._place.pin_file,
            )
        )


def _begin_anew(module: str) -> None:
    """Some libraries know no more of a token that went away and came back until they are begun anew."""
    with suppress(pkcs11.PKCS11Error, RuntimeError):
        pkcs11.lib(module).reinitialize()
