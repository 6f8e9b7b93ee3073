"""Files that whoever writes them cannot read any more: encrypted under a key that lives in memory alone.

The key is fresh for each `Lock` and leaves it only wrapped (HPKE, RFC 9180) for whoever holds the secret half of a
key pair; here that is the registry, never the recorder. The pair is hybrid, ML-KEM-768 and X25519: what is recorded
today must still be closed when it is destroyed decades later.

A file is a line that says so, the wrapped key (1168 bytes), and frames: four bytes of length (big-endian),
32 that are the SHA-256 of the content up to its end, 12 of nonce, then so many bytes encrypted with AES-256-GCM, and
a tag of 16. A frame is bound to the file's name, its place in it and that digest, so that none can be exchanged, moved
or left out, and whoever cannot read the file still knows the digest of the whole; that the last frames are there is
known by that digest, which is kept elsewhere too.
"""

import io
import os
import struct
from bisect import bisect_right
from collections.abc import Callable
from hashlib import sha256
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

PUBLIC, SECRET = 1216, 96  # bytes of the two halves of a pair
OPENING = b"vivavoce locked 1\n"
AROUND = 64  # bytes of a frame besides its content
_WRAPPED = 1168
HEAD = len(OPENING) + _WRAPPED
_NONCE = 12
_LENGTH = struct.Struct("!I")
_FRAME = struct.Struct("!I32s12s")
_PLACE = struct.Struct("!Q")
_PURPOSE = b"vivavoce recording"
_MLKEM_PUBLIC, _MLKEM_SEED = 1184, 64
Unwrap = Callable[[bytes], bytes]
"""Gives the key of a file from its head."""

_suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class NotOpened(ValueError):
    """The bytes are no locked file of this name, or another key opens them."""


def new_pair() -> tuple[bytes, bytes]:
    """A fresh key pair: the public half (`PUBLIC` bytes) and the secret one (`SECRET` bytes)."""
    kem, curve = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
    public = kem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return public, kem.private_bytes_raw() + curve.private_bytes_raw()


class Lock:
    """A key of its own, which locks any number of files. Raises: NotOpened if `public` is no public half."""

    def __init__(self, public: bytes) -> None:
        key = AESGCM.generate_key(256)
        self._aead = AESGCM(key)
        try:
            holder = MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC]),
                X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC:]),
            )
        except ValueError as error:
            raise NotOpened("not the public half of a key pair") from error
        self.head = OPENING + _suite.encrypt(key, holder, info=_PURPOSE)

    def shut(self, name: str, place: int, data: bytes, digest: bytes) -> bytes:
        """The frame at this place, from 0, of the file with this name; `digest`: of its content up to here."""
        return b"".join(self.shut_in_parts(name, place, data, digest))

    def shut_in_parts(self, name: str, place: int, data: bytes, digest: bytes) -> tuple[bytes, bytes]:
        """As `shut`, for who writes one after the other: a large one is copied once less."""
        nonce = os.urandom(_NONCE)
        sealed = self._aead.encrypt(nonce, data, _bound(name, place, digest))
        return _FRAME.pack(len(data), digest, nonce), sealed

    def opened(self, name: str, place: int, frame: bytes) -> bytes:
        """What was shut with this very lock. Raises: NotOpened."""
        return _opened(self._aead, name, place, frame)


def unwrapping(secret: bytes) -> Unwrap:
    """With the secret half of the pair. What is returned raises NotOpened."""
    pair = MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(secret[:_MLKEM_SEED]),
        X25519PrivateKey.from_private_bytes(secret[_MLKEM_SEED:]),
    )

    def unwrap(head: bytes) -> bytes:
        if len(head) != HEAD or not head.startswith(OPENING):
            raise NotOpened("this is no locked file")
        try:
            return _suite.decrypt(head[len(OPENING) :], pair, info=_PURPOSE)
        except (InvalidTag, ValueError) as error:
            raise NotOpened("another key opens this file") from error

    return unwrap


