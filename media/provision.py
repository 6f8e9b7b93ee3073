"""Whether the disk has room for the rest of the hearing."""

from collections import deque
from dataclasses import dataclass, field

WINDOW = 60_000  # ms over which what comes is measured
AT_LEAST = 15 * 60_000  # ms that every hearing may still last
TIMES = 2  # the original, and the copy for playing
ENOUGH_AGAIN = 1.1
MINUTE = 60_000


@dataclass(frozen=True)
class Weighed:
    """`minutes` of recording for which there is room, of `planned`; `short` if that is too little."""

    minutes: int
    planned: int
    short: bool


@dataclass
class Provision:
    """Says when room becomes too little, when half of that is gone, and when there is enough again; no clock of its
    own. `ends`: when the hearing is planned to end, in ms since 1970.
    """

    ends: int | None = None
    _came: deque[tuple[int, int]] = field(default_factory=deque)
    _told: int | None = None  # minutes, while it is short

    def weigh(self, free: int, came: int, now: int) -> Weighed | None:
        """`free`: bytes; `came`: bytes that have come in all. What is to be told, if anything."""
        self._came.append((now, came))
        while len(self._came) > 1 and now - self._came[1][0] >= WINDOW:
            self._came.popleft()
        since, before = self._came[0]
        if now == since or came == before:
            return None
        rest = max(AT_LEAST, (self.ends or 0) - now)
        lasts = free * (now - since) // (TIMES * (came - before))
        weighed = Weighed(lasts // MINUTE, -(-rest // MINUTE), lasts < rest)
        if self._told is None:
            tells = weighed.short
        else:
            tells = lasts >= rest * ENOUGH_AGAIN or (weighed.short and weighed.minutes <= self._told // 2)
        if not tells or (weighed.short and weighed.minutes == self._told):
            return None
        self._told = weighed.minutes if weighed.short else None
        return weighed
