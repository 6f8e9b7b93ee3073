"""Verifies the journal of a package: log key, heads, tree, entries (RFC 6962; C2SP signed note, tlog-cosignature).

Everything here refuses by raising `Unverifiable`. The bytes of a leaf are hashed as they stand and never
written again; a disclosure is believed when its digest stands in its leaf, once.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hearings import answers
from hearings.container import LONGEST_LINE, Bundle
from hearings.errors import Unverifiable
from hearings.events import KINDS
from hearings.signatures import Signed, read_seal
from hearings.tree import (
    COSIGNATURE,
    EMPTY_ROOT,
    Checkpoint,
    Tree,
    disclosure_digest,
    instant,
    leaf_hash,
    public_key,
    read_canonical,
    read_checkpoint,
    signed_by,
)

HEAD = "data/journal/checkpoint.txt"
_HANDLE = re.compile(r"[a-z2-7]{8}")
_TYPE = re.compile(r"[a-z]+\.[a-z]+")
_DIGEST = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_SALT = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
_CLEAR = frozenset({"v", "hearing", "seq", "time", "type", "participant"})
_FORBIDDEN = _CLEAR | {"_sd", "..."}


def members(value: Any, kinds: Mapping[str, type | tuple[type, ...]], what: str) -> dict[str, Any]:
    """`value`, if it is an object with exactly these members of these kinds. Raises: Unverifiable."""
    if not isinstance(value, dict) or set(value) != set(kinds):
        raise Unverifiable(f"{what} has not exactly the members that the format gives it.")
    for name, kind in kinds.items():
        kinds_of = kind if isinstance(kind, tuple) else (kind,)
        if type(value[name]) not in kinds_of:
            raise Unverifiable(f"“{name}” of {what} is not what the format says.")
    return value


def texts(value: list[Any], what: str) -> list[str]:
    if not all(type(item) is str for item in value):
        raise Unverifiable(f"{what} is not a list of texts.")
    return value


def one_line(bundle: Bundle, path: str) -> Any:
    """The JSON value of a file of one line."""
    lines = bundle.lines(path)
    if len(lines) != 1:
        raise Unverifiable(f"{path} is not one line.")
    return read_canonical(lines[0])


# --- the log key and the heads -----------------------------------------------------------------


@dataclass(frozen=True)
class Log:
    """The record's own word about itself, its log key under the court's seal, and its signed heads. `cosigned`: when each
    cosigner signed the head; `followed`: the last head that it signed, its size and when.
    """

    record: dict[str, Any]
    key: dict[str, Any]
    key_seal: Signed
    head: Checkpoint
    earlier: tuple[Checkpoint, ...]
    cosigned: Mapping[str, datetime]
    followed: Mapping[str, tuple[int, datetime]]

    @property
    def vkey(self) -> str:
        return str(self.key["vkey"])

    @property
    def redacted(self) -> bool:
        return bool(self.record["kind"] == "redacted")

    def withheld(self, what: str) -> set[Any]:
        """The sequence numbers (`seq`) or paths (`path`) that are declared as withheld."""
        return {item[what] for item in self.record["withheld"] if what in item}


def read_log(bundle: Bundle, *, cosigners: Sequence[str] | None, quorum: int | None) -> Log:
    """Check 4. `cosigners` and `quorum` of the trust file go before those of the package."""
    record = _record(one_line(bundle, "data/record.json"), bundle.hearing)
    key = _log_key(one_line(bundle, "data/trust/log-key.json"), record)
    seal = read_seal(bundle.read("data/trust/log-key.court.p7s"), bundle.read("data/trust/log-key.json"))
    head = _signed_head(bundle.read(HEAD), key, "The head of the journal")
    earlier = tuple(
        _earlier(bundle.read(path), key, path)
        for path in bundle.paths
        if path.startswith("data/journal/checkpoints/")
    )
    if ("data/journal/checkpoint.tst" in bundle) != key["timestamps"]:
        raise Unverifiable("The log key says otherwise whether the head bears a timestamp.")
    known = key["cosigners"] if cosigners is None else cosigners
    cosigned = {vkey: at for vkey in known if (at := cosignature(head, vkey)) is not None}
    if len(cosigned) < (key["quorum"] if quorum is None else quorum):
        raise Unverifiable(f"The head has {len(cosigned)} of the cosignatures that it needs.")
    followed = {
        vkey: (one.size, at)
        for one in sorted((*earlier, head), key=lambda one: one.size)
        for vkey in known
        if (at := cosignature(one, vkey)) is not None
    }
    return Log(record, key, seal, head, earlier, cosigned, followed)


def _record(value: Any, hearing: str) -> dict[str, Any]:
    kinds = {"v": int, "hearing": str, "origin": str, "size": int, "root": str, "kind": str}
    record = members(value, {**kinds, "sd_alg": str, "withheld": list, "tools": dict}, "record.json")
    said = record["v"], record["hearing"], record["origin"], record["sd_alg"]
    if said != (1, f"urn:uuid:{hearing}", f"vivavoce/{hearing}", "sha-256"):
        raise Unverifiable("record.json is not of format 1, or of another hearing than its folder.")
    if record["kind"] not in ("full", "redacted") or (record["kind"] == "full" and record["withheld"]):
        raise Unverifiable("record.json does not say full or redacted, or a full record withholds something.")
    order = [_withheld(item) for item in record["withheld"]]
    if any(one >= other for one, other in pairwise(order)):
        raise Unverifiable("What is withheld is not listed in its order, once each.")
    return record


def _withheld(item: Any) -> tuple[bool, int, str]:
    what = "path" if isinstance(item, dict) and "path" in item else "seq"
    kinds = {what: str if what == "path" else int, "ground": str, "decision": str}
    found = members(item, kinds, "An entry of what is withheld")
    if not found["ground"].strip() or not found["decision"].strip():
        raise Unverifiable("Something is withheld without a ground or a decision.")
    return (what == "path", found.get("seq", 0), found.get("path", ""))


def _log_key(value: Any, record: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {"v": int, "hearing": str, "origin": str, "vkey": str, "timestamps": bool}
    key = members(value, {**kinds, "cosigners": list, "quorum": int}, "log-key.json")
    if any(key[name] != record[name] for name in ("v", "hearing", "origin")):
        raise Unverifiable("log-key.json is of another hearing.")
    if public_key(key["vkey"])[0] != key["origin"]:
        raise Unverifiable("The log key has another name than its journal.")
    cosigners = {cosigner_key(vkey) for vkey in texts(key["cosigners"], "The list of cosigners")}
    if len(cosigners) != len(key["cosigners"]) or not 0 <= key["quorum"] <= len(cosigners):
        raise Unverifiable("log-key.json names a cosigner twice, or a quorum that cannot be.")
    return key


def _signed_head(note: bytes, key: Mapping[str, Any], what: str) -> Checkpoint:
    head = read_checkpoint(note)
    if head.origin != key["origin"]:
        raise Unverifiable(f"{what} is of another journal.")
    if not signed_by(head, key["vkey"]):
        raise Unverifiable(f"{what} is not signed by the log key, first and once.")
    return head


def _earlier(note: bytes, key: Mapping[str, Any], path: str) -> Checkpoint:
    head = _signed_head(note, key, f"The earlier head {path}")
    if path != f"data/journal/checkpoints/{head.size}.txt":
        raise Unverifiable(f"{path} is a head of another size.")
    return head


# --- cosignatures (C2SP tlog-cosignature, type 4) ----------------------------------------------


def cosigner_key(vkey: str) -> tuple[str, bytes, bytes]:
    """Name, key id and raw Ed25519 key of a cosigner's vkey. Raises: Unverifiable."""
    try:
        name, key_id, encoded = vkey.split("+", 2)
        key = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Unverifiable("This is not the key of a cosigner.") from error
    identifier = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    whole = len(key) == 33 and key[0] == COSIGNATURE and base64.b64encode(key).decode() == encoded
    if not whole or not name or identifier.hex() != key_id:
        raise Unverifiable("This is not the key of a cosigner.")
    return name, identifier, key[1:]