def digest_of(frame: bytes, *, length: int) -> bytes:
    """The digest that a frame bears, which is for so many bytes of content. Raises: NotOpened if it is not."""
    if len(frame) < _FRAME.size or _LENGTH.unpack_from(frame)[0] != length:
        raise NotOpened("a frame that is not as long as it should be")
    return bytes(_FRAME.unpack_from(frame)[1])


class Opened(io.BufferedReader):
    """The content of a locked file, to be read from any place. `size`: bytes."""

    def __init__(self, content: "_Content") -> None:
        super().__init__(content)
        self.size = content.size
        self._digest = content.digest

    def digest(self) -> str:
        """The SHA-256 of the whole, as its last frame bears it. Raises: NotOpened."""
        return self._digest().hex()


def opened(file: BinaryIO, name: str, unwrap: Unwrap) -> Opened:
    """The content of the locked `file` of this name; it closes `file`.

    Raises: NotOpened, here or while it is read; what cannot be opened here is closed.
    """
    try:
        return Opened(_Content(file, name, unwrap))
    except BaseException:
        file.close()
        raise


class _Content(io.RawIOBase):
    """One frame is held in the clear at a time."""

    def __init__(self, file: BinaryIO, name: str, unwrap: Unwrap) -> None:
        self._file = file
        self._name = name
        try:
            self._aead = AESGCM(unwrap(file.read(HEAD)))
        except ValueError as error:  # no key at all, where there should be one
            raise NotOpened(str(error)) from error
        self._starts, self.size = _starts(file)
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def digest(self) -> bytes:
        """Of the whole. Raises: NotOpened if the last frame cannot be opened."""
        if not self._starts:
            return sha256().digest()
        last = len(self._starts) - 1
        self._frame(last)
        self._file.seek(HEAD + self._starts[last] + last * AROUND)
        return digest_of(self._file.read(_FRAME.size), length=self.size - self._starts[last])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: object) -> int:
        into = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # typeshed names no buffer that 3.11 has
        if self._at >= self.size:
            return 0
        place = bisect_right(self._starts, self._at) - 1
        begin = self._at - self._starts[place]
        part = self._frame(place)[begin : begin + len(into)]
        into[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _frame(self, place: int) -> bytes:
        if self._held[0] != place:
            end = self._starts[place + 1] if place + 1 < len(self._starts) else self.size
            length = end - self._starts[place]
            self._file.seek(HEAD + self._starts[place] + place * AROUND)
            frame = self._file.read(length + AROUND)
            self._held = (place, _opened(self._aead, self._name, place, frame))
        return self._held[1]


def _starts(file: BinaryIO) -> tuple[list[int], int]:
    """Where the content of each frame begins, and how long all of it is. Raises: NotOpened if one is cut off."""
    end = file.seek(0, os.SEEK_END)
    starts: list[int] = []
    at, size = HEAD, 0
    while at < end:
        file.seek(at)
        head = file.read(_LENGTH.size)
        length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else end
        at += length + AROUND
        if not length or at > end:
            raise NotOpened("the file is cut off within a frame")
        starts.append(size)
        size += length
    return starts, size


def _opened(aead: AESGCM, name: str, place: int, frame: bytes) -> bytes:
    if len(frame) < AROUND or _LENGTH.unpack_from(frame)[0] != len(frame) - AROUND:
        raise NotOpened("a frame that is not as long as it says")
    _, digest, nonce = _FRAME.unpack_from(frame)
    try:
        return aead.decrypt(nonce, frame[_FRAME.size :], _bound(name, place, digest))
    except InvalidTag as error:
        raise NotOpened("a frame that was altered, or belongs elsewhere") from error


def _bound(name: str, place: int, digest: bytes) -> bytes:
    return name.encode() + b"\0" + _PLACE.pack(place) + digest
