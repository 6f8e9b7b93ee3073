"""Who sees and hears whom: what holds of every room, however people are seated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.channels import RECORDER, Channel, Kind, Row, Seat, table

LANGUAGES = st.none() | st.sampled_from(["fr", "de"])
KINDS = st.sampled_from([Kind.AUDIO, Kind.CAMERA, Kind.DOCUMENT])


@st.composite
def rooms(draw: st.DrawFn) -> dict[str, Seat]:
    """Up to six places, anywhere."""
    return {
        place: Seat(
            place=place,
            channel=draw(st.sampled_from(Channel)),
            receive_only=draw(st.booleans()),
            muted=draw(st.frozensets(KINDS)),
            interprets=draw(LANGUAGES),
            hears=draw(LANGUAGES),
        )
        for place in draw(st.sets(st.sampled_from("abcdef")))
    }


def pairs(rows: frozenset[Row], seats: dict[str, Seat]) -> list[tuple[Seat, Seat, Kind]]:
    """The rows between places, with their seats."""
    return [(seats[source], seats[to], kind) for source, to, kind in rows if to != RECORDER]


@given(rooms(), st.booleans())
def test_a_private_consultation_has_no_row_into_it_nor_out_of_it(seats, recorder):
    rows = table(seats.values(), recorder=recorder)
    for source, listener, _ in pairs(rows, seats):
        assert source.channel is listener.channel
        assert source.channel is not Channel.WAITING
    kept = {source for source, listener, _ in rows if listener == RECORDER}
    assert all(seats[place].channel is Channel.FLOOR for place in kept)
    assert not any(source == RECORDER for source, _, _ in rows)


@given(rooms())
def test_nobody_is_in_two_channels(seats):
    """Whoever gives or is given anything belongs to one channel with all those they share it with."""
    reached = {place: {seats[place].channel} for place in seats}
    for source, listener, _ in pairs(table(seats.values(), recorder=True), seats):
        reached[source.place].add(listener.channel)
        reached[listener.place].add(source.channel)
    assert all(len(channels) == 1 for channels in reached.values())


@given(rooms(), st.sampled_from("abcdef"))
def test_moving_one_place_to_a_consultation_takes_every_row_of_it_on_the_floor(seats, place):
    if place not in seats:
        return
    alone = {other: seat.model_copy(update={"channel": Channel.FLOOR}) for other, seat in seats.items()} | {
        place: seats[place].model_copy(update={"channel": Channel.CONSULTATION})
    }
    assert not any(place in row[:2] for row in table(alone.values(), recorder=True))


@given(rooms())
def test_sound_goes_to_the_floor_or_into_one_language_and_never_both(seats):
    rows = table(seats.values(), recorder=True)
    for place, seat in seats.items():
        kinds = {kind for source, _, kind in rows if source == place} & {Kind.AUDIO, Kind.INTERPRETATION}
        assert kinds <= {seat.sound}
        if Kind.AUDIO in seat.muted or seat.receive_only:
            assert not kinds
    for source, listener, kind in pairs(rows, seats):
        assert kind is not Kind.INTERPRETATION or source.interprets == listener.hears is not None


@given(rooms())
def test_whoever_chose_a_language_hears_all_of_it_and_the_floor_as_well(seats):
    rows = table(seats.values(), recorder=True)
    floor = [seat for seat in seats.values() if seat.channel is Channel.FLOOR]
    for source in floor:
        if source.receive_only or Kind.AUDIO in source.muted:
            continue
        assert Row(source.place, RECORDER, source.sound) in rows
        for listener in floor:
            hears = listener != source and source.interprets in (None, listener.hears)
            assert (Row(source.place, listener.place, source.sound) in rows) == hears


@given(rooms())
def test_interpretation_changes_nothing_that_is_seen(seats):
    plain = {
        place: seat.model_copy(update={"interprets": None, "hears": None}) for place, seat in seats.items()
    }

    def pictures(these):
        return {row for row in table(these.values(), recorder=True) if row.kind.carrier is not Kind.AUDIO}

    assert pictures(seats) == pictures(plain)


def test_in_a_consultation_an_interpreter_is_simply_heard():
    within = {"channel": Channel.CONSULTATION}
    rows = table([Seat(place="i", interprets="fr", **within), Seat(place="w", **within)], recorder=True)
    assert Row("i", "w", Kind.AUDIO) in rows
    assert not any(row.kind is Kind.INTERPRETATION or row.listener == RECORDER for row in rows)


def test_two_interpreters_of_one_channel_hear_each_other_only_if_they_choose_so():
    first = Seat(place="a", channel=Channel.FLOOR, interprets="fr")
    second = Seat(place="b", channel=Channel.FLOOR, interprets="fr", hears="fr")
    heard = {row[:2] for row in table([first, second], recorder=False) if row.kind is Kind.INTERPRETATION}
    assert heard == {("a", "b")}


def test_places_have_names_of_their_own():
    for names in (("a", "a"), (RECORDER,)):
        with pytest.raises(ValueError, match="place of its own"):
            table([Seat(place=name, channel=Channel.FLOOR) for name in names], recorder=True)
