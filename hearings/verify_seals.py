"""Who sealed, and whether to believe it: the trust file, courts' seals, timestamps, sealed PDFs.

A trust file comes from outside the package; with one, the copies in `data/trust` count for nothing, but a
revocation list there still refuses. Without one everything is checked against those copies and the verdict
says so. Clocks: a seal's time is the court's own word and the journal's is the same clock, so a seal may
not be older than the last entry (to the second). Authorities and cosigners have other clocks: 300 s.
PDFs are read by `signed_pdf`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hearings import signed_pdf
from hearings.container import Bundle
from hearings.errors import Unverifiable
from hearings.signatures import (
    Certificate,
    Signed,
    certificate,
    check_not_revoked,
    fingerprint,
    guarded,
    is_authority,
    leads_to,
    organisation,
    read_seal,
    read_token,
    title,
)
from hearings.tree import Checkpoint, public_key, read_checkpoint
from hearings.verify_journal import HEAD, Log, cosigner_key, texts

TOLERANCE = timedelta(seconds=300)
LARGEST_TRUST = 16 * 1024 * 1024
_TRUST = {"v", "logKeys", "courts", "cosigners", "quorum", "timestampRoots", "heads"}
_ROLES = {"seal", "release"}


@dataclass(frozen=True)
class Court:
    """A listed certificate: a signer's own, or an authority that admits one organisation."""

    certificate: Certificate
    roles: frozenset[str]
    organisation: str | None


@dataclass(frozen=True)
class Trust:
    """What the reader of a package brings from outside."""

    log_keys: tuple[str, ...]
    courts: tuple[Court, ...]
    cosigners: tuple[str, ...]
    quorum: int
    timestamp_roots: tuple[Certificate, ...]
    heads: tuple[Checkpoint, ...]


def read_trust(data: bytes) -> Trust:
    """Raises: Unverifiable. White space is free here: people write this file."""
    if len(data) > LARGEST_TRUST:
        raise Unverifiable("The trust file is too large.")
    value = guarded(lambda: json.loads(data, object_pairs_hook=_once), "The trust file is not JSON.")
    if not isinstance(value, dict) or not set(value) <= _TRUST or value.get("v") != 1:
        raise Unverifiable(
            "The trust file is not of version 1, or has a member that the format does not know."
        )
    lists = {name: _list(value, name) for name in _TRUST - {"v", "quorum"}}
    quorum = value.get("quorum", 0)
    courts = tuple(_court(item) for item in lists["courts"])
    log_keys = texts(lists["logKeys"], "The list of log keys of the trust file")
    cosigners = texts(lists["cosigners"], "The list of cosigners of the trust file")
    _ = [public_key(vkey) for vkey in log_keys], [cosigner_key(vkey) for vkey in cosigners]
    if not (courts or log_keys) or type(quorum) is not int or not 0 <= quorum <= len(set(cosigners)):
        raise Unverifiable(
            "The trust file lists neither a court nor a log key, or asks for a quorum that cannot be."
        )
    roots = tuple(certificate(pem.encode()) for pem in texts(lists["timestampRoots"], "timestampRoots"))
    heads = tuple(read_checkpoint(note.encode()) for note in texts(lists["heads"], "heads"))
    return Trust(tuple(log_keys), courts, tuple(cosigners), quorum, roots, heads)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise Unverifiable("The trust file names a member twice.")
    return dict(pairs)


def _list(value: dict[str, Any], name: str) -> list[Any]:
    found = value.get(name, [])
    if not isinstance(found, list):
        raise Unverifiable(f"“{name}” of the trust file is not a list.")
    return found


def _court(item: Any) -> Court:
    known = isinstance(item, dict) and {"cert", "roles"} <= set(item) <= {
        "cert",
        "roles",
        "organizationIdentifier",
    }
    if not known or not isinstance(item["cert"], str) or not isinstance(item["roles"], list):
        raise Unverifiable("A court of the trust file has not the members that the format gives it.")
    roles = frozenset(texts(item["roles"], "The roles of a court of the trust file"))
    own, stated = certificate(item["cert"].encode()), item.get("organizationIdentifier")
    if not roles or not roles <= _ROLES:
        raise Unverifiable("A court of the trust file has a role that the format does not know, or none.")
    if is_authority(own) != (isinstance(stated, str) and bool(stated)):
        raise Unverifiable(
            "An authority in the trust file needs an organizationIdentifier, and only an authority."
        )
    return Court(own, roles, stated)


