"""Handing the package to somebody who has no such service: a link that ends, and a key that is told by another way.

The link goes by letter, or is copied; the key (98 random bits, in five groups of four letters and digits that
are not mistaken for each other) is shown to the clerk once, who tells it, by telephone for example. Whoever has one of
the two has nothing: a letter that goes astray, or is read on the way, opens nothing. Looking at the link does nothing; giving the key
is the receipt, and is entered in the journal. Then the browser that gave it may fetch the file, in parts, for some hours.

The key is asked for by the service; the file itself is not encrypted with it. A court's clerk can unpack and verify a
package with what every computer has, and would need a program of its own for a locked one; and locking would protect
nothing more: what was fetched lies with its recipient in the clear either way, what is on its way is under TLS, and
what lies here is locked under the hearing's own key. A key that is tried ten times wrongly ends the offer.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from pydantic import Field, field_validator
from sqlmodel import Session, col, select, update

from hearings import letters, tokens
from hearings.actors import Actor, service
from hearings.acts import Act, Acts
from hearings.errors import AlreadyDone, NotFound, NotNow, NotValid, Refusal
from hearings.events import CustodyOffered, CustodyRetrieved, CustodyWithdrawn
from hearings.letters import Kind, Notice, Writer
from hearings.listening import Film, Versions
from hearings.post import Post
from hearings.record import may_read
from hearings.roles import Side
from hearings.said import Said
from hearings.sentences import say
from hearings.servicekey import ServiceKey
from hearings.states import Verb
from hearings.tables import Authority, Hearing, Offer
from hearings.tree import stamp
from scheduling.zones import on_clock

MOST_WRONG = 10
FETCHING = timedelta(hours=12)
ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Without I, L, O, U, 0 and 1, which are mistaken for each other when they are read out or written down."""
GROUPS, GROUP = 5, 4
PURPOSE = "offer"


