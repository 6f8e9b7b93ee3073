"""What is so now, told to every open page: one socket a place, the newest one wins; any number for staff.

After each commit that touched a hearing its view is loaded once and each page is sent its own. States are whole,
so a slow page that misses some loses nothing; a page that does not keep up is let go and comes back by itself.
A login that no longer stands ends its pages: at once when its link was withdrawn, and with the next heartbeat
when it ended by itself. Levels of speech go to whom the sound goes, and wait for nobody; so do the figures of
the connections, to whoever oversees the hearing.

A technical test has pages of its own, one at each end, in the room of the test: they are told of the test and of
nothing else of the hearing.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from consent.instruments import Instrument
from frontend.browsers import browser_of
from frontend.observed import Observed
from hearings import appointments, docket
from hearings.actors import Actor
from hearings.appointments import NOTHING, End, Guest, Shown
from hearings.conduct import Conductor
from hearings.errors import Destroyed, NotAllowed, NotSignedIn, Refusal
from hearings.journal import Journal
from hearings.roles import OVERSEERS
from hearings.sentences import say
from hearings.tables import Appointment
from hearings.views import load
from media import control
from media.signalling import (
    Closed,
    Coming,
    Equipment,
    Figures,
    Levels,
    Line,
    Lines,
    Missing,
    Pictures,
    Refused,
    State,
    Superseded,
    ToPage,
)

log = logging.getLogger(__name__)

BACKLOG = 64  # messages that may wait for a page before it is let go

# Codes with which a socket ends; a page comes back by itself after each other one than `NOT_SIGNED_IN`,
# unless its last message was `superseded` or `closed`.
OVER = 4000
NOT_SIGNED_IN = 4401
NOT_FOUND = 4404
RESTARTING = 1012

_superseded = Superseded(
    sentence=say("This place was opened in another window. This window is no longer connected.")
)
_moved = Closed(sentence=say("This place is open on another device now. This window is no longer connected."))
_withdrawn = Closed(sentence=say("This link has been withdrawn. Ask the court for a new one."))
_signed_out = Closed(sentence=say("You are signed out. What you did is kept. Sign in to go on."))


class Page:
    """One open socket: of a place, which has one at a time, or of a member of staff (`place` is None).

    `who` says again who is behind it, and raises a Refusal once nobody is. `outgoing` ends with None; the socket
    then ends with `code`. `audible`: the places whose levels it may be told; `oversees`: whether the figures, too.
    `guest`: of a technical test, at one end of it; `place` is the number of that end then. `agent`: what the browser
    calls itself.
    """

    def __init__(  # who it is, and where
        self,
        hearing: UUID,
        who: Callable[[], Actor],
        *,
        token: str,
        place: UUID | None = None,
        guest: Guest | None = None,
        agent: str = "",
    ) -> None:
        self.hearing = hearing
        self.guest = guest
        self.agent = agent
        self.who = who
        self.token = token
        self.place = place
        self.outgoing: asyncio.Queue[ToPage | None] = asyncio.Queue(BACKLOG)
        self.code = OVER
        self.audible: frozenset[str] = frozenset()
        self.oversees = False
        self.language = ""
        self._n = 0
        self._heard = False
        self._over = False

    @property
    def room(self) -> UUID:
        """Whose sound and picture it carries: the hearing's, or the test's."""
        return self.hearing if self.guest is None else self.guest.appointment

    def tell(self, message: ToPage) -> None:
        if self._over:
            return
        try:
            self.outgoing.put_nowait(message)
        except asyncio.QueueFull:
            log.warning("a page of hearing %s does not keep up and is let go", self.hearing)
            self.finish()

    def show(self, view: dict[str, Any]) -> None:
        """The hearing as it stands for this page."""
        self._n += 1
        self.audible = audible(view)
        self.oversees = any(one["role"] in OVERSEERS for one in view["you"]["people"])
        self.language = view["you"]["language"] or ""
        self.tell(State(n=self._n, view=view))

    def hear(self, audio: Mapping[str, int]) -> None:
        """Levels of who may be heard here; left out while anything else waits, and once silence was told."""
        levels = {place: level for place, level in audio.items() if place in self.audible}
        if self.outgoing.empty() and (levels or self._heard):
            self._heard = bool(levels)
            self.tell(Levels(audio=levels))

    def measure(self, figures: Figures) -> None:
        """For whoever oversees; left out while anything else waits."""
        if self.oversees and self.outgoing.empty():
            self.tell(figures)

    @property
    def over(self) -> bool:
        """Whether nothing is taken from this page any more."""
        return self._over

    def finish(self, last: ToPage | None = None, *, code: int = OVER) -> None:
        """No more messages after this one."""
        if self._over:
            return
        self._over = True
        self.code = code
        if self.outgoing.full():
            self.outgoing.get_nowait()
        with contextlib.suppress(asyncio.QueueFull):
            if last is not None:
                self.outgoing.put_nowait(last)
        if self.outgoing.full():
            self.outgoing.get_nowait()
        self.outgoing.put_nowait(None)


def audible(view: Mapping[str, Any]) -> frozenset[str]:
    """The places whose sound a page with this view is given, and its own."""
    own = view["you"]["place"]
    return frozenset(view.get("hears", ())) | ({own} if own else set())


def _figures(message: control.Measured) -> Figures:
    return Figures(
        places={
            place: [
                Coming(
                    kind=row.track.partition("-")[2],
                    loss=row.loss,
                    trip=row.trip,
                    frames=row.frames,
                    grade=row.grade,
                )
                for row in rows
            ]
            for place, rows in message.places.items()
        }
    )


def _note(observed: Observed, message: control.OfTheMoment) -> None:
    person = str(appointments.seat(UUID(message.hearing), End.PERSON))
    match message:
        case control.Measured(places=places):
            observed.measure(places.get(person, ()))
        case control.Levels(audio=audio) if person in audio:
            observed.hear(audio[person])


class Live:
    """Start it on a running loop."""

    def __init__(self, journal: Journal, instruments: Mapping[str, Instrument], conductor: Conductor) -> None:
        self._journal = journal
        self._instruments = instruments
        self._conductor = conductor
        self._pages: dict[UUID, set[Page]] = {}  # by room
        self._observed: dict[UUID, Observed] = {}
        self._telling = asyncio.Lock()
        self._dirty: set[UUID] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._journal.follow(self.changed)
        self._conductor.listener = self._told
        self._task = asyncio.create_task(self._tell_all(), name="live")

    async def stop(self) -> None:
        for page in [page for pages in self._pages.values() for page in pages]:
            page.finish(code=RESTARTING)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def changed(self, hearing: UUID | None) -> None:
        """From any thread; None: any of them may have."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._mark, hearing)

    async def enter(self, page: Page) -> None:
        """Opens the page; an older one of the same place is told and ends."""
        pages = self._pages.setdefault(page.room, set())
        older = self._page(page.room, page.place) if page.place else None
        if older is not None:
            pages.discard(older)
            older.finish(_superseded if older.token == page.token else _moved)
        pages.add(page)
        if page.guest is not None:
            self._observed.setdefault(page.room, Observed())
        await self._tell(page.room, {page} if page.guest is None else set(pages))

    def leave(self, page: Page) -> None:
        pages = self._pages.get(page.room, set())
        pages.discard(page)
        if not pages:
            self._pages.pop(page.room, None)
            self._observed.pop(page.room, None)
        elif page.guest is not None:
            self._mark(page.room)

    def equipped(self, page: Page, equipment: Equipment) -> None:
        """Raises: NotAllowed for whom no test is held."""
        if page.guest is None or page.guest.end is not End.PERSON:
            raise NotAllowed(say("This page is no place at which something is tested."))
        self._observed[page.room].equipment = equipment
        self._mark(page.room)

    def shown(self, test: UUID) -> Shown:
        """What has come of the person in a test, while a page of it was open."""
        observed = self._observed.get(test)
        return observed.shown() if observed is not None else NOTHING

    async def check(self, page: Page) -> None:
        """Ends the page if its login has run out or was ended meanwhile."""
        actor = await asyncio.to_thread(self._actor, page)
        if isinstance(actor, Closed):
            page.finish(actor, code=NOT_SIGNED_IN)

    def _page(self, room: UUID, place: UUID) -> Page | None:
        return next((page for page in self._pages.get(room, ()) if page.place == place), None)

    def _mark(self, what: UUID | None) -> None:
        """The pages of a room, and of the tests of a hearing; all, where it is not known what was changed."""
        rooms = {
            room
            for room, pages in self._pages.items()
            if what in {None, room} or any(page.hearing == what for page in pages)
        }
        if rooms:
            self._dirty |= rooms
            self._wake.set()

    async def _tell_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            dirty, self._dirty = self._dirty, set()
            for room in dirty & self._pages.keys():
                try:
                    await self._tell(room, set(self._pages.get(room, ())))
                except Exception:  # or the pages of every other hearing would stand still
                    log.exception("the pages of hearing %s could not be told", room)

    async def _tell(self, room: UUID, pages: set[Page]) -> None:
        async with self._telling:  # else a page could be told an older state after a newer one
            views = await asyncio.to_thread(self._views, room, pages)
            for page, view in views.items():
                if isinstance(view, Closed):
                    page.finish(view, code=NOT_SIGNED_IN)
                else:
                    page.show(view)

    def _views(self, room: UUID, pages: set[Page]) -> dict[Page, dict[str, Any] | Closed]:
        """The view of each page, or the last words to one whose login no longer stands."""
        observed = self._observed.get(room)
        try:
            with self._journal.reading() as tx:
                if observed is not None:
                    test = appointments.technical_test(
                        tx, tx.get_one(Appointment, room), self._journal.clock()
                    )
                    return {page: self._view_of_test(page, pages, test, observed) for page in pages}
                view = load(tx, self._journal, self._instruments, room)
        except Destroyed as error:
            return dict.fromkeys(pages, Closed(sentence=str(error)))
        told: dict[Page, dict[str, Any] | Closed] = {}
        for page in pages:
            actor = self._actor(page)
            told[page] = actor if isinstance(actor, Closed) else view.as_seen_by(actor)
        return told

    def _view_of_test(
        self, page: Page, pages: set[Page], test: appointments.TechnicalTest, observed: Observed
    ) -> dict[str, Any] | Closed:
        """What one end of a test is told: of the test, and of the other end."""
        actor = self._actor(page)
        if isinstance(actor, Closed) or page.guest is None:
            return actor if isinstance(actor, Closed) else _withdrawn
        other = appointments.seat(page.room, page.guest.end.other)
        beyond = next((one for one in pages if one.place == other), None)
        told = {
            **test.told(),
            "you": {
                "place": str(page.place),
                "people": [{"role": role} for role in page.guest.roles],
                "language": test.place.language if page.guest.end is End.PERSON else None,
            },
            "other": str(other),
            "here": beyond is not None,
            "hears": [str(other)],
        }
        if page.guest.end is End.COURT and beyond is not None:
            told |= {
                "browser": browser_of(beyond.agent),
                "equipment": observed.equipment.model_dump(exclude={"type"}) if observed.equipment else None,
            }
        return told

    def _actor(self, page: Page) -> Actor | Closed:
        """Who is behind the page now, or the last words to it."""
        try:
            return page.who()
        except NotSignedIn:
            if page.place is None or (page.guest is not None and page.guest.end is End.COURT):
                return _signed_out
            return self._farewell(page.hearing, page.place)
        except Refusal as error:
            return Closed(sentence=str(error))

    def _farewell(self, hearing: UUID, place: UUID) -> Closed:
        with self._journal.reading() as tx:
            held = docket.held(tx, hearing, self._journal.clock())
        return _moved if place in held else _withdrawn

    async def _told(self, message: control.OfTheMoment) -> None:
        observed = self._observed.get(UUID(message.hearing))
        if observed is not None:
            _note(observed, message)
        if isinstance(message, control.Measured):
            figures = _figures(message)
            for each in self._pages.get(UUID(message.hearing), ()):
                each.measure(figures)
            return
        if isinstance(message, control.Levels):
            for each in self._pages.get(UUID(message.hearing), ()):
                each.hear(message.audio)
            return
        page = self._page(UUID(message.hearing), UUID(message.place))
        if page is None:
            return
        match message:
            case control.Lined():
                lines = [Line(line=line, place=place) for line, place in message.lines]
                page.tell(Lines(connection=message.connection, lines=lines, document=message.document))
            case control.Pictured():
                without = [Missing(place=place, kind=kind) for place, kind in message.without]
                page.tell(Pictures(connection=message.connection, taken=message.taken, without=without))
            case control.Declined():
                page.tell(Refused(about="offer", connection=message.connection, sentence=message.sentence))