# --- who is listed -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Reader:
    """Whoever verifies: what they trust, and when it is."""

    trust: Trust | None
    bundle: Bundle
    at: datetime

    @property
    def confirms(self) -> bool:
        """Whether signers are looked up in a trust file that lists courts."""
        return self.trust is not None and bool(self.trust.courts)

    def copies(self) -> list[Certificate]:
        """The certificates in the package, the root first."""
        paths = [path for path in self.bundle.paths if path.startswith("data/trust/certs/")]
        paths.sort(key=lambda path: (path != "data/trust/certs/root.pem", path))
        return [certificate(self.bundle.read(path)) for path in paths]

    def crls(self) -> list[bytes]:
        return [self.bundle.read(path) for path in self.bundle.paths if path.startswith("data/trust/crl/")]

    def check_signer(self, signed: Signed, role: str, what: str) -> None:
        """`role`: seal, release, or minutes, for which who may seal is listed as well.

        Raises: Unverifiable unless the signer is listed for it (or its chain is in the package).
        """
        if signed.time > self.at + TOLERANCE:
            raise Unverifiable(f"{what} lies in the future, by the clock of who signed it.")
        issuers = self._accept(signed, role, what)
        check_not_revoked(signed, [*issuers, *self.copies()], self.crls())

    def _accept(self, signed: Signed, role: str, what: str) -> list[Certificate]:
        if self.trust is None:
            copies = self.copies()
            anchors = copies[:1] if role == "seal" else copies
            if leads_to(signed.chain, anchors, signed.time) is None:
                raise Unverifiable(f"{what} does not end in a root that the package gives.")
            return anchors
        if not self.trust.courts:
            leads_to(signed.chain, (), signed.time)
            return []
        for court in self.trust.courts:
            if ("seal" if role == "minutes" else role) in court.roles and _is(court, signed):
                return [court.certificate]
        raise Unverifiable(
            f"{what} is by {title(signed.signer)}, whom the trust file does not list for this."
        )


def _is(court: Court, signed: Signed) -> bool:
    if court.organisation is None:
        return signed.signer == court.certificate and leads_to(signed.chain, [], signed.time) is None
    if organisation(signed.signer) != court.organisation:
        return False
    return leads_to(signed.chain, [court.certificate], signed.time) is not None


# --- seals, tokens, cosignatures ---------------------------------------------------------------


def check_seals(reader: Reader, log: Log, container: Signed, last: datetime) -> tuple[Signed, str]:
    """Check 6: the seal over the head, and the sentence. `last`: the time of the last entry."""
    note = reader.bundle.read(HEAD)
    head = read_seal(reader.bundle.read("data/journal/checkpoint.court.p7s"), note)
    if reader.trust and reader.trust.log_keys and log.vkey not in reader.trust.log_keys:
        raise Unverifiable("The trust file lists log keys, and this journal's is not among them.")
    reader.check_signer(log.key_seal, "seal", "The seal on the log key")
    reader.check_signer(head, "seal", "The seal on the head")
    released = log.redacted
    reader.check_signer(container, "release" if released else "seal", "The seal of the container")
    if not released and container.signer != head.signer:
        raise Unverifiable("The container of a full record is sealed by another than sealed the head.")
    whole_second = last.replace(microsecond=0)
    for signed, what in ((head, "The seal on the head"), (container, "The seal of the container")):
        if signed.time < whole_second:
            raise Unverifiable(f"{what} is older than the last entry.")
    stamps = _check_stamps(reader, log, head, container, note, last)
    _check_cosigned(reader, log, last)
    clock = f"by {stamps} timestamps of an authority" if stamps else "by the court's own clock"
    return head, f"Sealed by {title(head.signer)} at {head.time:%Y-%m-%d %H:%M:%S} UTC, {clock}."


