"""How every track of a room comes, looked at every two seconds and told together every ten.

What counts is the layer that the recorder would be given. A track that nobody is given is not measured. Of each
place there is one row more, `<handle>-heard`: the sound that it receives, by its own reports, the worst of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from media.channels import Kind
from media.control import TrackFigures
from media.peer import Peer
from media.score import DEMANDING, USUAL, Verdict, picture_score, sound_score
from media.stream import Stream
from media.tally import Count

HEARD = "heard"


@dataclass(frozen=True, slots=True)
class Look:
    """One track at one look."""

    count: Count
    trip: float | None  # ms
    score: float
    pictures: bool


@dataclass(slots=True)
class _Track:
    verdict: Verdict
    looks: list[Look] = field(default_factory=list)


class Measuring:
    """Of one room; `demanding` places are judged more strictly. Rows are named by `handles`, place to handle."""

    def __init__(self) -> None:
        self._tracks: dict[tuple[str, str], _Track] = {}

    def look(
        self,
        peers: Iterable[Peer],
        given: Mapping[tuple[str, Kind], Stream],
        *,
        named: Mapping[tuple[str, Kind], Kind],
        demanding: frozenset[str],
        handles: Mapping[str, str],
        now: float,
        seconds: float,
    ) -> dict[str, list[TrackFigures]]:
        """What came since the last look, by place. `given`: the streams that anybody is given; `named`: what a
        stream is told as, where that is another kind (an interpretation).
        """
        told: dict[str, list[TrackFigures]] = {}
        for peer in peers:
            looks = self._looks(peer, given, named, now, seconds)
            bounds = DEMANDING if peer.place in demanding else USUAL
            for kind in [kind for place, kind in self._tracks if place == peer.place and kind not in looks]:
                del self._tracks[peer.place, kind]
            told[peer.place] = [
                self._note(peer.place, kind, look, bounds, handles[peer.place])
                for kind, look in looks.items()
            ]
        return told

    def together(self, handles: Mapping[str, str]) -> list[TrackFigures]:
        """All looks since this was last asked, a row for each track."""
        rows = [
            _figures(f"{handles[place]}-{kind}", track)
            for (place, kind), track in self._tracks.items()
            if place in handles and track.looks
        ]
        for track in self._tracks.values():
            track.looks.clear()
        return rows

    def _looks(
        self,
        peer: Peer,
        given: Mapping[tuple[str, Kind], Stream],
        named: Mapping[tuple[str, Kind], Kind],
        now: float,
        seconds: float,
    ) -> dict[str, Look]:
        trip = None if peer.trip is None else 1000 * peer.trip
        looks: dict[str, Look] = {}
        for stream in peer.publisher.streams.values():
            count = stream.tally.look(seconds, now)
            if given.get((peer.place, stream.kind)) is stream:
                name = named.get((peer.place, stream.kind), stream.kind)
                looks[name.value] = _seen(stream.kind, count, trip)
            else:
                stream.tally.pause()
        heard = [
            outlet
            for outlet in peer.outlets.values()
            if outlet.section.kind is Kind.AUDIO and outlet.carries is not None
        ]
        if heard:
            looks[HEARD] = _heard(max(each.lost for each in heard), max(each.jitter for each in heard), trip)
        return looks

    def _note(
        self, place: str, kind: str, look: Look, bounds: tuple[float, float], handle: str
    ) -> TrackFigures:
        track = self._tracks.setdefault((place, kind), _Track(Verdict(bounds)))
        track.looks.append(look)
        track.verdict.told(look.score)
        return _figures(f"{handle}-{kind}", _Track(track.verdict, [look]))


def _seen(kind: Kind, count: Count, trip: float | None) -> Look:
    if kind is Kind.AUDIO:
        lost = count.lost_share + 100 * min(1.0, count.stopped / count.seconds)
        score = sound_score(lost=min(100.0, lost), jitter=count.jitter, trip=trip)
        return Look(count, trip, score, pictures=False)
    frozen = 100 * min(1.0, count.stopped / count.seconds)
    return Look(count, trip, picture_score(lost=count.lost_share, frozen=frozen), pictures=True)


def _heard(lost: int, jitter: float, trip: float | None) -> Look:
    count = Count(
        seconds=0.0, expected=256, lost=lost, octets=0, jitter=jitter, frames=0, stops=0, stopped=0.0
    )
    return Look(count, trip, sound_score(lost=count.lost_share, jitter=jitter, trip=trip), pictures=False)


def _figures(name: str, track: _Track) -> TrackFigures:
    looks = track.looks
    counts = [look.count for look in looks]
    seconds = sum(count.seconds for count in counts)
    expected = sum(count.expected for count in counts)
    trips = [look.trip for look in looks if look.trip is not None]
    return TrackFigures(
        track=name,
        loss=round(100 * sum(count.lost for count in counts) / expected, 1) if expected else 0.0,
        jitter=round(sum(count.jitter for count in counts) / len(counts), 1),
        trip=round(sum(trips) / len(trips), 1) if trips else None,
        rate=round(8 * sum(count.octets for count in counts) / seconds) if seconds else 0,
        frames=round(sum(count.frames for count in counts) / seconds, 1) if looks[0].pictures else None,
        stops=sum(count.stops for count in counts),
        stopped=round(1000 * sum(count.stopped for count in counts)),
        score=round(sum(look.score for look in looks) / len(looks), 1),
        grade=track.verdict.grade,
    )
