"""Who arms the clock: of several processes on one database one sends the letters, opens the rooms, fires what is due.

That process holds the alarm while it beats: it counts one up every two seconds. Another takes over once it has seen
the same beat for six seconds on its own clock; the clocks of two machines are never compared. Whoever cannot beat
stops by itself before anybody else may begin. It saves work and is no lock: a process that was stopped in the middle of
its work and goes on later still does that work, so whatever is fired is guarded by its own row.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple
from uuid import uuid4

from sqlmodel import Session

from hearings.database import Database, in_turn
from hearings.errors import Unreachable
from hearings.tables import Alarm as Row

BEAT_SECONDS = 2.0
LOOK_SECONDS = 1.0
SILENT_SECONDS = 6.0
SURE_SECONDS = 5.0  # after the beginning of the last beat: less than the others wait

log = logging.getLogger(__name__)


class Beat(NamedTuple):
    """`holder` is "" when the alarm was handed over, or never held."""

    holder: str
    n: int


class Seen(NamedTuple):
    """The same beat, since when, in seconds of our own clock."""

    beat: Beat
    since: float


def seen(before: Seen | None, beat: Beat, now: float) -> Seen:
    return before if before is not None and before.beat == beat else Seen(beat, now)


def may_take(own: str, last: Seen, now: float) -> bool:
    """Whether it is ours, or nobody's any more."""
    return last.beat.holder in {"", own} or now - last.since >= SILENT_SECONDS


class Alarm:
    """Call `look` every `LOOK_SECONDS`; `holds` may be asked at any time, from any thread.

    `moment`: seconds of a clock that never goes back.
    """

    def __init__(self, database: Database, *, moment: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._moment = moment
        self._own = uuid4().hex
        self._seen: Seen | None = None
        self._sure_until = float("-inf")
        self._beat_at = float("-inf")
        self._looking = threading.Lock()
        self._over = False

    @property
    def holds(self) -> bool:
        """Whether this process arms the clock now."""
        return self._moment() < self._sure_until

    def look(self) -> bool:
        """Beats if it is due, or takes over if it may; gives `holds`. A database that is away is no error: whoever
        holds the alarm then holds it no longer.
        """
        with self._looking:
            if not self._over and not (self.holds and self._moment() < self._beat_at + BEAT_SECONDS):
                try:
                    self._look()
                except Unreachable as error:
                    log.warning("the alarm could not be looked at: %s", error)
            return self.holds

    def hand_over(self) -> None:
        """Another process may take it at once; this one holds it never again."""
        with self._looking:
            self._over = True
            self._sure_until = float("-inf")
            try:
                with self._database.transaction() as tx:
                    row = _locked(tx)
                    if row.holder == self._own:
                        row.holder = ""
            except Unreachable as error:
                log.warning("the alarm could not be handed over: %s", error)

    def _look(self) -> None:
        began = self._moment()
        with self._database.reading() as tx:
            row = tx.get(Row, 1)
            beat = Beat(row.holder, row.beat) if row is not None else Beat("", 0)
        self._seen = seen(self._seen, beat, self._moment())
        if may_take(self._own, self._seen, self._moment()) and self._swap(beat):
            self._beat_at = began
            self._sure_until = began + SURE_SECONDS
        else:
            self._sure_until = float("-inf")

    def _swap(self, beat: Beat) -> bool:
        """Counts up under our name, if nobody did so since."""
        with self._database.transaction() as tx:
            row = _locked(tx)
            if Beat(row.holder, row.beat) != beat:
                return False
            row.holder, row.beat = self._own, row.beat + 1
            return True


def _locked(tx: Session) -> Row:
    """The one row; made if there is none yet."""
    in_turn(tx, "alarm")
    row = tx.get(Row, 1)
    if row is None:
        row = Row(id=1, holder="", beat=0)
        tx.add(row)
    return row
