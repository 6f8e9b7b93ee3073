"""Joined once, lost after three seconds, back, left."""

from media.control import Joined, Left, Lost, Returned
from media.presence import DROPPED_MILLIS, LOST_MILLIS, Presence


def test_a_place_joins_once_however_many_connections_it_takes():
    place = Presence("witness")
    assert place.up("c1", 10) == Joined(place="witness", connection="c1", at=10)
    assert place.up("c2", 20) is None
    assert place.left(30) == Left(place="witness", at=30)
    assert place.left(40) is None
    assert place.up("c3", 50) == Joined(place="witness", connection="c3", at=50)


def test_silence_is_a_loss_from_three_seconds_on_and_told_once():
    place = Presence("witness")
    assert place.silent(since=0, at=9000) is None
    place.up("c1", 0)
    assert place.silent(since=100, at=99 + LOST_MILLIS) is None
    assert place.silent(since=100, at=100 + LOST_MILLIS) == Lost(place="witness", since=100, at=3100)
    assert place.silent(since=100, at=9000) is None
    assert place.heard(9100) == Returned(place="witness", since=100, at=9100)
    assert place.heard(9200) is None


def test_a_new_connection_of_a_lost_place_is_its_return():
    place = Presence("witness")
    place.up("c1", 0)
    place.silent(since=100, at=5000)
    assert place.up("c2", 6000) == Returned(place="witness", since=100, at=6000)


def test_a_place_lost_for_a_minute_is_given_up():
    place = Presence("witness")
    place.up("c1", 0)
    assert not place.given_up(10**6)
    place.silent(since=100, at=5000)
    assert not place.given_up(99 + DROPPED_MILLIS)
    assert place.given_up(100 + DROPPED_MILLIS)