def cosignature(note: Checkpoint, vkey: str) -> datetime | None:
    """When this cosigner says it has signed the head; None if it has not. Raises: Unverifiable if falsely."""
    name, key_id, key = cosigner_key(vkey)
    mine = [line.value for line in note.signatures if (line.name, line.key_id) == (name, key_id)]
    if not mine:
        return None
    if len(mine) != 1 or len(mine[0]) != 72:
        raise Unverifiable(f"The cosigner {name} has more than one line, or one of another length.")
    seconds = int.from_bytes(mine[0][:8], "big")
    try:
        signed = f"cosignature/v1\ntime {seconds}\n".encode() + note.text
        Ed25519PublicKey.from_public_bytes(key).verify(mine[0][8:], signed)
        return datetime.fromtimestamp(seconds, UTC)
    except (InvalidSignature, ValueError, OverflowError, OSError) as error:
        raise Unverifiable(f"The cosignature of {name} does not hold.") from error


# --- the tree ----------------------------------------------------------------------------------


def grow(bundle: Bundle, log: Log, kept: Iterable[Checkpoint]) -> list[bytes]:
    """Check 5: the leaves, if they make the head, and every earlier or kept head is a prefix of it."""
    leaves = bundle.lines("data/journal/leaves.jsonl")
    if len(leaves) != log.head.size or len(leaves) != log.record["size"]:
        raise Unverifiable(f"There are {len(leaves)} leaves, and the head is over {log.head.size}.")
    older = [*((head, "An earlier head") for head in log.earlier), *((head, "A kept head") for head in kept)]
    for head, what in older:
        if head.size > len(leaves):
            raise Unverifiable(f"{what} is over {head.size} entries: this record is shorter, {len(leaves)}.")
    roots = _roots(leaves, {head.size for head, _ in older} | {len(leaves)})
    if roots[len(leaves)] != log.head.root or log.head.root.hex() != log.record["root"]:
        raise Unverifiable("The leaves do not make the root that the head was signed over.")
    for head, what in older:
        if roots[head.size] != head.root:
            raise Unverifiable(f"{what} (over {head.size} entries) is of another history than this record.")
    return leaves


