"""Which picture of whom each listener is given, and which layers are sent for that.

The rule is `media.allotment`'s; here it is asked, with what the listener's downlink bears and what the pictures cost.
What a listener looks at comes first: the places that its page shows large, in its order; then a document; then the
others, which are wanted small. A page that does not say shows everybody large.

A layer that nobody takes any more is still sent for three seconds, so that it is there if somebody comes back to it.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from media.allotment import Quality, Wish, allotted
from media.channels import Kind
from media.outlet import Outlet
from media.publisher import Publisher

if TYPE_CHECKING:
    from media.peer import Peer

Route = tuple[str, Kind]


def wishes(
    reached: Mapping[int, Route], watched: tuple[str, ...] | None, publishers: Mapping[str, Publisher]
) -> list[Wish]:
    """Of the pictures that may reach a listener, by SSRC, the most important first."""
    ranked = sorted(
        (
            (_importance(route, watched), ssrc, route)
            for ssrc, route in reached.items()
            if route[1] is not Kind.AUDIO and route[0] in publishers
        ),
        key=lambda each: each[0],
    )
    return [_wish(ssrc, route, watched, publishers[route[0]]) for _, ssrc, route in ranked]


def allot(
    listener: "Peer", reached: Mapping[int, Route], publishers: Mapping[str, Publisher], now: float
) -> list[int]:
    """Decides what this listener is given, and what is probed for; the SSRCs for which that is new."""
    downlink = listener.downlink
    allotment = allotted(
        downlink.proven,
        wishes(reached, listener.watches, publishers),
        listener.given,
        climbs=downlink.may_climb(now),
    )
    before, listener.given = listener.given, allotment.given
    if any(quality > before.get(ssrc, Quality.SHED) for ssrc, quality in listener.given.items()):
        downlink.climbed(now)
    listener.probing = downlink.probes(allotment.short, allotment.spent, now)
    return [ssrc for ssrc, quality in listener.given.items() if before.get(ssrc) is not quality]


def taken(
    rids: tuple[str, ...], takers: Iterable[tuple["Peer", Outlet]], *, recorded: bool
) -> frozenset[str]:
    """Which layers of a camera anybody takes; the recorder takes the highest."""
    if not rids:
        return frozenset()
    layer = {Quality.LOW: rids[0], Quality.HIGH: rids[-1]}
    wanted = {listener.given.get(outlet.section.ssrc, Quality.LOW) for listener, outlet in takers}
    named = {layer[quality] for quality in wanted if quality in layer}
    return frozenset(named | ({rids[-1]} if recorded else set()))


def shed(listener: "Peer", reached: Mapping[int, Route]) -> frozenset[Route]:
    """The pictures that the listener is not given because its downlink bears no more."""
    return frozenset(
        reached[ssrc]
        for ssrc, quality in listener.given.items()
        if quality is Quality.SHED and ssrc in reached
    )


def _importance(route: Route, watched: tuple[str, ...] | None) -> int:
    place, kind = route
    large = watched or ()
    if kind is Kind.DOCUMENT:
        return len(large)
    return large.index(place) if place in large else len(large) + 1


def _wish(ssrc: int, route: Route, watched: tuple[str, ...] | None, publisher: Publisher) -> Wish:
    place, kind = route
    layered = kind is Kind.CAMERA and len(publisher.rids) > 1
    large = watched is None or place in watched
    high = publisher.rate(kind, len(publisher.rids) - 1) if layered and large else None
    return Wish(ssrc, publisher.rate(kind, 0), high)
