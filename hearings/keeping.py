"""How long a hearing is kept after its file is closed, and the end of it.

Each authority states its own rule; the longer one wins. Where one State wants it gone before the other lets it go, a
person decides, in words. While a hold stands, or a rule is missing, nothing is destroyed. Destroying is one step: the
certificate is written, and with the same commit go the keys, what the journal discloses and every row that tells of
the hearing. The files follow; whoever is killed in between finishes it at the next start (`finish`). What somebody
took along is not ours to destroy.
"""

import logging
import threading
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlmodel import Session, SQLModel, col, delete, select, update

from hearings import docket, registry
from hearings.accounts import Staff
from hearings.actors import Actor
from hearings.acts import Acts
from hearings.database import Database
from hearings.errors import NotAllowed, NotFound, NotReady, NotValid, Unreachable
from hearings.events import CustodyDestroyed, CustodyHeld, CustodyReleased, Keeps
from hearings.post import message_id
from hearings.said import Said
from hearings.sentences import Day, Sentence, say
from hearings.states import State, Verb
from hearings.store import Store
from hearings.story import Story
from hearings.tables import (
    Authority,
    Checkpoint,
    Document,
    Hearing,
    JournalLeaf,
    Outbox,
    Place,
    RecordFile,
)
from hearings.tree import stamp
from media.storage import Storage
from scheduling.mail import MailFolder
from scheduling.zones import on_clock

log = logging.getLogger(__name__)


class Reason(Said):
    reason: str = Field(min_length=1, max_length=2000)


class Destruction(Said):
    """`reference`: of the hearing, typed once more; `decision`: how a conflict of the rules was settled."""

    reference: str = Field(min_length=1, max_length=100)
    decision: str | None = Field(default=None, min_length=1, max_length=2000)


# --- the rules of both States


@dataclass(frozen=True)
class Terms:
    """What the rules of both authorities come to. `until`: the last day of keeping, None until both have stated a
    rule and the file is closed; `over`: whether that day has passed on both clocks.
    """

    authorities: tuple[Authority, ...]
    closed: datetime | None
    rules: tuple[Keeps, ...]
    until: date | None
    over: bool

    @property
    def longest(self) -> Keeps | None:
        return max(self.rules, key=lambda rule: rule.until, default=None)

    @property
    def conflict(self) -> tuple[Keeps, Keeps] | None:
        """The rule by which it must be gone, and the one by which it is still kept then."""
        longest = self.longest
        if longest is None:
            return None
        early = [rule for rule in self.rules if rule.latest is not None and rule.latest <= longest.until]
        return (early[0], longest) if early else None


def terms(closed: datetime | None, now: datetime, authorities: Sequence[Authority]) -> Terms:
    """Days are counted on each authority's own clock, so that none of them is cut short."""
    rules = tuple(
        _applied(one, closed) for one in authorities if one.keeps is not None and closed is not None
    )
    stated = len(rules) == len(authorities)
    until = max((rule.until for rule in rules), default=None) if stated else None
    over = until is not None and all(on_clock(now, one.zone).date > until for one in authorities)
    return Terms(tuple(authorities), closed, rules, until, over)


def _applied(authority: Authority, closed: datetime) -> Keeps:
    day = on_clock(closed, authority.zone).date
    months = authority.keeps or 0
    return Keeps(
        authority=authority.name,
        state=authority.state,
        months=months,
        until=later(day, months),
        gone=authority.gone,
        latest=None if authority.gone is None else later(day, authority.gone),
        source=authority.rule,
    )