def _roots(leaves: Sequence[bytes], sizes: set[int]) -> dict[int, bytes]:
    tree, roots = Tree(), {0: EMPTY_ROOT}
    for leaf in leaves:
        tree.append(leaf_hash(leaf))
        if tree.size in sizes:
            roots[tree.size] = tree.root()
    return roots


def check_kept(head: Checkpoint, log: Log) -> None:
    """Raises: Unverifiable unless this journal's key has signed the head that somebody kept."""
    if head.origin != log.head.origin or not signed_by(head, log.vkey):
        raise Unverifiable("The kept head is of another journal, or not signed by this journal's log key.")


# --- entries -----------------------------------------------------------------------------------


class Entry(NamedTuple):
    """A leaf as read: what is clear, what is disclosed, and whether anything of it is concealed.

    `concealed` is None where that cannot be known: a type that is not of the table, with nothing disclosed.
    """

    seq: int
    time: datetime
    kind: str
    participant: str | None
    disclosed: Mapping[str, Any]
    concealed: bool | None

    def member(self, name: str, form: type) -> Any:
        """A disclosed member of this kind; None if it is concealed. Raises: Unverifiable."""
        if name not in self.disclosed:
            return None
        if type(self.disclosed[name]) is not form:
            raise Unverifiable(f"“{name}” of entry {self.seq} ({self.kind}) is not what the format says.")
        return self.disclosed[name]


def read_entries(bundle: Bundle, log: Log, leaves: Sequence[bytes]) -> list[Entry]:
    """Check 7: every leaf and disclosure of its form, in its place; what lacks is declared."""
    given = _given(bundle, len(leaves))
    seen: set[str] = set()
    entries = [_entry(leaf, seq, log, given.get(seq, ()), seen) for seq, leaf in enumerate(leaves)]
    if any(one.time > other.time for one, other in pairwise(entries)):
        raise Unverifiable("The time of an entry lies before that of the entry before.")
    _check_first(entries, log)
    _check_course(entries)
    _check_consultations(entries)
    _check_choices(entries)
    _check_plan(entries)
    _check_tests(entries)
    _check_answers(entries)
    _check_interventions(entries)
    _check_identities(entries)
    _check_cosigners(entries)
    _check_protections(entries)
    _check_declarations(entries, log.record["hearing"])
    _check_minutes(entries)
    _check_sendings(entries)
    lacking = {entry.seq for entry in entries if entry.concealed}
    declared = log.withheld("seq") - {entry.seq for entry in entries if entry.concealed is None}
    if lacking != declared:
        odd = min(lacking ^ declared)
        what = "lacks something that is not declared" if odd in lacking else "is declared, and lacks nothing"
        raise Unverifiable(f"Entry {odd} {what}.")
    return entries


def _given(bundle: Bundle, size: int) -> dict[int, list[str]]:
    given: dict[int, list[str]] = {}
    last = -1
    for line in bundle.lines("data/journal/disclosures.jsonl"):
        row = members(read_canonical(line), {"d": list, "seq": int}, "A line of the disclosures")
        if not last < row["seq"] < size or not row["d"]:
            raise Unverifiable("The disclosures are not in the order of their entries, or a line is empty.")
        last = row["seq"]
        given[last] = texts(row["d"], "A line of the disclosures")
    return given


