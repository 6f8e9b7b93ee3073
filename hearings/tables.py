"""Every table. Rows are for finding things; the facts are in the journal.

Instants are stored in UTC; where wall clock matters the zone's name stands beside them. Nothing here is
particular to one database.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Column, DateTime, LargeBinary, String, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from consent.governing import Purpose
from hearings.roles import Capacity, Role, Side
from hearings.states import State


class Utc(TypeDecorator[datetime]):
    """An instant: aware in Python, UTC in the database, aware again when read."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None else None


class Word(TypeDecorator[StrEnum]):
    """One of the words of an enumeration, stored as that word: a new word needs no new schema."""

    impl = String(32)
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words
        self._known = {str(word): word for word in words}

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else str(self.words(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self._known[value]


def _word(words: type[StrEnum]) -> Any:
    return Field(sa_column=Column(Word(words), nullable=False))


def _hearing() -> Any:
    return Field(foreign_key="hearing.id", index=True)


class Authority(SQLModel, table=True):
    """A court or prosecution service, or the authority of the other State.

    `keeps`: for how many months after the file is closed recordings are kept, None while no rule is stated; `gone`:
    after how many they must be gone at the latest, if the rule says so; `rule`: where it is written, in words.
    """

    id: UUID = Field(primary_key=True)
    name: str
    state: str = Field(max_length=2)
    zone: str
    language: str
    email: str
    phone: str
    keeps: int | None = None
    gone: int | None = None
    rule: str = ""


class Account(SQLModel, table=True):
    """A member of staff who signs in. `role`: coordinator, presiding, clerk or administrator."""

    id: UUID = Field(primary_key=True)
    login: str = Field(unique=True)
    name: str
    role: str
    authority_id: UUID | None = Field(default=None, foreign_key="authority.id")
    password: str
    created: datetime = Field(sa_type=Utc)
    ended: datetime | None = Field(default=None, sa_type=Utc)


class Approval(SQLModel, table=True):
    """An authority has approved exactly this text: these words of this version, in this language."""

    text: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    sha256: str = Field(primary_key=True, max_length=64)
    authority_id: UUID = Field(primary_key=True, foreign_key="authority.id")
    account_id: UUID = Field(foreign_key="account.id")
    approved: datetime = Field(sa_type=Utc)


class Login(SQLModel, table=True):
    """A browser that is signed in: an account's, or a place's through its link. Only digests are kept."""

    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    place_id: UUID | None = Field(default=None, foreign_key="place.id", index=True)
    created: datetime = Field(sa_type=Utc)
    expires: datetime = Field(sa_type=Utc)
    ended: datetime | None = Field(default=None, sa_type=Utc)


class Invitation(SQLModel, table=True):
    """A one-time link that makes an account; the first one makes the first administrator."""

    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    role: str
    authority_id: UUID | None = Field(default=None, foreign_key="authority.id")
    created: datetime = Field(sa_type=Utc)
    used: datetime | None = Field(default=None, sa_type=Utc)


class Attempt(SQLModel, table=True):
    """A sign-in that has not succeeded. `login` and `address` are digests under the service key."""

    id: UUID = Field(primary_key=True)
    login: bytes = Field(sa_type=LargeBinary, index=True)
    address: bytes = Field(sa_type=LargeBinary, index=True)
    at: datetime = Field(sa_type=Utc, index=True)


class Hearing(SQLModel, table=True):
    """One proceeding. `aim`: what it is for, `capacity`: as what somebody is to be heard, as the choice of the instrument
    took it; `before`: the state that was suspended; `armed`: since when the recorder may be relied on;
    `kept`: the last stretch whose recording is complete on disk, `copied`: whose copies for playing have been made;
    `oath`: the formula that the request asks for, and `oath_by` the side that administers it; `log_key` is wrapped under
    the service key.
    """

    id: UUID = Field(primary_key=True)
    reference: str
    requested_reference: str | None = None
    matter: str
    purpose: str
    instrument: str
    aim: Purpose = _word(Purpose)
    capacity: Capacity | None = Field(default=None, sa_column=Column(Word(Capacity)))
    requesting_id: UUID = Field(foreign_key="authority.id", index=True)
    requested_id: UUID = Field(foreign_key="authority.id", index=True)
    state: State = _word(State)
    before: State = _word(State)
    deadline: datetime | None = Field(default=None, sa_type=Utc)
    start: datetime | None = Field(default=None, sa_type=Utc)
    zone: str | None = None
    minutes: int | None = None
    oath: str | None = None
    oath_by: str | None = None
    kept: int = 0
    copied: int = 0
    armed: datetime | None = Field(default=None, sa_type=Utc)
    log_key: bytes = Field(sa_type=LargeBinary)
    log_vkey: str
    created: datetime = Field(sa_type=Utc)


class Slot(SQLModel, table=True):
    """A time that could be agreed; it is fixed once both sides have confirmed it. `wall`: as it was said, on the clock of
    `zone` (`YYYY-MM-DDTHH:MM`), `fold` which of the two where the clocks show it twice; `people`: by handle, who would be heard
    then in a sitting of their own, nobody where no sitting is added; `sitting`: which one is meant, None for
    the next; `told`: when the other side was written to.
    """

    id: UUID = Field(primary_key=True)
    hearing_id: UUID = _hearing()
    start: datetime = Field(sa_type=Utc)
    wall: str
    fold: str | None = None
    zone: str
    people: list[str] = Field(default_factory=list, sa_type=JSON)
    sitting: int | None = None
    minutes: int
    reason: str
    proposed_by: str
    side: Side = _word(Side)
    created: datetime = Field(sa_type=Utc)
    told: datetime | None = Field(default=None, sa_type=Utc)
    settled: datetime | None = Field(default=None, sa_type=Utc)


class Sitting(SQLModel, table=True):
    """One sitting that both sides agreed to, the `n`th: `wall` on the clock of `zone` is what was agreed, `start` the instant
    that this is under the rules of release `rules`. `people`: by handle, who is heard in it, nobody named where it is for all;
    `turns`: of each person heard in it who comes at a time of their own
    (`scheduling.turns.Turn` as JSON); without any, everybody comes at its beginning. `late`, `late_from`: it runs so many
    minutes late, beginning with that person's turn. `opened`: when its room was.
    """

    hearing_id: UUID = Field(primary_key=True, foreign_key="hearing.id")
    n: int = Field(primary_key=True)
    start: datetime = Field(sa_type=Utc)
    wall: str
    fold: str | None = None
    zone: str
    minutes: int
    rules: str
    people: list[str] = Field(default_factory=list, sa_type=JSON)
    turns: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    late: int = 0
    late_from: str | None = None
    opened: datetime | None = Field(default=None, sa_type=Utc)


class CalendarEntry(SQLModel, table=True):
    """What somebody was told last of an appointment: `about` a sitting by its number, or a test; `recipient` a participant's
    handle, or the side whose office it is. `told` is what they know (see `notices.Told`), `stands` whether it is still so;
    `uid` is the entry's in their calendar, and `sequence` counts its changes. `digest` and `sealed`: the token of the link by which they answer, None once it is
    withdrawn; `answer`: what they answered for the time that they were told.
    """

    hearing_id: UUID = Field(primary_key=True, foreign_key="hearing.id")
    about: str = Field(primary_key=True)
    recipient: str = Field(primary_key=True)
    uid: str
    sequence: int
    told: dict[str, Any] = Field(sa_type=JSON)
    stands: bool
    digest: bytes | None = Field(default=None, sa_type=LargeBinary, unique=True)
    sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    answer: str | None = None
    created: datetime = Field(sa_type=Utc)
    changed: datetime = Field(sa_type=Utc)


class Timer(SQLModel, table=True):
    """Something that is due: the database is the calendar. One row for each `kind` and what it is `about`; a new `due` arms it
    again. `until`: after which it is dropped, None where it is never too late; `next`: when it is tried, None once it is over;
    `fired`: when it was; `dropped`: when that was; `tries`: how often it failed.
    """

    hearing_id: UUID = Field(primary_key=True, foreign_key="hearing.id")
    kind: str = Field(primary_key=True)
    about: str = Field(primary_key=True)
    due: datetime = Field(sa_type=Utc)
    until: datetime | None = Field(default=None, sa_type=Utc)
    next: datetime | None = Field(sa_type=Utc, index=True)
    fired: datetime | None = Field(default=None, sa_type=Utc)
    dropped: datetime | None = Field(default=None, sa_type=Utc)
    tries: int = 0


class Place(SQLModel, table=True):
    """One connection with one or more named persons. `admitted` is None in the waiting room.

    `consults`: since when it is in a private consultation. `channel`: the language (BCP 47) of the channel that its
    interpreter was given, `interpreting` whether they speak into it rather than on the floor; `hears`: the language
    that it chose to listen to, whether it is open or not.
    """

    id: UUID = Field(primary_key=True)
    hearing_id: UUID = _hearing()
    name: str
    side: Side = _word(Side)
    zone: str
    language: str
    admitted: datetime | None = Field(default=None, sa_type=Utc)
    joined: datetime | None = Field(default=None, sa_type=Utc)
    lost: datetime | None = Field(default=None, sa_type=Utc)
    muted: list[str] = Field(default_factory=list, sa_type=JSON)
    consults: datetime | None = Field(default=None, sa_type=Utc)
    channel: str | None = None
    interpreting: bool = False
    hears: str | None = None
    created: datetime = Field(sa_type=Utc)


class Participant(SQLModel, table=True):
    """A person with a role. The first of a place by `position` gives the place's tracks their name."""

    __table_args__ = (UniqueConstraint("hearing_id", "handle"),)

    id: UUID = Field(primary_key=True)
    hearing_id: UUID = _hearing()
    place_id: UUID | None = Field(default=None, foreign_key="place.id", index=True)
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    handle: str = Field(max_length=8)
    position: int
    name: str
    role: Role = _word(Role)
    function: str
    side: Side = _word(Side)
    language: str
    capacity: Capacity | None = Field(default=None, sa_column=Column(Word(Capacity)))
    email: str | None = None


class Link(SQLModel, table=True):
    """A personal link to a place; the token itself is shown once and kept nowhere."""

    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    place_id: UUID = Field(foreign_key="place.id", index=True)
    issued: datetime = Field(sa_type=Utc)
    expires: datetime = Field(sa_type=Utc)
    redeemed: datetime | None = Field(default=None, sa_type=Utc)
    revoked: datetime | None = Field(default=None, sa_type=Utc)


class Appointment(SQLModel, table=True):
    """A technical test of a place before the hearing, agreed for `wall` (YYYY-MM-DDTHH:MM) on the clocks of `zone`.

    `fold`: earlier or later, where the clocks show that time twice; `by`: handle of who arranged it; `held`: when
    it was said what it showed, and `good` whether that was good, or is to be repeated.
    """

    id: UUID = Field(primary_key=True)
    hearing_id: UUID = _hearing()
    place_id: UUID = Field(foreign_key="place.id", index=True)
    start: datetime = Field(sa_type=Utc)
    wall: str = Field(max_length=16)
    fold: str | None = Field(default=None, max_length=7)
    zone: str
    minutes: int
    created: datetime = Field(sa_type=Utc)
    by: str = Field(max_length=8)
    cancelled: datetime | None = Field(default=None, sa_type=Utc)
    held: datetime | None = Field(default=None, sa_type=Utc)
    good: bool | None = None


class Ticket(SQLModel, table=True):
    """A link that opens a technical test and nothing else, and the login that opening it gave; both as digests."""

    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    appointment_id: UUID = Field(foreign_key="appointment.id", index=True)
    place_id: UUID = Field(foreign_key="place.id", index=True)
    issued: datetime = Field(sa_type=Utc)
    redeemed: datetime | None = Field(default=None, sa_type=Utc)
    revoked: datetime | None = Field(default=None, sa_type=Utc)
    login: bytes | None = Field(default=None, sa_type=LargeBinary)


class Document(SQLModel, table=True):
    """A letter or annex; the bytes lie in the data folder under their digest."""

    id: UUID = Field(primary_key=True)
    hearing_id: UUID = _hearing()
    kind: str
    name: str
    media_type: str
    sha256: str = Field(max_length=64)
    size: int
    filed: datetime = Field(sa_type=Utc)


class Outbox(SQLModel, table=True):
    """A letter to be sent. `kind`: a word such as `link`; `about`: the handle of whom it goes to, or the side of an
    office; `language`: of its text. `sealed`: its content under the service key, erased once it is sent; `shown`: what
    may be looked at later, under the same key. `said`: why it is not sent yet, or the words with which it came back;
    `again`: the letter that is sent in its stead.
    """

    id: UUID = Field(primary_key=True)
    hearing_id: UUID | None = Field(default=None, foreign_key="hearing.id", index=True)
    recipient: str
    subject: str
    kind: str = ""
    about: str = ""
    language: str = "en"
    sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    shown: bytes | None = Field(default=None, sa_type=LargeBinary)
    created: datetime = Field(sa_type=Utc)
    due: datetime = Field(sa_type=Utc, index=True)
    attempts: int = 0
    said: str | None = None
    sent: datetime | None = Field(default=None, sa_type=Utc)
    failed: str | None = None
    returned: datetime | None = Field(default=None, sa_type=Utc)
    again: UUID | None = None


class Feed(SQLModel, table=True):
    """An address under which a calendar program finds somebody's hearings: all of a member of staff's, or the one of a
    participant. The token itself is shown once and kept nowhere.
    """

    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    account_id: UUID | None = Field(default=None, foreign_key="account.id", index=True)
    hearing_id: UUID | None = Field(default=None, foreign_key="hearing.id", index=True)
    participant_id: UUID | None = Field(default=None, foreign_key="participant.id", index=True)
    created: datetime = Field(sa_type=Utc)
    revoked: datetime | None = Field(default=None, sa_type=Utc)


class Alarm(SQLModel, table=True):
    """Which process arms the clock, in one row: it counts `beat` up as long as it does. `holder` is "" of nobody."""

    id: int = Field(primary_key=True)
    holder: str = Field(max_length=32)
    beat: int = Field(sa_type=BigInteger)


class JournalLeaf(SQLModel, table=True):
    """One leaf: its bytes, its disclosures, its RFC 6962 hash. Written by `journal` alone, never changed."""

    hearing_id: UUID = Field(primary_key=True, foreign_key="hearing.id")
    seq: int = Field(primary_key=True)
    time: datetime = Field(sa_type=Utc)
    type: str
    data: bytes = Field(sa_type=LargeBinary)
    disclosures: list[str] = Field(sa_type=JSON)
    hash: bytes = Field(sa_type=LargeBinary)


class Checkpoint(SQLModel, table=True):
    """A signed head of a hearing's journal."""

    hearing_id: UUID = Field(primary_key=True, foreign_key="hearing.id")
    size: int = Field(primary_key=True)
    note: bytes = Field(sa_type=LargeBinary)
    signed: datetime = Field(sa_type=Utc)


class Cosigning(SQLModel, table=True):
    """How far a cosigner, known by its vkey, has signed the heads of a hearing. `away`: since when it has not, as the
    journal says, None while it does; `ahead`: it holds a head over so many entries, which this journal does not have.
    """

    hearing_id: UUID = Field(primary_key=True, foreign_key="hearing.id")
    cosigner: str = Field(primary_key=True)
    size: int
    away: datetime | None = Field(default=None, sa_type=Utc)
    ahead: int | None = None


class Cosignature(SQLModel, table=True):
    """The line of a cosigner on a head, and when it says that it signed."""

    hearing_id: UUID = Field(primary_key=True, foreign_key="hearing.id")
    size: int = Field(primary_key=True)
    cosigner: str = Field(primary_key=True)
    line: bytes = Field(sa_type=LargeBinary)
    at: datetime = Field(sa_type=Utc)


class FrozenHead(SQLModel, table=True):
    """A head that packages are made of, with everything that was sealed with it, byte for byte. `signer`: the SHA-256 of
    the seal's certificate, `root` what it ends in (PEM); `token`: of a timestamp authority, if it gave one; `earlier`:
    the heads before it that go along, as text.
    """

    hearing_id: UUID = Field(primary_key=True, foreign_key="hearing.id")
    size: int = Field(primary_key=True)
    signer: str = Field(primary_key=True, max_length=64)
    note: bytes = Field(sa_type=LargeBinary)
    seal: bytes = Field(sa_type=LargeBinary)
    log_key: bytes = Field(sa_type=LargeBinary)
    log_key_seal: bytes = Field(sa_type=LargeBinary)
    token: bytes | None = Field(default=None, sa_type=LargeBinary)
    root: bytes = Field(sa_type=LargeBinary)
    earlier: list[str] = Field(sa_type=JSON)
    frozen: datetime = Field(sa_type=Utc)


class CosignedLog(SQLModel, table=True):
    """The journal of another service, by the vkey of its log key, and the newest head of it that was cosigned here.
    `service`: the vkey of who introduced it; `trouble`: `forked` or `unproven`, with the head that shows it (`shown`).
    """

    vkey: str = Field(primary_key=True)
    origin: str = Field(index=True)
    service: str = Field(index=True)
    introduced: datetime = Field(sa_type=Utc)
    size: int = Field(sa_type=BigInteger)
    root: bytes = Field(sa_type=LargeBinary)
    note: bytes | None = Field(default=None, sa_type=LargeBinary)
    cosigned: datetime | None = Field(default=None, sa_type=Utc)
    trouble: str | None = None
    shown: bytes | None = Field(default=None, sa_type=LargeBinary)
    noticed: datetime | None = Field(default=None, sa_type=Utc)


class Segment(SQLModel, table=True):
    """A segment of an original that is on disk; `prefix` is the digest of the file up to its end."""

    hearing_id: UUID = Field(primary_key=True, foreign_key="hearing.id")
    track: str = Field(primary_key=True)
    stretch: int = Field(primary_key=True)
    seg: int = Field(primary_key=True)
    off: int = Field(sa_type=BigInteger)
    len: int
    since: datetime = Field(sa_type=Utc)
    until: datetime = Field(sa_type=Utc)
    sha256: str = Field(max_length=64)
    prefix: str = Field(max_length=64)


class Copy(SQLModel, table=True):
    """A copy for playing, `path` as in the record; `size` in bytes, None of one that could not be made."""

    hearing_id: UUID = Field(primary_key=True, foreign_key="hearing.id")
    path: str = Field(primary_key=True)
    stretch: int
    size: int | None = Field(default=None, sa_type=BigInteger)


class Gap(SQLModel, table=True):
    """A time in which nothing of a track was received or kept, as the recorder told it last."""

    hearing_id: UUID = Field(primary_key=True, foreign_key="hearing.id")
    track: str = Field(primary_key=True)
    stretch: int = Field(primary_key=True)
    since: datetime = Field(primary_key=True, sa_type=Utc)
    until: datetime = Field(sa_type=Utc)
    reason: str


class RecordingKey(SQLModel, table=True):
    """The pair that a hearing's recordings are locked for, those that the court sealed for one of their own; `secret`
    is wrapped under the service key.
    """

    hearing_id: UUID = Field(primary_key=True, foreign_key="hearing.id")
    sealed: bool = Field(primary_key=True)
    public: bytes = Field(sa_type=LargeBinary)
    secret: bytes = Field(sa_type=LargeBinary)
    created: datetime = Field(sa_type=Utc)


class Cursor(SQLModel, table=True):
    """The last report of a worker's spool that was committed."""

    spool: str = Field(primary_key=True)
    n: int = Field(sa_type=BigInteger)


class RecordFile(SQLModel, table=True):
    """Sealed minutes, and whatever else the record holds beside sound and picture."""

    hearing_id: UUID = Field(primary_key=True, foreign_key="hearing.id")
    path: str = Field(primary_key=True)
    data: bytes = Field(sa_type=LargeBinary)
    sha256: str = Field(max_length=64)
    sealed: datetime = Field(sa_type=Utc)


class Sending(SQLModel, table=True):
    """A package on its way to the service of another court. `partner`: by its name in the settings; `file`: which locked
    file it lies in; `document` and `seal`: the announcement; `package`, `size`: of the package; `length`: of the locked
    file, `given`: as much of it as was fetched; `due`: when it is attended to next, None when nothing is left to do;
    `said`: why it does not go on.
    """

    id: UUID = Field(primary_key=True)
    hearing_id: UUID = _hearing()
    partner: str
    version: str
    by: str = Field(max_length=8)
    created: datetime = Field(sa_type=Utc)
    file: str = Field(default="", max_length=8)
    document: bytes | None = Field(default=None, sa_type=LargeBinary)
    seal: bytes | None = Field(default=None, sa_type=LargeBinary)
    package: str = Field(default="", max_length=64)
    size: int = Field(default=0, sa_type=BigInteger)
    length: int = Field(default=0, sa_type=BigInteger)
    given: int = Field(default=0, sa_type=BigInteger)
    due: datetime | None = Field(default=None, sa_type=Utc)
    attempts: int = 0
    said: str | None = None
    submitted: datetime | None = Field(default=None, sa_type=Utc)
    delivered: datetime | None = Field(default=None, sa_type=Utc)
    accepted: bool | None = None
    verdict: str | None = None
    retrieved: datetime | None = Field(default=None, sa_type=Utc)
    withdrawn: datetime | None = Field(default=None, sa_type=Utc)


class Receipt(SQLModel, table=True):
    """What the other court sealed of a sending, as it came."""

    sending_id: UUID = Field(primary_key=True, foreign_key="sending.id")
    hearing_id: UUID = _hearing()
    kind: str = Field(primary_key=True, max_length=16)
    document: bytes = Field(sa_type=LargeBinary)
    seal: bytes = Field(sa_type=LargeBinary)
    came: datetime = Field(sa_type=Utc)


class Offer(SQLModel, table=True):
    """A package that somebody without the service may fetch until `until`. `digest`: of the link, `key`: of what is told by
    another way, under the service key; `wrong`: how often another key was tried; `browser`: the digest that a browser is known
    by which gave the right one.
    """

    id: UUID = Field(primary_key=True)
    hearing_id: UUID = _hearing()
    recipient: str
    version: str
    by: str = Field(max_length=8)
    created: datetime = Field(sa_type=Utc)
    until: datetime = Field(sa_type=Utc)
    digest: bytes = Field(sa_type=LargeBinary, unique=True)
    key: bytes = Field(sa_type=LargeBinary)
    language: str
    letter: bool
    package: str = Field(max_length=64)
    size: int = Field(sa_type=BigInteger)
    wrong: int = 0
    browser: bytes | None = Field(default=None, sa_type=LargeBinary)
    fetched: datetime | None = Field(default=None, sa_type=Utc)
    withdrawn: datetime | None = Field(default=None, sa_type=Utc)


class Received(SQLModel, table=True):
    """A record of another service: sent by a partner, or brought by somebody of `authority_id`. `bound`: the name that its
    locked file is bound to, `length`: of that file in bytes, `got`: how many pieces of it are on disk; `same`: the record that
    it is, if it was here before; `trust`: with what it is verified; `checks`: what came of each check; `kept`: since when it
    is a record of ours.
    """

    id: UUID = Field(primary_key=True)
    authority_id: UUID | None = Field(default=None, foreign_key="authority.id")
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    partner: str | None = None
    hearing: str = Field(default="", max_length=45, index=True)
    reference: str
    version: str = ""
    created: datetime = Field(sa_type=Utc)
    document: bytes | None = Field(default=None, sa_type=LargeBinary)
    seal: bytes | None = Field(default=None, sa_type=LargeBinary)
    token: bytes | None = Field(default=None, sa_type=LargeBinary)
    sha256: str = Field(max_length=64, index=True)
    size: int = Field(sa_type=BigInteger)
    bound: str
    length: int = Field(default=0, sa_type=BigInteger)
    got: int = 0
    same: UUID | None = Field(default=None, foreign_key="received.id")
    trust: bytes | None = Field(default=None, sa_type=LargeBinary)
    due: datetime | None = Field(default=None, sa_type=Utc)
    attempts: int = 0
    said: str | None = None
    whole: datetime | None = Field(default=None, sa_type=Utc)
    verified: datetime | None = Field(default=None, sa_type=Utc)
    accepted: bool | None = None
    verdict: str = ""
    checks: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    kept: datetime | None = Field(default=None, sa_type=Utc)
    opened: datetime | None = Field(default=None, sa_type=Utc)
    ended: datetime | None = Field(default=None, sa_type=Utc)


class GivenReceipt(SQLModel, table=True):
    """A receipt of ours; `told`: when the other service had it."""

    received_id: UUID = Field(primary_key=True, foreign_key="received.id")
    kind: str = Field(primary_key=True, max_length=16)
    document: bytes = Field(sa_type=LargeBinary)
    seal: bytes = Field(sa_type=LargeBinary)
    given: datetime = Field(sa_type=Utc)
    told: datetime | None = Field(default=None, sa_type=Utc)


class TransferKey(SQLModel, table=True):
    """The pair that what partners send is locked for; `secret` is wrapped under the service key. There is one."""

    id: int = Field(primary_key=True)
    public: bytes = Field(sa_type=LargeBinary)
    secret: bytes = Field(sa_type=LargeBinary)
    created: datetime = Field(sa_type=Utc)