def later(day: date, months: int) -> date:
    """The same day so many months later, or the last one of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def obstacles(standing: Terms, story: Story) -> list[Sentence]:
    """Why nothing may be destroyed yet."""
    silent = (one.name for one in standing.authorities if one.keeps is None)
    told = [say("{authority} has not said how long it keeps recordings.", authority=name) for name in silent]
    if standing.until is not None and not standing.over:
        told.append(say("It is kept until {day}.", day=Day(standing.until)))
    told += [
        say("{who} laid a hold: {reason}", who=story.named(h.by), reason=h.reason)
        for h in story.holds.values()
    ]
    return told


def _conflict(standing: Terms) -> Sentence | None:
    if standing.conflict is None:
        return None
    early, long = standing.conflict
    return say(
        "{one} wants it gone by {latest} ({source}); {other} keeps it until {until} ({ground}).",
        one=early.authority,
        latest=Day(early.latest or early.until),
        source=early.source,
        other=long.authority,
        until=Day(long.until),
        ground=long.source,
    )


def told(standing: Terms, story: Story, actor: Actor) -> dict[str, Any]:
    """For the pages: `due` if it may be destroyed now."""
    missing = obstacles(standing, story)
    applied = {rule.state: rule for rule in standing.rules}
    return {
        "closed": stamp(standing.closed) if standing.closed else None,
        "until": standing.until.isoformat() if standing.until else None,
        "over": standing.over,
        "by": standing.longest.authority if standing.longest and standing.until else None,
        "rules": [_rule(one, applied.get(one.state)) for one in standing.authorities],
        "conflict": _conflict(standing),
        "holds": [
            {
                "n": hold.n,
                "reason": hold.reason,
                "by": story.named(hold.by),
                "since": stamp(hold.since),
                "yours": story.people[hold.by].side in {person.side for person in actor.people},
            }
            for hold in story.holds.values()
        ],
        "obstacles": missing,
        "due": standing.closed is not None and not missing,
    }


def _rule(authority: Authority, applied: Keeps | None) -> dict[str, Any]:
    return {
        "authority": authority.name,
        "state": authority.state,
        "months": authority.keeps,
        "gone": authority.gone,
        "source": authority.rule,
        "until": applied.until.isoformat() if applied else None,
        "latest": applied.latest.isoformat() if applied and applied.latest else None,
    }


# --- holds, and the end


class Keeping:
    def __init__(
        self, acts: Acts, database: Database, store: Store, letters: MailFolder, recordings: Path
    ) -> None:
        self._acts = acts
        self._journal = acts.journal
        self._database = database
        self._store = store
        self._letters = letters
        self._recordings = recordings
        self._finishing = threading.Lock()
        self._finished = False

    def hold(self, actor: Actor, reason: Reason) -> None:
        with self._acts.act(actor, Verb.HOLD) as act:
            act.write(CustodyHeld(reason=reason.reason, by=act.who.handle))

    def lift(self, actor: Actor, n: int, reason: Reason) -> None:
        """`n`: the number of the entry that laid it. Raises: NotFound, NotAllowed for the other side."""
        with self._acts.act(actor, Verb.LIFT_HOLD) as act:
            hold = act.story.holds.get(n)
            if hold is None:
                raise NotFound(say("There is no such hold, or it has been lifted."))
            if act.story.people[hold.by].side is not act.who.side:
                raise NotAllowed(say("A hold is lifted by the side that laid it."))
            act.write(CustodyReleased(hold=n, reason=reason.reason, by=act.who.handle))

    def destroy(self, actor: Actor, asked: Destruction) -> None:
        """Everything of the hearing but the certificate, for good. Raises: NotReady, NotValid."""
        with self._acts.act(actor, Verb.DESTROY) as act:
            standing = _terms(act.tx, act.hearing, act.story, act.now)
            missing = obstacles(standing, act.story)
            if missing or standing.until is None or standing.closed is None:
                raise NotReady(say("It cannot be destroyed yet."), hints=tuple(missing))
            if asked.reference != act.hearing.reference:
                raise NotValid(say("This is not the reference of this hearing."), field="reference")
            if standing.conflict is not None and asked.decision is None:
                raise NotValid(say("Say how the conflict of the two rules was settled."), field="decision")
            sizes = self._sizes(act.tx, act.hearing.id)
            keys = registry.destroy(act.tx, act.hearing.id)
            person = act.story.people[act.who.handle]
            act.write(
                CustodyDestroyed(
                    closed=standing.closed,
                    kept=standing.until,
                    rules=list(standing.rules),
                    decision=asked.decision if standing.conflict else None,
                    keys=keys,
                    files=len(sizes),
                    bytes=sum(sizes),
                    name=person.name,
                    function=person.function,
                    by=person.handle,
                )
            )
            self._journal.erase(act.tx, act.hearing.id)
            _forget(act.tx, act.hearing)
        self._finish()

    def finish(self) -> None:
        """Whatever a destroying that has been committed still leaves: the head over the certificate, files, old pages
        of the database. Done at start, after each destroying, and again until all of it is done.
        """
        if not self._finished:
            self._finish()

    def _finish(self) -> None:
        with self._finishing:
            self._finished = False
            try:
                with self._journal.reading() as tx:
                    gone = tx.exec(select(Hearing.id).where(Hearing.state == State.DESTROYED)).all()
                removed = [self._removed(hearing) for hearing in gone]
                self._finished = self._database.settle() and all(removed)
            except Unreachable:
                log.exception("what was destroyed could not be seen to yet")

    def certificate(self, staff: Staff, hearing: UUID) -> dict[str, Any]:
        """What is left of a hearing that was destroyed, for the staff of both sides. Raises: NotFound."""
        with self._journal.reading() as tx:
            row = tx.get(Hearing, hearing)
            docket.standing(staff, row)
            entry = self._journal.certificate(tx, hearing)
            if row is None or entry is None:
                raise NotFound(say("This hearing was not destroyed."))
            requesting, requested = (
                tx.get_one(Authority, one) for one in (row.requesting_id, row.requested_id)
            )
        return {
            "hearing": str(row.id),
            "reference": row.reference,
            "requested_reference": row.requested_reference,
            "requesting": requesting.name,
            "requested": requested.name,
            "entry": entry.seq,
            "destroyed": stamp(entry.time),
            **entry.event.members(),
        }

    def _sizes(self, tx: Session, hearing: UUID) -> list[int]:
        """Bytes of every file of this hearing."""
        storage = Storage(self._recordings / str(hearing))
        minutes = tx.exec(select(RecordFile).where(RecordFile.hearing_id == hearing))
        return [
            *(storage.size(name) or 0 for name in storage.names()),
            *(path.stat().st_size for path in self._packages(hearing)),
            *(len(file.data) for file in minutes),
            *tx.exec(select(Document.size).where(Document.hearing_id == hearing)),
        ]

    def _packages(self, hearing: UUID) -> list[Path]:
        return list((self._recordings.parent / "packages").glob(f"{hearing}-*"))

    def _removed(self, hearing: UUID) -> bool:
        try:
            Storage(self._recordings / str(hearing)).clear()
            for path in self._packages(hearing):
                path.unlink(missing_ok=True)
            with self._journal.reading() as tx:
                letters = tx.exec(select(Outbox.id).where(Outbox.hearing_id == hearing)).all()
                documents = tx.exec(select(Document.id).where(Document.hearing_id == hearing)).all()
                certificate = self._journal.certificate(tx, hearing)
                signed = certificate and tx.get(Checkpoint, (hearing, certificate.seq + 1))
            if letters:
                self._letters.withdraw({message_id(row) for row in letters})
            if letters or documents:
                self._remove_last_rows(hearing)
            if not signed:
                self._journal.checkpoint(hearing)
        except (OSError, Unreachable):
            log.exception("what hearing %s left on disk could not be removed yet", hearing)
            return False
        return True

    def _remove_last_rows(self, hearing: UUID) -> None:
        """With the documents that they name; one that another hearing has, too, stays there."""
        with self._journal.transaction() as tx:
            for row in tx.exec(select(Document).where(Document.hearing_id == hearing)).all():
                elsewhere = select(Document.id).where(
                    Document.sha256 == row.sha256, Document.hearing_id != hearing
                )
                if tx.exec(elsewhere).first() is None:
                    self._store.remove(row.sha256)
                tx.delete(row)
            tx.exec(delete(Outbox).where(col(Outbox.hearing_id) == hearing))


LAST = (Document, Outbox)
"""Rows that say which files are to be removed, and go with them."""
_STAYS = frozenset(str(table.__tablename__) for table in (JournalLeaf, Checkpoint, *LAST))


def _terms(tx: Session, hearing: Hearing, story: Story, now: datetime) -> Terms:
    sides = (hearing.requesting_id, hearing.requested_id)
    return terms(story.closed, now, [tx.get_one(Authority, side) for side in sides])


def _forget(tx: Session, hearing: Hearing) -> None:
    """Every row that tells of the hearing, whichever table it is in; the hearing's own is left with its references."""
    hearing.matter = hearing.purpose = ""
    hearing.deadline = hearing.start = hearing.zone = hearing.minutes = hearing.armed = None
    tx.flush()
    tx.exec(update(Document).where(col(Document.hearing_id) == hearing.id).values(name="", media_type=""))
    tx.exec(
        update(Outbox)
        .where(col(Outbox.hearing_id) == hearing.id)
        .values(
            recipient="",
            subject="",
            about="",
            sealed=None,
            shown=None,
            said=None,
            failed="destroyed",
            again=None,
        )
    )
    places = select(Place.id).where(Place.hearing_id == hearing.id)
    for table in reversed(SQLModel.metadata.sorted_tables):
        if table.name in _STAYS:
            continue
        if "hearing_id" in table.c:
            tx.exec(delete(table).where(table.c.hearing_id == hearing.id))
        elif "place_id" in table.c:
            tx.exec(delete(table).where(table.c.place_id.in_(places)))
