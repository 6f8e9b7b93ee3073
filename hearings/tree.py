"""Canonical bytes, the RFC 6962 tree, salted disclosures, and signed checkpoints. Pure: no database.

- A leaf is one JCS object (RFC 8785); leaf hash `SHA-256(0x00 ‖ bytes)`, node `SHA-256(0x01 ‖ l ‖ r)`
  (RFC 6962 section 2.1). The bytes are kept and hashed; nothing is serialised again to verify.
- A disclosure is the base64url (no padding) of the JCS array `[salt, name, value]`; its digest stands in
  the leaf's `_sd` (after RFC 9901 section 4.2).
- A checkpoint is a C2SP signed note of exactly three lines, signed with Ed25519 (signature type 1).
"""

import base64
import binascii
import hashlib
import json
import secrets
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hearings.errors import Unverifiable
from hearings.sentences import say

LARGEST_INTEGER = 2**53 - 1
DEEPEST = 32
LONGEST_NOTE = 64 * 1024
EMPTY_ROOT = hashlib.sha256(b"").digest()
ED25519, COSIGNATURE = 0x01, 0x04
"""Signature types of C2SP signed-note; of the second see tlog-cosignature."""


# --- canonical JSON ----------------------------------------------------------------------------


def canonical(value: Any) -> bytes:
    """JCS bytes of a value of our profile: no floats, integers below 2^53, NFC strings, 32 deep.

    Raises: Unverifiable if the value is outside the profile.
    """
    _check(value, 1)
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise Unverifiable(
            say("This cannot be written as canonical JSON: {error}", error=str(error))
        ) from error


