"""What is so now, told to every open page: one socket a place, the newest one wins.

After each commit that touched a hearing its view is loaded once and each connected place is sent its own.
States are whole, so a slow page that misses some loses nothing; a page that does not keep up is let go and
comes back by itself. A link that was withdrawn ends its page within the same moment.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from consent.instruments import Instrument
from hearings import docket
from hearings.actors import Actor
from hearings.conduct import Conductor
from hearings.docket import Docket
from hearings.errors import NotSignedIn
from hearings.journal import Journal
from hearings.views import load
from media import control
from media.signalling import Closed, Line, Lines, State, Superseded, ToPage

log = logging.getLogger(__name__)

BACKLOG = 64  # messages that may wait for a page before it is let go

_superseded = Superseded(
    sentence="This place was opened in another window. This window is no longer connected."
)
_moved = Closed(sentence="This place is open on another device now. This window is no longer connected.")
_withdrawn = Closed(sentence="This link has been withdrawn. Ask the court for a new one.")


class Page:
    """One open socket of a place. `outgoing` ends with None."""

    def __init__(self, place: UUID, token: str) -> None:
        self.place = place
        self.token = token
        self.outgoing: asyncio.Queue[ToPage | None] = asyncio.Queue(BACKLOG)
        self.n = 0
        self._over = False

    def tell(self, message: ToPage) -> None:
        if self._over:
            return
        try:
            self.outgoing.put_nowait(message)
        except asyncio.QueueFull:
            log.warning("the page of place %s does not keep up and is let go", self.place)
            self.finish()

    @property
    def over(self) -> bool:
        """Whether nothing is taken from this page any more."""
        return self._over

    def finish(self, last: ToPage | None = None) -> None:
        """No more messages after this one."""
        if self._over:
            return
        self._over = True
        if self.outgoing.full():
            self.outgoing.get_nowait()
        with contextlib.suppress(asyncio.QueueFull):
            if last is not None:
                self.outgoing.put_nowait(last)
        if self.outgoing.full():
            self.outgoing.get_nowait()
        self.outgoing.put_nowait(None)


class Live:
    """Start it on a running loop."""

    def __init__(
        self, journal: Journal, docket: Docket, instruments: Mapping[str, Instrument], conductor: Conductor
    ) -> None:
        self._journal = journal
        self._docket = docket
        self._instruments = instruments
        self._conductor = conductor
        self._pages: dict[UUID, dict[UUID, Page]] = {}
        self._dirty: set[UUID] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._journal.follow(self.changed)
        self._conductor.lined = self._lined
        self._task = asyncio.create_task(self._tell_all(), name="live")

    async def stop(self) -> None:
        for pages in self._pages.values():
            for page in pages.values():
                page.finish(
                    Closed(sentence="The service is being restarted. This page will be back by itself.")
                )
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def changed(self, hearing: UUID) -> None:
        """From any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._mark, hearing)

    async def enter(self, actor: Actor, page: Page) -> None:
        """Opens the page; an older one of the same place is told and ends."""
        pages = self._pages.setdefault(actor.hearing, {})
        older = pages.pop(page.place, None)
        if older is not None:
            older.finish(_superseded if older.token == page.token else _moved)
        pages[page.place] = page
        await self._tell(actor.hearing, {page.place: page})

    def leave(self, actor: Actor, page: Page) -> None:
        pages = self._pages.get(actor.hearing, {})
        if pages.get(page.place) is page:
            del pages[page.place]
        if not pages:
            self._pages.pop(actor.hearing, None)

    def _mark(self, hearing: UUID) -> None:
        if hearing in self._pages:
            self._dirty.add(hearing)
            self._wake.set()

    async def _tell_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            dirty, self._dirty = self._dirty, set()
            for hearing in dirty:
                try:
                    await self._tell(hearing, dict(self._pages.get(hearing, {})))
                except Exception:
                    log.exception("the pages of hearing %s could not be told", hearing)

    async def _tell(self, hearing: UUID, pages: dict[UUID, Page]) -> None:
        views = await asyncio.to_thread(self._views, hearing, pages)
        for place, view in views.items():
            page = pages[place]
            if isinstance(view, Closed):
                page.finish(view)
            else:
                page.n += 1
                page.tell(State(n=page.n, view=view))

    def _views(self, hearing: UUID, pages: dict[UUID, Page]) -> dict[UUID, dict[str, Any] | Closed]:
        """The view of each place, or the last words to a page whose login no longer stands."""
        with self._journal.reading() as tx:
            view = load(tx, self._journal, self._instruments, hearing)
            held = docket.held(tx, hearing, self._journal.clock())
        told: dict[UUID, dict[str, Any] | Closed] = {}
        for place, page in pages.items():
            try:
                told[place] = view.as_seen_by(self._docket.of_place(place, page.token))
            except NotSignedIn:
                told[place] = _moved if place in held else _withdrawn
        return told

    async def _lined(self, message: control.Lined) -> None:
        page = self._pages.get(UUID(message.hearing), {}).get(UUID(message.place))
        if page is not None:
            lines = [Line(line=line, place=place) for line, place in message.lines]
            page.tell(Lines(connection=message.connection, lines=lines, document=message.document))