class NewOffer(Said):
    """`recipient`: a name for the journal; without `email` no letter is written; `language`: of the letter."""

    recipient: str = Field(min_length=1, max_length=200)
    email: str = Field(default="", max_length=254, pattern=r"^([^@\s]+@[^@\s]+)?$")
    language: str = Field(default="en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    version: str = Field(default="full", pattern=r"^[a-z]{1,20}$")


class Key(Said):
    """As it was told, with or without spaces and hyphens, in letters of any size."""

    key: str = Field(min_length=1, max_length=100)

    @field_validator("key")
    @classmethod
    def _plain(cls, text: str) -> str:
        return plain(text)


class Told(NamedTuple):
    """What the clerk is told once."""

    offer: UUID
    link: str
    key: str
    until: datetime


class Behind(NamedTuple):
    """What stands behind a link. `open_`: whether this browser gave the key; only then is there a `reference`."""

    offer: Offer
    hearing: Hearing
    reference: str
    requesting: Authority
    open_: bool


def new_key() -> str:
    """Such as `K7QM-2XTR-…`: some 98 bits."""
    letters_ = [secrets.choice(ALPHABET) for _ in range(GROUPS * GROUP)]
    return "-".join("".join(letters_[n : n + GROUP]) for n in range(0, len(letters_), GROUP))


def plain(text: str) -> str:
    """A key as it is compared."""
    return "".join(letter for letter in text.upper() if letter.isalnum())


class Offers:
    """`address`: of this service."""

    def __init__(
        self,
        acts: Acts,
        key: ServiceKey,
        post: Post,
        write: Writer,
        *,
        address: str,
        days: int,
        packages: Versions,
        versions: Sequence[str] = ("full",),
    ) -> None:
        self._acts = acts
        self._journal = acts.journal
        self._key = key
        self._post = post
        self._write = write
        self._address = address
        self._made = packages.made
        self._called = packages.reference
        self.days = days
        self.versions = tuple(versions)

    # --- steps of the court

    def offer(self, actor: Actor, asked: NewOffer) -> Told:
        """Raises: NotValid, NotNow, NotAllowed, NotYet; Unreachable if the package cannot be made."""
        if asked.version not in self.versions:
            raise NotValid(say("This version of the record is not made here."), field="version")
        with self._journal.reading() as tx:
            hearing = tx.get_one(Hearing, actor.hearing)
        actor.acting(hearing.state, Verb.SEND)  # before minutes are spent on a package
        package, size = self._weighed(hearing.id, asked.version)
        reference = self._called(hearing.id, asked.version)
        link, key = tokens.fresh(), new_key()
        with self._acts.act(actor, Verb.SEND) as act:
            row = Offer(
                id=uuid4(),
                hearing_id=act.hearing.id,
                recipient=asked.recipient,
                version=asked.version,
                by=act.who.handle,
                created=act.now,
                until=act.now + timedelta(days=self.days),
                digest=tokens.digest(link),
                key=self._digest(plain(key)),
                language=asked.language,
                letter=bool(asked.email),
                package=package,
                size=size,
            )
            act.tx.add(row)
            address = f"{self._address}/collect/{link}"
            if asked.email:
                self._tell(act, row, asked.email, address, reference)
            act.write(
                CustodyOffered(
                    sending=str(row.id),
                    to=row.recipient,
                    version=row.version,
                    package=package,
                    until=row.until,
                    by=act.who.handle,
                )
            )
        return Told(row.id, address, key, row.until)

    def withdraw(self, actor: Actor, offer: UUID) -> None:
        """Raises: NotFound, AlreadyDone."""
        with self._acts.act(actor, Verb.SEND) as act:
            row = act.tx.get(Offer, offer)
            if row is None or row.hearing_id != act.hearing.id:
                raise NotFound(say("There is no such link in this hearing."))
            if row.withdrawn is not None:
                raise AlreadyDone(say("This was withdrawn before."))
            row.withdrawn, row.browser = act.now, None
            act.write(CustodyWithdrawn(sending=str(row.id), by=act.who.handle))

    def listed(self, actor: Actor) -> list[dict[str, Any]]:
        """How each stands, the newest first. Raises: NotFound for whom it is not."""
        may_read(actor)
        now = self._journal.clock()
        with self._journal.reading() as tx:
            rows = tx.exec(
                select(Offer).where(Offer.hearing_id == actor.hearing).order_by(col(Offer.created).desc())
            ).all()
        return [
            {
                "sending": str(row.id),
                "to": row.recipient,
                "version": row.version,
                "letter": row.letter,
                "created": stamp(row.created),
                "until": stamp(row.until),
                "fetched": stamp(row.fetched) if row.fetched else None,
                "withdrawn": stamp(row.withdrawn) if row.withdrawn else None,
                "state": _state(row, now),
                "size": row.size,
            }
            for row in rows
        ]

    def _tell(self, act: Act, row: Offer, email: str, address: str, reference: str) -> None:
        between = replace(letters.between(act.tx, act.hearing), reference=reference)
        notice = Notice(
            kind=Kind.RECORD,
            language=row.language,
            zone=between.zones[0],
            name=row.recipient,
            between=between,
            link=address,
            day=on_clock(row.until, between.zones[0]).date,
        )
        written = self._write.letter(notice)
        self._post.queue(
            act.tx,
            act.hearing.id,
            to=email,
            subject=written.subject,
            text=written.text,
            kind=Kind.RECORD,
            about=str(Side.REQUESTING),
            language=row.language,
            secrets=(address,),
        )

    # --- whoever has the link

    def behind(self, link: str, browser: str | None) -> Behind:
        """Looking uses nothing up. Raises: NotFound; NotNow for a link that was withdrawn or has ended."""
        with self._journal.reading() as tx:
            row = tx.exec(select(Offer).where(Offer.digest == tokens.digest(link))).first()
            if row is None:
                raise NotFound(say("There is no such link."))
            _refuse_over(row, self._journal.clock())
            hearing = tx.get_one(Hearing, row.hearing_id)
            requesting = tx.get_one(Authority, hearing.requesting_id)
        open_ = _is_open(row, browser, self._journal.clock())
        reference = self._called(hearing.id, row.version) if open_ else ""
        return Behind(row, hearing, reference, requesting, open_)

    def open(self, link: str, key: str) -> str:
        """Gives what the browser is known by from now on; that the package was fetched is entered in the journal.

        Raises: NotValid for another key, NotFound, NotNow, NotYet.
        """
        behind = self.behind(link, None)
        if not hmac.compare_digest(self._digest(plain(key)), behind.offer.key):
            raise self._missed(behind.offer.id)
        self._refuse_other(behind.offer)
        browser = tokens.fresh()
        with self._acts.act(service(behind.hearing.id), Verb.TAKE_RECEIPT) as act:
            row = _fresh(act.tx, behind.offer.id)
            _refuse_over(row, act.now)
            row.fetched, row.wrong, row.browser = act.now, 0, tokens.digest(browser)
            act.write(CustodyRetrieved(sending=str(row.id), to=row.recipient))
        return browser

    def film(self, link: str, browser: str | None) -> tuple[Film, str]:
        """The package, with the reference of its hearing. Raises: NotFound, NotNow; also before the key is given."""
        behind = self.behind(link, browser)
        if not behind.open_:
            raise NotNow(say("Give the key first."))
        film = self._made(behind.hearing.id, behind.offer.version)
        if (film.digest, film.size) != (behind.offer.package, behind.offer.size):
            film.stream.close()
            raise _another()
        return film, behind.reference

    def _missed(self, offer: UUID) -> Refusal:
        with self._journal.transaction() as tx:
            tx.exec(update(Offer).where(col(Offer.id) == offer).values(wrong=Offer.wrong + 1))
            row = _fresh(tx, offer)
            tx.refresh(row)
            left = MOST_WRONG - row.wrong
            tx.info["touched"].add(row.hearing_id)
        if left <= 0:
            return NotNow(
                say("The key was wrong too often, so this link is closed. Ask the court for a new one.")
            )
        if left == 1:
            return NotValid(say("This is not the key. You can try once more."), field="key")
        return NotValid(say("This is not the key. You can try {n} times more.", n=left), field="key")

    def _refuse_other(self, row: Offer) -> None:
        """A package that had to be made anew is another file, which nobody has offered. Raises: NotNow."""
        if self._weighed(row.hearing_id, row.version) != (row.package, row.size):
            raise _another()

    def _weighed(self, hearing: UUID, version: str) -> tuple[str, int]:
        """SHA-256 and size of the package."""
        film = self._made(hearing, version)
        film.stream.close()
        return film.digest, film.size

    def _digest(self, key: str) -> bytes:
        return self._key.digest(key, PURPOSE)


def _another() -> NotNow:
    return NotNow(say("The package was made anew since this link was given. Ask the court for a new link."))


def _fresh(tx: Session, offer: UUID) -> Offer:
    row = tx.get(Offer, offer)
    if row is None:
        raise NotFound(say("There is no such link."))
    return row


def _refuse_over(row: Offer, now: datetime) -> None:
    match _state(row, now):
        case "withdrawn":
            raise NotNow(say("The court withdrew this link. Ask it for a new one."))
        case "ended":
            raise NotNow(say("The time of this link is over. Ask the court for a new one."))
        case "closed":
            raise NotNow(
                say("The key was wrong too often, so this link is closed. Ask the court for a new one.")
            )


def _state(row: Offer, now: datetime) -> str:
    if row.withdrawn is not None:
        return "withdrawn"
    if row.wrong >= MOST_WRONG:
        return "closed"
    if now >= row.until:
        return "ended"
    return "fetched" if row.fetched else "open"


def _is_open(row: Offer, browser: str | None, now: datetime) -> bool:
    return (
        browser is not None
        and row.browser is not None
        and row.fetched is not None
        and now < row.fetched + FETCHING
        and hmac.compare_digest(tokens.digest(browser), row.browser)
    )
