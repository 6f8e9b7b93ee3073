"""What is so now, told to every open page: one socket a place, the newest one wins; any number for staff.

After each commit that touched a hearing its view is loaded once and each page is sent its own. States are whole,
so a slow page that misses some loses nothing; a page that does not keep up is let go and comes back by itself.
A login that no longer stands ends its pages: at once when its link was withdrawn, and with the next heartbeat
when it ended by itself. Levels of speech go to whom the sound goes, and wait for nobody; so do the figures of
the connections, to whoever oversees the hearing.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from consent.instruments import Instrument
from hearings import docket
from hearings.actors import Actor
from hearings.conduct import Conductor
from hearings.errors import Destroyed, NotSignedIn, Refusal
from hearings.journal import Journal
from hearings.roles import OVERSEERS
from hearings.sentences import say
from hearings.views import load
from media import control
from media.signalling import (
    Closed,
    Coming,
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
    """

    def __init__(
        self, hearing: UUID, who: Callable[[], Actor], *, token: str, place: UUID | None = None
    ) -> None:
        self.hearing = hearing
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


class Live:
    """Start it on a running loop."""

    def __init__(self, journal: Journal, instruments: Mapping[str, Instrument], conductor: Conductor) -> None:
        self._journal = journal
        self._instruments = instruments
        self._conductor = conductor
        self._pages: dict[UUID, set[Page]] = {}
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
        pages = self._pages.setdefault(page.hearing, set())
        older = self._page(page.hearing, page.place) if page.place else None
        if older is not None:
            pages.discard(older)
            older.finish(_superseded if older.token == page.token else _moved)
        pages.add(page)
        await self._tell(page.hearing, {page})

    def leave(self, page: Page) -> None:
        pages = self._pages.get(page.hearing, set())
        pages.discard(page)
        if not pages:
            self._pages.pop(page.hearing, None)

    async def check(self, page: Page) -> None:
        """Ends the page if its login has run out or was ended meanwhile."""
        actor = await asyncio.to_thread(self._actor, page)
        if isinstance(actor, Closed):
            page.finish(actor, code=NOT_SIGNED_IN)

    def _page(self, hearing: UUID, place: UUID) -> Page | None:
        return next((page for page in self._pages.get(hearing, ()) if page.place == place), None)

    def _mark(self, hearing: UUID | None) -> None:
        dirty = set(self._pages) if hearing is None else {hearing} & self._pages.keys()
        if dirty:
            self._dirty |= dirty
            self._wake.set()

    async def _tell_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            dirty, self._dirty = self._dirty, set()
            for hearing in dirty:
                try:
                    await self._tell(hearing, set(self._pages.get(hearing, ())))
                except Exception:  # or the pages of every other hearing would stand still
                    log.exception("the pages of hearing %s could not be told", hearing)

    async def _tell(self, hearing: UUID, pages: set[Page]) -> None:
        async with self._telling:  # else a page could be told an older state after a newer one
            views = await asyncio.to_thread(self._views, hearing, pages)
            for page, view in views.items():
                if isinstance(view, Closed):
                    page.finish(view, code=NOT_SIGNED_IN)
                else:
                    page.show(view)

    def _views(self, hearing: UUID, pages: set[Page]) -> dict[Page, dict[str, Any] | Closed]:
        """The view of each page, or the last words to one whose login no longer stands."""
        try:
            with self._journal.reading() as tx:
                view = load(tx, self._journal, self._instruments, hearing)
        except Destroyed as error:
            return dict.fromkeys(pages, Closed(sentence=str(error)))
        told: dict[Page, dict[str, Any] | Closed] = {}
        for page in pages:
            actor = self._actor(page)
            told[page] = actor if isinstance(actor, Closed) else view.as_seen_by(actor)
        return told

    def _actor(self, page: Page) -> Actor | Closed:
        """Who is behind the page now, or the last words to it."""
        try:
            return page.who()
        except NotSignedIn:
            return _signed_out if page.place is None else self._farewell(page.hearing, page.place)
        except Refusal as error:
            return Closed(sentence=str(error))

    def _farewell(self, hearing: UUID, place: UUID) -> Closed:
        with self._journal.reading() as tx:
            held = docket.held(tx, hearing, self._journal.clock())
        return _moved if place in held else _withdrawn

    async def _told(self, message: control.OfTheMoment) -> None:
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