def _entry(leaf: bytes, seq: int, log: Log, given: Sequence[str], seen: set[str]) -> Entry:
    clear = _clear(leaf, seq, log.record["hearing"])
    digests = _check_digests(clear["_sd"], seq, seen)
    disclosed: dict[str, Any] = {}
    for disclosure in given:
        digest = disclosure_digest(disclosure) if disclosure.isascii() else ""
        if digest not in digests:
            raise Unverifiable(f"A disclosure of entry {seq} is not in its leaf, or there twice.")
        digests.discard(digest)
        name, value = read_disclosure(disclosure, seq)
        if name in disclosed:
            raise Unverifiable(f"Entry {seq} has two disclosures of “{name}”.")
        disclosed[name] = value
    concealed = _lacks(clear["type"], disclosed, seq, total=len(clear["_sd"]))
    names = {name: value for name, value in disclosed.items() if name != "names"}
    return Entry(seq, instant(clear["time"]), clear["type"], clear.get("participant"), names, concealed)


def _clear(leaf: bytes, seq: int, hearing: str) -> dict[str, Any]:
    value = read_canonical(leaf)
    kinds: dict[str, type] = {"v": int, "hearing": str, "seq": int, "time": str, "type": str, "_sd": list}
    if isinstance(value, dict) and "participant" in value:
        kinds["participant"] = str
    clear = members(value, kinds, f"Leaf {seq}")
    if (clear["v"], clear["hearing"], clear["seq"]) != (1, hearing, seq):
        raise Unverifiable(f"Leaf {seq} is not of format 1, of this hearing, and of this place.")
    if not _TYPE.fullmatch(clear["type"]) or not _HANDLE.fullmatch(clear.get("participant", "aaaaaaaa")):
        raise Unverifiable(f"The type or the participant of leaf {seq} is not of the form.")
    kind = KINDS.get(clear["type"])
    if kind is not None and kind.about_someone() != ("participant" in clear):
        raise Unverifiable(f"Leaf {seq} must name a participant, or must not.")
    return clear


def _check_digests(digests: list[Any], seq: int, seen: set[str]) -> set[str]:
    if not texts(digests, f"_sd of leaf {seq}") or len(digests) % 4:
        raise Unverifiable(f"The concealed digests of leaf {seq} are not padded to a multiple of four.")
    if any(one >= other for one, other in pairwise(digests)):
        raise Unverifiable(f"The concealed digests of leaf {seq} are not in their order.")
    if not all(_DIGEST.fullmatch(digest) for digest in digests) or not seen.isdisjoint(digests):
        raise Unverifiable(f"A concealed digest of leaf {seq} is none, or stood in the journal before.")
    seen.update(digests)
    return set(digests)


def read_disclosure(disclosure: str, seq: int) -> tuple[str, Any]:
    """Name and value of a disclosure, strictly. Raises: Unverifiable."""
    if len(disclosure) > LONGEST_LINE:
        raise Unverifiable(f"A disclosure of entry {seq} is too long.")
    try:
        raw = base64.urlsafe_b64decode(disclosure + "=" * (-len(disclosure) % 4))
    except ValueError as error:
        raise Unverifiable(f"A disclosure of entry {seq} is not base64url.") from error
    value = read_canonical(raw)
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != disclosure:
        raise Unverifiable(f"A disclosure of entry {seq} is not base64url.")
    if not isinstance(value, list) or len(value) != 3 or not all(type(item) is str for item in value[:2]):
        raise Unverifiable(f"A disclosure of entry {seq} is not of salt, name and value.")
    salt, name, content = value
    if not _SALT.fullmatch(salt) or name in _FORBIDDEN or _nests(content):
        raise Unverifiable(f"A disclosure of entry {seq} has another salt or name than it may.")
    return name, content


def _nests(value: Any) -> bool:
    match value:
        case dict():
            return "_sd" in value or any(_nests(item) for item in value.values())
        case list():
            return any(_nests(item) for item in value)
        case _:
            return False