def _check_stamps(
    reader: Reader, log: Log, head: Signed, container: Signed, note: bytes, last: datetime
) -> int:
    tokens = [(one.token, one.signature) for one in (head, container) if one.token is not None]
    if log.key["timestamps"]:
        tokens.append((reader.bundle.read("data/journal/checkpoint.tst"), note))
    for token, content in tokens:
        _check_stamp(reader, read_token(token, content), last, "A timestamp", "the last entry")
    key = log.key_seal
    if key.token is not None:
        read_token(key.token, key.signature)
    return len(tokens)


def _check_stamp(reader: Reader, stamp: Signed, since: datetime, what: str, before: str) -> bool:
    """Whether the trust file lists its authority. Raises: Unverifiable."""
    _check_clock(stamp.time, since, reader.at, what, before)
    roots: Sequence[Certificate] = reader.trust.timestamp_roots if reader.trust else reader.copies()
    listed = leads_to(stamp.chain, roots, stamp.time) is not None
    if not listed and reader.trust and roots:
        raise Unverifiable(f"{what} is by {title(stamp.signer)}, whom the trust file does not list.")
    check_not_revoked(stamp, [*roots, *reader.copies()], reader.crls())
    return listed and reader.trust is not None


def _check_cosigned(reader: Reader, log: Log, last: datetime) -> None:
    for at in log.cosigned.values():
        _check_clock(at, last, reader.at, "A cosignature", "the last entry")


def _check_clock(time: datetime, since: datetime, now: datetime, what: str, before: str) -> None:
    if time < since - TOLERANCE:
        raise Unverifiable(f"{what} is older than {before}.")
    if time > now + TOLERANCE:
        raise Unverifiable(f"{what} lies in the future.")


def key_sentence(log: Log, head: Signed) -> str:
    return f"certificate SHA-256 {fingerprint(head.signer)}, log key {log.vkey}"


# --- sealed PDFs -------------------------------------------------------------------------------


def check_minutes(reader: Reader) -> str:
    """Check 10: every PDF of the minutes bears a seal by a listed signer, which is over the whole file, or which is kept by a
    document timestamp over the whole file.
    """
    paths = [path for path in reader.bundle.paths if path.startswith("data/minutes/")]
    told = [_check_pdf(reader, path) for path in paths]
    return "; ".join(f"{path.rpartition('/')[2]} {one}" for path, one in zip(paths, told, strict=True)) + "."


def _check_pdf(reader: Reader, path: str) -> str:
    try:
        found = signed_pdf.read(reader.bundle.read(path))
    except Unverifiable as refusal:
        raise Unverifiable(f"{path} is not a sealed PDF that can be checked. {refusal}") from refusal
    seals = signed_pdf.sealing(found)
    if not seals:
        raise Unverifiable(f"{path} has no seal over the whole file, or it was changed after sealing.")
    refusals = []
    for one in seals:
        try:
            reader.check_signer(one.signed, "minutes", f"The seal of {path}")
        except Unverifiable as refusal:
            refusals.append(refusal)
        else:
            since = found[found.index(one) :] if one.kept else ()
            clock = _check_times(reader, path, one.signed, [each.signed for each in since if each.stamp])
            return f"sealed by {title(one.signed.signer)} ({one.level}, {clock})"
    raise refusals[0]


def _check_times(reader: Reader, path: str, seal: Signed, stamps: Sequence[Signed]) -> str:
    """Whose clock it is: the timestamp over the seal, then those over the file, each no older than the one before."""
    tokens = [read_token(seal.token, seal.signature)] if seal.token is not None else []
    listed, since, before = [], seal.time, "the seal that it is over"
    for stamp in [*tokens, *stamps]:
        listed.append(_check_stamp(reader, stamp, since, f"A timestamp of {path}", before))
        since, before = max(since, stamp.time), "what it is over"
    if not listed:
        return "by the signer's own clock"
    return "its time confirmed by a listed authority" if any(listed) else "with the timestamp of an authority"
