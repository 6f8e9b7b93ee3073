"""Cosigns the journals of other services (C2SP tlog-witness, tlog-cosignature): the side that is asked.

Each service has one Ed25519 key for this. Its vkey is of type 4, and stands with the services whose journals it
cosigns, with those that cosign its own, and in trust files. The same key introduces its owner's journals to others, as a
signed note of type 1: what is signed begins otherwise, so that neither passes for the other.

Whoever is not configured here can introduce nothing. Of each journal the newest head is kept, and it is compared and
replaced in one transaction, before anything is signed: of two requests at once that do not continue each other one
passes. A head that is smaller, or of another history, is never signed, whoever signed it.
"""

import base64
import binascii
import logging
import os
import re
import secrets
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlmodel import Session, col, func, select

from hearings import tree
from hearings.database import Database, in_turn
from hearings.errors import Unreachable, Unverifiable
from hearings.sentences import Sentence, say
from hearings.servicekey import ServiceKey
from hearings.tables import CosignedLog
from hearings.tree import Checkpoint
from hearings.verify_journal import cosigner_key

MOST_PROOF = 63  # lines, C2SP tlog-witness
LONGEST = 8 * 1024 + tree.LONGEST_NOTE  # bytes of a request
MOST_LOGS = 100_000  # of one service
INTRODUCTION = "vivavoce/introduction"
TEXT, SIZE = "text/plain", "text/x.tlog.size"
_ORIGIN = re.compile(r"vivavoce/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

log = logging.getLogger(__name__)


# --- the key -----------------------------------------------------------------------------------


class Key(NamedTuple):
    """`name`: a URL without its scheme (C2SP signed-note), as it was when the key was made."""

    name: str
    private: Ed25519PrivateKey

    @property
    def vkey(self) -> str:
        return tree.verifier_key(self.name, self.private.public_key(), tree.COSIGNATURE)


def key_at(path: Path, service: ServiceKey, *, name: str) -> Key:
    """The key in this file; made on first use, whole or not at all, and one only. It lies there wrapped, below its vkey.

    Raises: Unreachable if it cannot be read.
    """
    if not path.exists():
        private = Ed25519PrivateKey.generate()
        vkey = Key(name, private).vkey
        wrapped = base64.b64encode(service.wrap(private.private_bytes_raw(), _purpose(vkey))).decode()
        draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(f"{vkey}\n{wrapped}\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was quicker
            path.hardlink_to(draft)
        draft.unlink()
    try:
        vkey, wrapped = path.read_text().split()
        secret = service.unwrap(base64.b64decode(wrapped, validate=True), _purpose(vkey))
        return Key(cosigner_key(vkey)[0], Ed25519PrivateKey.from_private_bytes(secret))
    except (OSError, ValueError, Unverifiable) as error:
        raise Unreachable(say("The key of the cosigner in {path} cannot be read.", path=path)) from error


def _purpose(vkey: str) -> str:
    return f"cosigner {vkey}"


def introduction(log_vkey: str, key: Key) -> bytes:
    """What a service sends once of each of its journals, before heads of it can be cosigned."""
    return tree.signed_note(f"{INTRODUCTION}\n{log_vkey}\n".encode(), key.name, key.private)


# --- what is asked -----------------------------------------------------------------------------


class Submission(NamedTuple):
    """`old`: the size up to which the proof's sender believes that we have signed; `note`: the head, with the lines on it."""

    old: int
    proof: tuple[bytes, ...]
    head: Checkpoint


def submission(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The body of a request."""
    lines = "".join(f"{base64.b64encode(one).decode()}\n" for one in proof)
    return f"old {old}\n{lines}\n".encode() + note


def read_submission(body: bytes) -> Submission:
    """Raises: Unverifiable for what is not one, to the byte."""
    unreadable = Unverifiable(say("This is not a request to cosign a checkpoint."))
    if len(body) > LONGEST:
        raise unreadable
    front, empty, note = body.partition(b"\n\n")
    try:
        first, *lines = front.decode("ascii").split("\n")
        old = int(first.removeprefix("old "))
        proof = tuple(base64.b64decode(line, validate=True) for line in lines)
    except (ValueError, binascii.Error) as error:
        raise unreadable from error
    head = tree.read_checkpoint(note)
    small = (
        0 <= old <= tree.LARGEST_INTEGER and head.size <= tree.LARGEST_INTEGER and len(proof) <= MOST_PROOF
    )
    if not empty or not small or submission(old, proof, note) != body or any(len(one) != 32 for one in proof):
        raise unreadable
    return Submission(old, proof, head)


class Finding(StrEnum):
    """What is to be said of a head: it continues what was signed; the proof begins elsewhere; it is of another history, as two
    heads of one size show; nothing shows that it continues it.
    """

    CONTINUES = "continues"
    ELSEWHERE = "elsewhere"
    FORKED = "forked"
    UNPROVEN = "unproven"


def judge(size: int, root: bytes, sent: Submission) -> Finding:
    """Of a head with a good signature of its log, where `size` and `root` were signed last (0 and the empty tree's root of
    a new one).
    """
    if sent.head.size == size and sent.head.root != root:
        return Finding.FORKED
    if sent.old != size:
        return Finding.ELSEWHERE
    proven = tree.verify_consistency(size, sent.head.size, sent.proof, root, sent.head.root)
    return Finding.CONTINUES if proven else Finding.UNPROVEN


class Reply(NamedTuple):
    """`status`: of HTTP; `kind`: the media type of `data`."""

    status: int
    data: bytes
    kind: str = TEXT


def _refused(status: int, sentence: str) -> Reply:
    return Reply(status, f"{sentence}\n".encode())


class Pace:
    """So many requests of one address within so many seconds; what is further back is forgotten."""

    def __init__(self, most: int, seconds: float, moment: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._moment = moment
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)

    def allows(self, address: str) -> bool:
        now = self._moment()
        if len(self._times) > self._most:
            self._times = defaultdict(
                deque, {one: times for one, times in self._times.items() if times[-1] > now - self._seconds}
            )
        times = self._times[address]
        while times and times[0] <= now - self._seconds:
            times.popleft()
        if len(times) >= self._most:
            return False
        times.append(now)
        return True


# --- the cosigner ------------------------------------------------------------------------------


class Trouble(NamedTuple):
    """A journal of another service of which heads were sent that must not be cosigned. `shown`: the head, to be kept as
    evidence beside the one that was cosigned (`note`).
    """

    origin: str
    service: str
    kind: str
    size: int
    note: bytes
    shown: bytes
    noticed: datetime

    @property
    def sentence(self) -> Sentence:
        of = {"service": self.service, "size": self.size, "origin": self.origin}
        if self.kind == Finding.FORKED:
            return say("{service} signed two different heads over {size} entries of {origin}.", **of)
        return say(
            "{service} signed a head of {origin} that does not continue the one over {size} entries which was "
            "cosigned here: its journal may have been rolled back, or an old head was sent.",
            **of,
        )


class Cosigner:
    """`services`: the vkeys of those whose journals are cosigned here. Good for several threads and processes."""

    def __init__(
        self, database: Database, key: Key, clock: Callable[[], datetime], services: Sequence[str]
    ) -> None:
        self._database = database
        self._key = key
        self._clock = clock
        self._services = {_introducer(vkey): vkey for vkey in services}

    @property
    def vkey(self) -> str:
        return self._key.vkey

    @property
    def services(self) -> list[str]:
        """The names of those whose journals are cosigned here."""
        return [cosigner_key(vkey)[0] for vkey in self._services.values()]

    def introduce(self, body: bytes) -> Reply:
        """200 for a journal of a service that is known here, however often; 403 from any other, 400 for rubbish."""
        try:
            note = tree.read_note(body)
            title, vkey, _ = note.text.decode().split("\n")
            origin = tree.public_key(vkey)[0]
        except (ValueError, Unverifiable):
            return _refused(400, "This is not an introduction.")
        if title != INTRODUCTION or not _ORIGIN.fullmatch(origin):
            return _refused(400, "This is not an introduction.")
        service = next((vkey for key, vkey in self._services.items() if tree.signed_by(note, key)), None)
        if service is None:
            return _refused(403, "No service that is known here has signed this introduction.")
        return self._introduce(vkey, origin, service)

    def _introduce(self, vkey: str, origin: str, service: str) -> Reply:
        with self._database.transaction() as tx:
            in_turn(tx, service)
            if tx.get(CosignedLog, vkey) is None:
                known = select(func.count()).select_from(CosignedLog).where(CosignedLog.service == service)
                if tx.exec(known).one() >= MOST_LOGS:
                    return _refused(403, "No more journals of this service are cosigned here.")
                tx.add(
                    CosignedLog(
                        vkey=vkey,
                        origin=origin,
                        service=service,
                        introduced=self._clock(),
                        size=0,
                        root=tree.EMPTY_ROOT,
                    )
                )
        return Reply(200, b"")

    def add_checkpoint(self, body: bytes) -> Reply:
        """The cosignature's line, or why not, as C2SP tlog-witness has it.

        Raises: Unreachable if the database does not answer; nothing is signed then.
        """
        try:
            sent = read_submission(body)
        except Unverifiable as refusal:
            return _refused(400, str(refusal))
        with self._database.reading() as tx:
            known = tx.exec(select(CosignedLog).where(CosignedLog.origin == sent.head.origin)).all()
        row = next((one for one in known if tree.signed_by(sent.head, one.vkey)), None)
        if not known:
            return _refused(404, "This journal was not introduced.")
        if row is None:
            return _refused(
                403, "The checkpoint is not signed by the log key of its journal, first and once."
            )
        if sent.old > sent.head.size:
            return _refused(400, "The old size is larger than that of the checkpoint.")
        finding = judge(row.size, row.root, sent)
        if finding is not Finding.CONTINUES and _trouble(row, sent, finding) is None:
            return _refusal(row.size, finding)  # nobody can have us write by sending what is known
        with self._database.transaction() as tx:
            reply = self._taken(tx, row.vkey, sent)
        return reply or Reply(200, tree.cosigned_line(sent.head.text, *self._key, self._clock()))

    def _taken(self, tx: Session, vkey: str, sent: Submission) -> Reply | None:
        """Keeps the head, if it continues what is kept; nothing to say then."""
        row = tx.exec(select(CosignedLog).where(CosignedLog.vkey == vkey).with_for_update()).one()
        finding = judge(row.size, row.root, sent)
        if finding is Finding.CONTINUES:
            row.size, row.root, row.note = sent.head.size, sent.head.root, _with_own_line(sent.head)
            row.cosigned = self._clock()
            return None
        trouble = _trouble(row, sent, finding)
        if trouble is not None:
            row.trouble, row.shown, row.noticed = trouble, _with_own_line(sent.head), self._clock()
            log.error("%s: %s entries are %s, after %s", row.origin, sent.head.size, trouble, row.size)
        return _refusal(row.size, finding)

    def troubles(self) -> list[Trouble]:
        """The newest first, for the administrator."""
        with self._database.reading() as tx:
            rows = tx.exec(
                select(CosignedLog)
                .where(col(CosignedLog.trouble).is_not(None))
                .order_by(col(CosignedLog.noticed).desc())
                .limit(100)
            ).all()
        return [
            Trouble(
                row.origin,
                cosigner_key(row.service)[0],
                row.trouble or "",
                row.size,
                row.note or b"",
                row.shown or b"",
                row.noticed or row.introduced,
            )
            for row in rows
        ]


def _refusal(size: int, finding: Finding) -> Reply:
    if finding is Finding.UNPROVEN:
        return _refused(422, "The proof does not show that this continues what was cosigned.")
    return Reply(409, b"%d\n" % size, SIZE)


def _trouble(row: CosignedLog, sent: Submission, finding: Finding) -> Finding | None:
    """What the administrator is to be told: once, and again only if it turns out to be worse."""
    if row.trouble == Finding.FORKED or (finding is Finding.ELSEWHERE and sent.head.size >= row.size):
        return None
    found = Finding.FORKED if finding is Finding.FORKED else Finding.UNPROVEN
    return None if row.trouble == found else found


def _with_own_line(head: Checkpoint) -> bytes:
    """The head with the line of its log, and no other."""
    own = head.signatures[0]
    return head.text + b"\n" + tree.signature_line(*own)


def _introducer(vkey: str) -> str:
    """The same key as a cosigner's, for what it signs of type 1. Raises: Unverifiable."""
    name, _, raw = cosigner_key(vkey)
    return tree.verifier_key(name, Ed25519PublicKey.from_public_bytes(raw))