def _lacks(kind: str, disclosed: Mapping[str, Any], seq: int, *, total: int) -> bool | None:
    """Whether anything of an entry is concealed, if that can be known. Raises: Unverifiable if its names cannot be."""
    required = KINDS[kind].names() if kind in KINDS else frozenset()
    if "names" not in disclosed:
        return bool(required or disclosed) or None
    listed = disclosed["names"]
    if not isinstance(listed, list) or texts(listed, f"The names of entry {seq}") != sorted(set(listed)):
        raise Unverifiable(f"The names of entry {seq} are not a sorted list.")
    if not required <= set(listed) or not disclosed.keys() - {"names"} <= set(listed) or "names" in listed:
        raise Unverifiable(f"The names of entry {seq} ({kind}) are not complete.")
    if total != -(-(len(listed) + 1) // 4) * 4:
        raise Unverifiable(f"Leaf {seq} conceals another number of members than its names say.")
    return set(listed) != disclosed.keys() - {"names"}


def _check_first(entries: Sequence[Entry], log: Log) -> None:
    if [entry.kind for entry in entries[:2]] != ["hearing.opened", "request.received"]:
        raise Unverifiable("The journal does not begin with its opening and the request.")
    if entries[0].member("logKey", str) != log.vkey:
        raise Unverifiable("The first entry does not name this log key.")


def _check_course(entries: Sequence[Entry]) -> None:
    """Sittings and stretches on the record alternate, the second within the first; none is left open."""
    sitting, on_record, stretches = "closed", False, 0
    for entry in entries:
        fault = False
        match entry.kind:
            case "sitting.opened":
                fault, sitting = sitting == "open", "open"
            case "sitting.ended":
                fault, sitting = sitting == "closed" or on_record, "closed"
            case "hearing.adjourned":
                fault, sitting = on_record, "adjourned" if sitting == "open" else sitting
            case "record.on":
                stretches += 1
                fault = (
                    on_record or sitting != "open" or entry.member("stretch", int) not in (None, stretches)
                )
                on_record = True
            case "record.off":
                fault = not on_record or entry.member("stretch", int) not in (None, stretches)
                on_record = False
            case _:
                continue
        if fault:
            raise Unverifiable(f"Entry {entry.seq} ({entry.kind}) cannot stand where it stands.")
    if sitting == "open" or on_record:
        raise Unverifiable("The record ends while a sitting is open.")


def _check_consultations(entries: Sequence[Entry]) -> None:
    """Nothing is on the record while a private consultation goes on, and it ends within its sitting."""
    private = on_record = False
    for entry in entries:
        fault = False
        match entry.kind:
            case "record.on":
                fault, on_record = private, True
            case "record.off":
                on_record = False
            case "consultation.begun":
                fault, private = private or on_record, True
            case "consultation.ended":
                fault, private = not private, False
            case "sitting.ended":
                fault = private
        if fault:
            raise Unverifiable(f"Entry {entry.seq} ({entry.kind}) cannot stand where it stands.")


def _check_choices(entries: Sequence[Entry]) -> None:
    """Under which instrument a hearing is held is settled before its room is first opened."""
    opened = False
    for entry in entries:
        if entry.kind == "instrument.chosen" and opened:
            raise Unverifiable(f"Entry {entry.seq} ({entry.kind}) cannot stand where it stands.")
        opened = opened or entry.kind == "sitting.opened"


_OF_A_TIME = {
    "hearing.moved",
    "hearing.rezoned",
    "hearing.split",
    "hearing.delayed",
    "turn.set",
    "hearing.postponed",
}
_ALONE = {"hearing.cancelled", "hearing.postponed", "hearing.adjourned"}


def _check_plan(entries: Sequence[Entry]) -> None:
    """A time is changed only while one is fixed, and a change that one side made alone is confirmed once.

    An entry that conceals which change it confirms is only held to that one waits.
    """
    fixed, waiting = False, set[int]()
    for entry in entries:
        fault = entry.kind in _OF_A_TIME and not fixed
        match entry.kind:
            case "hearing.scheduled":
                fixed = True
            case "hearing.postponed" | "hearing.cancelled":
                fixed = False
            case "change.confirmed":
                change = entry.member("change", int)
                fault = change not in waiting if change is not None else not waiting
                waiting.discard(-1 if change is None else change)
        if entry.kind in _ALONE:
            waiting.add(entry.seq)
        if fault:
            raise Unverifiable(f"Entry {entry.seq} ({entry.kind}) cannot stand where it stands.")


def _check_tests(entries: Sequence[Entry]) -> None:
    """Of a technical test nothing is said before it is arranged, nor after it was cancelled or held.

    An entry that conceals of which test it tells is only held to that one stands.
    """
    standing: set[str | None] = set()
    for entry in entries:
        if not entry.kind.startswith("test."):
            continue
        test = entry.member("test", str)
        if entry.kind == "test.arranged":
            standing.add(test)
        elif not (standing if test is None else standing & {test, None}):
            raise Unverifiable(f"Entry {entry.seq} ({entry.kind}) cannot stand where it stands.")
        elif entry.kind != "test.moved" and test is not None:
            standing.discard(test)


_ANSWERS = {
    "intervention.settled": ("intervention.made", "intervention"),
    "privilege.ruled": ("privilege.claimed", "claim"),
    "objection.decided": ("objection.raised", "objection"),
}


def _check_answers(entries: Sequence[Entry]) -> None:
    """Whatever is answered was raised before and is answered once, by the time at which the file is closed. An
    intervention may be settled again after the word that the hearing cannot go on.

    An answer that conceals what it answers is only held to that something was open.
    """
    answerable: dict[str, set[int]] = {kind: set() for kind, _ in _ANSWERS.values()}
    silent: dict[str, set[int]] = {kind: set() for kind, _ in _ANSWERS.values()}
    for entry in entries:
        if entry.kind in answerable:
            answerable[entry.kind].add(entry.seq)
            silent[entry.kind].add(entry.seq)
        elif entry.kind in _ANSWERS:
            kind, member = _ANSWERS[entry.kind]
            whose = entry.member(member, int)
            meant = answerable[kind] if whose is None else answerable[kind] & {whose}
            if not meant:
                raise Unverifiable(f"Entry {entry.seq} ({entry.kind}) answers what nobody raised.")
            silent[kind] -= meant
            if whose is not None and entry.disclosed.get("continues") is not False:
                answerable[kind] -= meant
        elif entry.kind == "hearing.closed" and (left := set[int]().union(*silent.values())):
            raise Unverifiable(f"The file is closed, and nothing answers entry {min(left)}.")


def _check_interventions(entries: Sequence[Entry]) -> None:
    """Nothing goes on over an intervention that suspended the hearing, nor after the word that it cannot."""
    held: set[int] = set()
    for entry in entries:
        match entry.kind:
            case "intervention.made":
                if entry.member("suspends", bool):
                    held.add(entry.seq)
            case "intervention.settled":
                whose = entry.member("intervention", int)
                if whose is None:
                    held.clear()
                elif entry.member("continues", bool) is False:
                    held.add(whose)
                else:
                    held.discard(whose)
            case "hearing.resumed" | "record.on":
                if held:
                    raise Unverifiable(
                        f"Entry {entry.seq} ({entry.kind}) goes on over the intervention of entry {min(held)}."
                    )


def _check_identities(entries: Sequence[Entry]) -> None:
    """Who was lost when the hearing was suspended is identified anew before it goes on with them."""
    lost: set[str] = set()
    outside: set[str] = set()
    on_record = False
    for entry in entries:
        fault = False
        who = entry.participant or ""
        match entry.kind:
            case "hearing.suspended":
                lost.update(texts(entry.member("lost", list) or [], f"Who was lost in entry {entry.seq}"))
            case "identity.renewed":
                lost.discard(who)
            case "participant.dismissed":
                outside.add(who)
            case "participant.admitted":
                outside.discard(who)
                fault = on_record and who in lost
            case "hearing.resumed":
                fault = bool(lost - outside)
            case "record.on":
                on_record = True
            case "record.off":
                on_record = False
            case "sitting.ended":
                lost.clear()
                outside.clear()
        if fault:
            raise Unverifiable(
                f"Entry {entry.seq} ({entry.kind}) goes on with somebody who was lost and not identified anew."
            )


_DOCUMENTS = {"data/minutes/requested.pdf": "requested", "data/minutes/requesting.pdf": "requesting"}


def _check_minutes(entries: Sequence[Entry]) -> None:
    """A document is sealed as who answers for it signed it, and nothing in it is changed afterwards. What is concealed
    may be of either document.
    """
    signed, sealed = set[str | None](), set[str]()
    for entry in entries:
        match entry.kind:
            case "minutes.worded" | "minutes.read" | "minutes.omitted" | "minutes.signed":
                whose = entry.member("whose", str)
                if whose in sealed:
                    raise Unverifiable(
                        f"Entry {entry.seq} ({entry.kind}) changes a document that was sealed before."
                    )
                if entry.kind == "minutes.signed":
                    signed.add(whose)
                elif entry.kind == "minutes.worded":
                    signed.discard(whose)
            case "minutes.sealed":
                of = _DOCUMENTS.get(entry.member("path", str) or "")
                if of is not None and not signed & {of, None}:
                    raise Unverifiable(f"Entry {entry.seq} seals a document that nobody signed as it stands.")
                if of is not None:
                    sealed.add(of)


_OF_COSIGNERS = {"cosigner.unavailable", "cosigner.returned"}


def _check_cosigners(entries: Sequence[Entry]) -> None:
    """Of each cosigner it is said that it does not sign, then that it does again, with the same beginning, and so on.

    Where an entry conceals of which one it tells, only that no time lies ahead is asked.
    """
    told = [entry for entry in entries if entry.kind in _OF_COSIGNERS]
    hidden = any(entry.member("cosigner", str) is None for entry in told)
    away: dict[str | None, str | None] = {}
    for entry in told:
        cosigner, since = entry.member("cosigner", str), entry.member("since", str)
        begins = entry.kind == "cosigner.unavailable"
        ahead = since is not None and instant(since) > entry.time
        fits = cosigner not in away if begins else away.get(cosigner, "") in {since, None} or since is None
        if ahead or not (hidden or (fits and (begins or cosigner in away))):
            raise Unverifiable(f"Entry {entry.seq} ({entry.kind}) cannot stand where it stands.")
        if begins:
            away[cosigner] = since
        else:
            away.pop(cosigner, None)


def cosigned_sentence(log: Log, entries: Sequence[Entry]) -> str:
    """Who followed the journal how far, and since when one that did not sign the head had not, as its entries say."""
    told = []
    for vkey, (size, at) in log.followed.items():
        name = cosigner_key(vkey)[0]
        whole = "" if vkey in log.cosigned else f" up to entry {size - 1}, not beyond,"
        told.append(f" Cosigned by {name}{whole} at {at:%Y-%m-%d %H:%M:%S} UTC.")
    away = {}
    for entry in entries:
        if entry.kind in _OF_COSIGNERS and (cosigner := entry.member("cosigner", str)) is not None:
            away[cosigner] = entry.member("since", str) if entry.kind == "cosigner.unavailable" else None
    told += [
        f" {name} had not cosigned it since {since}." for name, since in away.items() if since is not None
    ]
    return "".join(told)


_PROTECTS = {"identity": ("whom",), "recording": ("track", "stretch"), "member": ("entry",)}


def _check_protections(entries: Sequence[Entry]) -> None:
    """An order says what it protects, of what was there before it; it is lifted once, and so is a protection that nobody
    ordered. What is concealed counts as whatever it would have to be.
    """
    people: set[str | None] = set()
    standing: set[int] = set()
    for entry in entries:
        fault = False
        match entry.kind:
            case "participant.named":
                people.add(entry.participant)
            case "protection.ordered":
                needed = _PROTECTS.get(entry.member("protects", str) or "", ())
                whom, before = entry.member("whom", str), entry.member("entry", int)
                fault = not entry.concealed and not any(name in entry.disclosed for name in needed)
                fault = fault or (whom is not None and whom not in people)
                fault = fault or (before is not None and not 0 <= before < entry.seq)
                standing.add(entry.seq)
            case "protection.lifted":
                order, whom = entry.member("order", int), entry.member("whom", str)
                fault = not entry.concealed and (order is None) == (whom is None)
                fault = fault or (order is not None and order not in standing)
                fault = fault or (whom is not None and whom not in people)
                standing.discard(-1 if order is None else order)
        if fault:
            raise Unverifiable(f"Entry {entry.seq} ({entry.kind}) cannot stand where it stands.")


_HANDED = {
    "custody.sent": {"submitted", "delivered", "retrieved", "withdrawn"},
    "custody.offered": {"withdrawn"},
}


def _check_sendings(entries: Sequence[Entry]) -> None:
    """What is closed is handed over, and what is said of a sending is said of one that there was: each receipt once, and
    only of what was sent.

    An entry that conceals of which sending it tells is held to nothing but that there was one.
    """
    closed, concealed = False, False
    left: dict[str, set[str]] = {}
    for entry in entries:
        closed = closed or entry.kind == "hearing.closed"
        what = entry.kind.removeprefix("custody.")
        if entry.kind not in _HANDED and what not in _HANDED["custody.sent"]:
            continue
        sending = entry.member("sending", str)
        fault = not closed
        if entry.kind in _HANDED:
            fault = fault or sending in left
            concealed = concealed or sending is None
            left |= {sending: set(_HANDED[entry.kind])} if sending is not None else {}
        elif sending is None or sending not in left:
            fault = fault or not (concealed or (sending is None and left))
        elif what != "retrieved" or "receipt" in entry.disclosed:
            fault = fault or what not in left[sending]
            left[sending].discard(what)
        if fault:
            raise Unverifiable(f"Entry {entry.seq} ({entry.kind}) cannot stand where it stands.")


def sealed_paths(entries: Sequence[Entry]) -> dict[str, tuple[str, int]]:
    """Digest and entry of every file that an entry seals, by path, each once. Raises: Unverifiable."""
    folders = {"media.sealed": "data/media/", "minutes.sealed": "data/minutes/"}
    sealed: dict[str, tuple[str, int]] = {}
    for entry in entries:
        path, digest = entry.disclosed.get("path"), entry.disclosed.get("sha256")
        if entry.kind not in folders or path is None:
            continue
        if not isinstance(path, str) or not path.startswith(folders[entry.kind]) or path in sealed:
            raise Unverifiable(f"Entry {entry.seq} seals {str(path)[:80]}, twice or in a wrong place.")
        if digest is not None and not re.fullmatch(r"[0-9a-f]{64}", str(digest)):
            raise Unverifiable(f"Entry {entry.seq} seals {path} by what is no digest.")
        sealed[path] = (str(digest), entry.seq)
    return sealed


def check_files(bundle: Bundle, log: Log, sealed: Mapping[str, tuple[str, int]]) -> None:
    """First half of check 8: sealed files are there or withheld, and the others are not there."""
    there = {path for path in bundle.paths if path.startswith(("data/media/", "data/minutes/"))}
    withheld = log.withheld("path")
    for path in sorted(there):
        if path not in sealed:
            raise Unverifiable(f"{path} is sealed by no entry.")
        if bundle.sha256(path) != sealed[path][0]:
            raise Unverifiable(f"{path} is not the file that entry {sealed[path][1]} sealed.")
    if missing := sorted(sealed.keys() - there - withheld):
        raise Unverifiable(f"{missing[0]} was sealed, and is missing.")
    if odd := sorted((withheld & there) | (withheld - sealed.keys())):
        raise Unverifiable(f"{odd[0]} is declared as withheld, and is there or was never sealed.")


class _Consents:
    """What was asked and declared so far. What of it is concealed may be anything that it would have to be."""

    def __init__(self, hearing: str) -> None:
        self._hearing = hearing
        self._asked: list[Entry] = []
        self._standing: list[Entry] = []

    def ask(self, entry: Entry) -> None:
        words, digest = entry.member("words", str), entry.member("sha256", str)
        if None not in (words, digest) and hashlib.sha256(words.encode()).hexdigest() != digest:
            raise Unverifiable(f"Entry {entry.seq} asks with other words than those of its digest.")
        self._asked.append(entry)

    def declare(self, entry: Entry) -> None:
        if not any(self._answers(entry, question) for question in self._asked):
            raise Unverifiable(f"Entry {entry.seq} answers what nobody asked.")
        if not entry.concealed:
            self._check_method(entry)
        self._standing = [one for one in self._standing if not _same(one, entry, strictly=True)]
        self._standing.append(entry)

    def revoke(self, entry: Entry) -> None:
        found = next((one for one in self._standing if _same(one, entry)), None)
        if found is None:
            raise Unverifiable(f"Entry {entry.seq} takes back what does not stand.")
        self._standing.remove(found)

    def _answers(self, answer: Entry, question: Entry) -> bool:
        asked = answer.member("asked", str)
        return (
            _same(question, answer)
            and (asked is None or instant(asked) == question.time)
            and all(
                None in (one := (question.disclosed.get(name), answer.disclosed.get(name)))
                or one[0] == one[1]
                for name in ("text", "version", "language", "sha256", "sample")
            )
        )

    def _check_method(self, entry: Entry) -> None:
        said = entry.disclosed
        needed = {"browser": "signature", "paper": "document", "spoken": "witnessed"}
        method = said.get("method")
        if not isinstance(method, str) or needed.get(method) not in said:
            raise Unverifiable(f"Entry {entry.seq} is an answer without what its method demands.")
        if "signature" in said or "key" in said:
            key, signature = entry.member("key", str), entry.member("signature", str)
            data = answers.signed(self._hearing, str(entry.participant), said)
            if method != "browser" or None in (key, signature) or not answers.holds(key, signature, data):
                raise Unverifiable(f"The signature of the answer in entry {entry.seq} does not hold.")


def _same(one: Entry, other: Entry, *, strictly: bool = False) -> bool:
    """Whether two entries may be, or `strictly` are, of one person and one question."""
    if one.participant != other.participant:
        return False
    first, second = one.member("what", str), other.member("what", str)
    return first == second if strictly else None in (first, second) or first == second


def _check_declarations(entries: Sequence[Entry], hearing: str) -> None:
    """An answer is to a question and its signature holds; what is taken back stood, and on the record the hearing is
    suspended with it.
    """
    consents, on_record = _Consents(hearing), False
    for entry, following in zip(entries, [*entries[1:], None], strict=True):
        match entry.kind:
            case "record.on":
                on_record = True
            case "record.off":
                on_record = False
            case "consent.asked":
                consents.ask(entry)
            case "consent.declared":
                consents.declare(entry)
            case "consent.revoked":
                consents.revoke(entry)
                if on_record and (following is None or following.kind != "hearing.suspended"):
                    raise Unverifiable(f"Entry {entry.seq} takes an answer back, and the hearing goes on.")
