"""Whether living sound comes of each place that is recorded, or would be: digital silence is told after ten seconds.

A microphone that is switched off by hand, or the wrong one, sends packets like any other, and a sender's levels
(RFC 6464) are only its word. So of each second of a place's sound its loudest packet is decoded (`ears`). Nothing is heard
where nothing comes, where what comes is no sound, and where nobody can listen: each counts as silence, and is told.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass, field

from media.ears import Deaf, Ears

SILENT_MILLIS = 10_000
DIGITAL = 1  # the peak, of 32768, that digital silence may have

NO_LEVEL = 128  # quieter than any that is told

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """A place fell silent, or sounds again: nothing was heard of it since (ms since 1970)."""

    place: str
    since: int
    sounds: bool


@dataclass
class Silences:
    """Which places are silent; no clock of its own. `since`: when each was last heard, or first expected; `told`: the silent ones."""

    since: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)

    def expect(self, places: Collection[str], now: int) -> list[Change]:
        """Those that must be heard from now on. Of one that is no longer among them nothing more is told, and its
        time begins anew when it is again.
        """
        self.since = {place: self.since.get(place, now) for place in places}
        silent = [
            Change(place, since, sounds=False)
            for place, since in self.since.items()
            if place not in self.told and now - since >= SILENT_MILLIS
        ]
        self.told |= {change.place: change.since for change in silent}
        return silent

    def hear(self, place: str, now: int) -> list[Change]:
        """Sound came from this place."""
        if place in self.since:
            self.since[place] = now
        return [Change(place, self.told.pop(place), sounds=True)] if place in self.told else []

    def forget(self, place: str) -> None:
        """It has left; what comes of it later is told anew."""
        self.since.pop(place, None)
        self.told.pop(place, None)


class Living:
    """Listens to the places of one room. Call it on one event loop."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self._silences = Silences()
        self._loudest: dict[str, tuple[int, int, bytes]] = {}

    def take(self, place: str, packet: bytes, level: int | None) -> None:
        """The payload of a packet, and its level in −dBov as the sender tells it. Of those that are equally loud by
        that word the longest counts: there is least in a packet of silence.
        """
        loud = (-(NO_LEVEL if level is None else level & 0x7F), len(packet))
        if place not in self._loudest or loud > self._loudest[place][:2]:
            self._loudest[place] = (*loud, packet)

    async def look(self, expected: Collection[str], now: int) -> list[Change]:
        """Once a second: listens to what came since the last time from those that must be heard."""
        loudest, self._loudest = self._loudest, {}
        places = [place for place in expected if place in loudest]
        try:
            peaks = await self._ears.peaks([loudest[place][2] for place in places]) if places else []
        except Deaf as error:
            log.error("%s", error)  # noqa: TRY400  # the silence that follows is told
            peaks = []
        heard = [place for place, peak in zip(places, peaks, strict=False) if peak > DIGITAL]
        sounds = [change for place in heard for change in self._silences.hear(place, now)]
        return sounds + self._silences.expect(expected, now)

    def forget(self, place: str) -> None:
        self._silences.forget(place)