def _check(value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise Unverifiable(say("This is nested deeper than {deepest} levels.", deepest=DEEPEST))
    match value:
        case None | bool():
            pass
        case int():
            if abs(value) > LARGEST_INTEGER:
                raise Unverifiable(say("A number is too large for the record."))
        case str():
            if not unicodedata.is_normalized("NFC", value):
                raise Unverifiable(say("A text is not in normal form C."))
        case list() | tuple():
            for item in value:
                _check(item, depth + 1)
        case dict():
            for key, item in value.items():
                _check(key, depth)
                _check(item, depth + 1)
        case _:
            raise Unverifiable(say("A {kind} has no place in the record.", kind=type(value).__name__))


def normal(value: Any) -> Any:
    """The same value with every string in Unicode normal form C."""
    match value:
        case str():
            return unicodedata.normalize("NFC", value)
        case list() | tuple():
            return [normal(item) for item in value]
        case dict():
            return {normal(key): normal(item) for key, item in value.items()}
        case _:
            return value


def stamp(instant: datetime) -> str:
    """An instant as the record writes it: UTC, exactly three decimals, `Z`."""
    utc = instant.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def instant(text: str) -> datetime:
    """Reads what `stamp` writes, and nothing else. Raises: Unverifiable."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise Unverifiable(say("“{text}” is not a time of the record.", text=text)) from error
    if stamp(moment) != text:
        raise Unverifiable(say("“{text}” is not a time of the record.", text=text))
    return moment


# --- disclosures -------------------------------------------------------------------------------


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def disclose(name: str, value: Any) -> str:
    """A fresh disclosure of one member: base64url of `[salt, name, value]`, 16 random bytes of salt."""
    return b64url(canonical([b64url(secrets.token_bytes(16)), name, value]))


def disclosure_digest(disclosure: str) -> str:
    return b64url(hashlib.sha256(disclosure.encode("ascii")).digest())


def concealed(digests: Sequence[str]) -> list[str]:
    """`_sd`: the digests padded with decoys to 4, 8, 12 …, in ASCII order."""
    decoys = -len(digests) % 4 if digests else 4
    return sorted([*digests, *(b64url(secrets.token_bytes(32)) for _ in range(decoys))])


# --- the tree ----------------------------------------------------------------------------------


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree, kept as the roots of its full subtrees from left to right (a compact range)."""

    def __init__(self, hashes: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._peaks: list[bytes] = []
        for item in hashes:
            self.append(item)

    def append(self, item: bytes) -> None:
        """Adds one leaf hash."""
        self._peaks.append(item)
        self.size += 1
        size = self.size
        while size % 2 == 0:
            right = self._peaks.pop()
            self._peaks[-1] = node_hash(self._peaks[-1], right)
            size //= 2

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def consistency(hashes: Sequence[bytes], old: int) -> list[bytes]:
    """The proof that the tree of the first `old` leaves is a prefix of the tree of all (RFC 6962, 2.1.2).

    Raises: ValueError unless 0 < old <= len(hashes).
    """
    if not 0 < old <= len(hashes):
        raise ValueError("the older tree must lie within the newer one")
    return _subproof(hashes, old, whole=True)


def _subproof(hashes: Sequence[bytes], old: int, *, whole: bool) -> list[bytes]:
    size = len(hashes)
    if old == size:
        return [] if whole else [Tree(hashes).root()]
    split = 1 << ((size - 1).bit_length() - 1)
    if old <= split:
        return [*_subproof(hashes[:split], old, whole=whole), Tree(hashes[split:]).root()]
    return [*_subproof(hashes[split:], old - split, whole=False), Tree(hashes[:split]).root()]


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the proof shows that the tree of size `old` is a prefix of that of size `new` (RFC 9162, 2.1.4.2).

    Of nothing everything is a continuation; then, and between equals, there is nothing to prove.
    """
    if old in (0, new):
        return not proof and old_root == (new_root if old == new else EMPTY_ROOT)
    path = [*([old_root] if old & (old - 1) == 0 else []), *proof]
    if not 0 < old < new or not path:
        return False
    left, last = old - 1, new - 1
    while left & 1:
        left, last = left >> 1, last >> 1
    was = now = path[0]
    for item in path[1:]:
        if last == 0:
            return False
        if left & 1 or left == last:
            was, now = node_hash(item, was), node_hash(item, now)
            while left and not left & 1:
                left, last = left >> 1, last >> 1
        else:
            now = node_hash(now, item)
        left, last = left >> 1, last >> 1
    return (was, now, last) == (old_root, new_root, 0)


# --- checkpoints -------------------------------------------------------------------------------


class Signature(NamedTuple):
    """One signature line of a note: name, four bytes of key id, the bytes signed with."""

    name: str
    key_id: bytes
    value: bytes


class Note(NamedTuple):
    """A signed note as read: the text, which is what is signed, and who signed it."""

    text: bytes
    signatures: tuple[Signature, ...]


class Checkpoint(NamedTuple):
    """A signed note as read: the three lines, and who signed them; `text` is what is signed."""

    origin: str
    size: int
    root: bytes
    text: bytes
    signatures: tuple[Signature, ...]


def verifier_key(name: str, public: Ed25519PublicKey, kind: int = ED25519) -> str:
    """The C2SP vkey `name+key id+base64(type ‖ key)`."""
    key = bytes([kind]) + public.public_bytes_raw()
    return f"{name}+{_key_id(name, key).hex()}+{base64.b64encode(key).decode()}"


def _key_id(name: str, key: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]


def checkpoint(origin: str, tree: Tree, key: Ed25519PrivateKey) -> bytes:
    """The signed note over the tree's size and root, LF at the end."""
    text = f"{origin}\n{tree.size}\n{base64.b64encode(tree.root()).decode()}\n".encode()
    return signed_note(text, origin, key)


def signed_note(text: bytes, name: str, key: Ed25519PrivateKey) -> bytes:
    """The text, which ends with LF, with one signature line."""
    return text + b"\n" + _line(name, key, ED25519, key.sign(text))


def cosigned_line(text: bytes, name: str, key: Ed25519PrivateKey, at: datetime) -> bytes:
    """A cosigner's signature line over a checkpoint's text at that time, in whole seconds (C2SP tlog-cosignature)."""
    seconds = int(at.timestamp())
    value = key.sign(f"cosignature/v1\ntime {seconds}\n".encode() + text)
    return _line(name, key, COSIGNATURE, seconds.to_bytes(8, "big") + value)


def _line(name: str, key: Ed25519PrivateKey, kind: int, value: bytes) -> bytes:
    public = bytes([kind]) + key.public_key().public_bytes_raw()
    return signature_line(name, _key_id(name, public), value)


def signature_line(name: str, key_id: bytes, value: bytes) -> bytes:
    """As it stands in a note, LF at the end."""
    return f"— {name} {base64.b64encode(key_id + value).decode()}\n".encode()


def read_checkpoint(note: bytes) -> Checkpoint:
    """Parses a note, strictly; verifies nothing. Raises: Unverifiable."""
    text, signatures = read_note(note)
    try:
        origin, size, root = text.decode().removesuffix("\n").split("\n")
        if str(int(size)) != size or int(size) < 0:
            raise Unverifiable(say("This is not a checkpoint."))
        digest = _unbase64(root)
        if len(digest) != hashlib.sha256().digest_size or not origin:
            raise Unverifiable(say("This is not a checkpoint."))
    except ValueError as error:
        raise Unverifiable(say("This is not a checkpoint.")) from error
    return Checkpoint(origin, int(size), digest, text, signatures)


def read_note(note: bytes) -> Note:
    """Text and signature lines of a note whose text has no empty line; verifies nothing. Raises: Unverifiable."""
    try:
        body, _, tail = note.decode().partition("\n\n")
        lines = tail.split("\n")
        if len(note) > LONGEST_NOTE or lines.pop() or not lines:
            raise Unverifiable(say("This is not a checkpoint."))
        return Note(f"{body}\n".encode(), tuple(_signature(line) for line in lines))
    except ValueError as error:
        raise Unverifiable(say("This is not a checkpoint.")) from error


def _signature(line: str) -> Signature:
    dash, name, value = line.split(" ")
    raw = _unbase64(value)
    if dash != "—" or not name or len(raw) <= 4:
        raise Unverifiable(say("A signature line of the checkpoint is not one."))
    return Signature(name, raw[:4], raw[4:])


def _unbase64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Unverifiable(say("This is not base64.")) from error
    if base64.b64encode(raw).decode() != text:
        raise Unverifiable(say("This base64 is not canonical."))
    return raw


def public_key(vkey: str) -> tuple[str, bytes, Ed25519PublicKey]:
    """Name, key id and key of an Ed25519 vkey. Raises: Unverifiable."""
    try:
        name, key_id, encoded = vkey.split("+", 2)
        key = _unbase64(encoded)
        if key[:1] != bytes([ED25519]) or key_id != _key_id(name, key).hex():
            raise Unverifiable(say("This is not a log key."))
        return name, _key_id(name, key), Ed25519PublicKey.from_public_bytes(key[1:])
    except ValueError as error:
        raise Unverifiable(say("This is not a log key.")) from error


def signed_by(note: Checkpoint | Note, vkey: str) -> bool:
    """Whether exactly one line is of this log key, it is the first, and it holds."""
    name, key_id, key = public_key(vkey)
    mine = [index for index, line in enumerate(note.signatures) if (line.name, line.key_id) == (name, key_id)]
    if mine != [0]:
        return False
    try:
        key.verify(note.signatures[0].value, note.text)
    except InvalidSignature:
        return False
    return True


# --- leaves ------------------------------------------------------------------------------------


class Leaf(NamedTuple):
    """One leaf as kept: its JCS bytes, and the disclosures (base64url) of its concealed members."""

    data: bytes
    disclosures: tuple[str, ...]


def write_leaf(clear: Mapping[str, Any], members: Mapping[str, Any]) -> Leaf:
    """A leaf with `clear` in the open and each of `members` as a salted disclosure.

    A leaf with disclosures has one named `names`: the sorted names of the others.
    """
    values = dict(members)
    if values:
        values["names"] = sorted(members)
    disclosures = tuple(disclose(name, normal(value)) for name, value in values.items())
    digests = [disclosure_digest(item) for item in disclosures]
    return Leaf(canonical({**clear, "_sd": concealed(digests)}), disclosures)


def read_disclosure(disclosure: str) -> tuple[str, Any]:
    """Name and value of a disclosure of our own making. Raises: Unverifiable."""
    try:
        padded = disclosure + "=" * (-len(disclosure) % 4)
        _, name, value = read_canonical(base64.urlsafe_b64decode(padded))
    except (ValueError, TypeError) as error:
        raise Unverifiable(say("This is not a disclosure.")) from error
    return name, value


def read_canonical(data: bytes) -> Any:
    """Reads canonical JSON strictly: the bytes must be what `canonical` would write. Raises: Unverifiable."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unverifiable(say("This is not JSON.")) from error
    if canonical(value) != data:
        raise Unverifiable(say("This JSON is not canonical."))
    return value
