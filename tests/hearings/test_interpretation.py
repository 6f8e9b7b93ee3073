"""Interpretation channels: given, spoken into, listened to, taken back."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from consent import instruments
from hearings import docket
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow
from hearings.interpretation import Choice, Switch
from hearings.journal import Journal
from hearings.roles import Role, Side
from hearings.room import Words, see_and_hear
from hearings.tables import Hearing, Place
from hearings.views import load
from media.channels import RECORDER, Kind
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.stood import stood


@pytest.fixture
def standing(journal: Journal, tmp_path: Path) -> Standing:
    """On the record: judge, witness, authority, two interpreters and an observer, a place each."""
    return stood(on_record, journal, tmp_path)


def on_record(house: Courthouse) -> Standing:
    standing = house.requested_hearing().accepted().scheduled().seated()
    standing.add("french", Role.INTERPRETER, Side.REQUESTED)
    standing.add("german", Role.INTERPRETER, Side.REQUESTING)
    standing.add("observer", Role.OBSERVER, Side.REQUESTING)
    return standing.opened().on_record()


def give(standing: Standing, name: str, language: str | None, *, by: str = "judge") -> None:
    place = standing.actors[name].place
    assert place
    standing.house.interpretation.give(standing.actors[by], place, Choice(language=language))


def speak(standing: Standing, name: str, *, aside: bool) -> None:
    standing.house.interpretation.speak(standing.actors[name], Switch(interpreting=aside))


def hear(standing: Standing, name: str, language: str | None) -> None:
    standing.house.interpretation.hear(standing.actors[name], Choice(language=language))


def listeners(standing: Standing, name: str) -> dict[Kind, set[str]]:
    """Who receives the sound of a place, by the kind of it."""
    names = {str(actor.place): who for who, actor in standing.actors.items()} | {RECORDER: RECORDER}
    with standing.house.journal.reading() as tx:
        rows = see_and_hear(tx.get_one(Hearing, standing.id), docket.places(tx, standing.id))
    own = str(standing.actors[name].place)
    return {
        kind: {names[listener] for source, listener, sort in rows if source == own and sort is kind}
        for kind in (Kind.AUDIO, Kind.INTERPRETATION)
    }


def view(standing: Standing, name: str) -> dict[str, Any]:
    with standing.house.journal.reading() as tx:
        told = load(tx, standing.house.journal, instruments.load(), standing.id)
        return told.as_seen_by(standing.actors[name])


EVERYBODY = {"judge", "witness", "authority", "french", "german", "observer", RECORDER}


def test_a_channel_is_given_spoken_into_and_listened_to(standing: Standing) -> None:
    give(standing, "french", "fr")
    assert standing.types()[-1] == "interpretation.opened"
    assert listeners(standing, "french")[Kind.AUDIO] == EVERYBODY - {"french"}, "by turns, until they switch"
    hear(standing, "witness", "fr")
    hear(standing, "observer", "fr")
    told = len(standing.types())
    speak(standing, "french", aside=True)
    assert listeners(standing, "french") == {
        Kind.AUDIO: set(),
        Kind.INTERPRETATION: {"witness", "observer", RECORDER},
    }
    assert "witness" in listeners(standing, "judge")[Kind.AUDIO], "the floor goes on under it"
    (channel,) = view(standing, "witness")["channels"]
    assert channel == {
        "language": "fr",
        "people": ["French"],
        "speaks": [str(standing.actors["french"].place)],
        "relay": None,
    }
    own = view(standing, "french")
    assert (own["you"]["channel"], own["you"]["interpreting"]) == ("fr", True)
    heard_by = {str(standing.actors[name].place) for name in ("witness", "observer")}
    assert set(own["heard_by"]) - {RECORDER} == heard_by
    assert set(own["seen_by"]) - {RECORDER} > heard_by
    assert str(standing.actors["french"].place) not in view(standing, "judge")["hears"]
    assert str(standing.actors["french"].place) in view(standing, "judge")["sees"]
    speak(standing, "french", aside=False)
    assert listeners(standing, "french")[Kind.AUDIO] == EVERYBODY - {"french"}
    assert len(standing.types()) == told, "who listens and where one speaks is not journalled"


def test_the_court_gives_and_takes_back_and_nobody_else(standing: Standing) -> None:
    for name in ("witness", "authority", "french", "observer"):
        with pytest.raises(NotAllowed):
            give(standing, "french", "fr", by=name)
    with pytest.raises(NotFound, match="No interpreter"):
        give(standing, "witness", "fr")
    with pytest.raises(NotFound):
        standing.house.interpretation.give(standing.coordinator, uuid4(), Choice(language="fr"))
    place = standing.actors["french"].place
    assert place
    standing.house.interpretation.give(standing.coordinator, place, Choice(language="fr"))
    with pytest.raises(AlreadyDone):
        give(standing, "french", "fr")
    speak(standing, "french", aside=True)
    give(standing, "french", "ar")
    assert standing.types()[-2:] == ["interpretation.closed", "interpretation.opened"]
    assert listeners(standing, "french")[Kind.AUDIO], "a new channel begins on the floor"
    give(standing, "french", None)
    assert standing.types()[-1] == "interpretation.closed"
    with pytest.raises(NotNow, match="no channel"):
        speak(standing, "french", aside=True)
    for name in ("judge", "observer"):
        with pytest.raises(NotFound):
            speak(standing, name, aside=True)
    standing.house.room.dismiss(standing.actors["judge"], place)
    with pytest.raises(NotNow, match="not in the room"):
        give(standing, "french", "fr")


def test_a_choice_holds_again_when_its_channel_opens_again(standing: Standing) -> None:
    with pytest.raises(NotNow, match="into French is not open"):
        hear(standing, "witness", "fr")
    with pytest.raises(NotFound):
        standing.house.interpretation.hear(standing.coordinator, Choice(language=None))
    give(standing, "french", "fr")
    hear(standing, "witness", "fr")
    give(standing, "french", None)
    told = view(standing, "witness")
    assert (told["you"]["hears"], told["channels"]) == ("fr", []), "so that the page can say that it closed"
    give(standing, "french", "fr")
    speak(standing, "french", aside=True)
    assert "witness" in listeners(standing, "french")[Kind.INTERPRETATION]
    hear(standing, "witness", None)
    assert "witness" not in listeners(standing, "french")[Kind.INTERPRETATION]


def test_two_interpreters_share_a_channel_and_hear_each_other_if_they_choose(standing: Standing) -> None:
    for name in ("french", "german"):
        give(standing, name, "fr")
        speak(standing, name, aside=True)
    hear(standing, "witness", "fr")
    assert listeners(standing, "french")[Kind.INTERPRETATION] == {"witness", RECORDER}
    hear(standing, "german", "fr")
    assert listeners(standing, "french")[Kind.INTERPRETATION] == {"witness", "german", RECORDER}
    (channel,) = view(standing, "judge")["channels"]
    assert (sorted(channel["people"]), len(channel["speaks"])) == (["French", "German"], 2)
    assert channel["relay"] is None, "whoever hears the own channel does not interpret from it"
    give(standing, "french", None)
    assert [one["people"] for one in view(standing, "judge")["channels"]] == [["German"]]


def test_relay_is_told_to_whoever_listens(standing: Standing) -> None:
    give(standing, "french", "fr")
    give(standing, "german", "de")
    hear(standing, "german", "fr")
    for name in ("french", "german"):
        speak(standing, name, aside=True)
    assert listeners(standing, "french")[Kind.INTERPRETATION] == {"german", RECORDER}
    told = {one["language"]: one["relay"] for one in view(standing, "witness")["channels"]}
    assert told == {"fr": None, "de": "fr"}
    give(standing, "french", None)
    assert [one["relay"] for one in view(standing, "witness")["channels"]] == [None]


def test_every_interpreter_is_recorded_on_a_track_of_the_channel_too(standing: Standing) -> None:
    (stretch,) = standing.story().stretches
    kinds: dict[str, set[str]] = {}
    for track in stretch.tracks:
        kinds.setdefault(track[:8], set()).add(track[9:])
    handles = {name: actor.people[0].handle for name, actor in standing.actors.items()}
    assert {name: kinds.get(handle, set()) for name, handle in handles.items()} == {
        "judge": {"audio", "camera"},
        "witness": {"audio", "camera"},
        "authority": {"audio", "camera"},
        "french": {"audio", "camera", "interpretation"},
        "german": {"audio", "camera", "interpretation"},
        "observer": set(),
    }


def test_a_channel_closes_with_its_interpreter_and_with_the_sitting(standing: Standing) -> None:
    judge = standing.actors["judge"]
    for name, language in (("french", "fr"), ("german", "de")):
        give(standing, name, language)
        speak(standing, name, aside=True)
    hear(standing, "witness", "de")
    place = standing.actors["french"].place
    assert place
    standing.house.room.dismiss(judge, place)
    assert standing.types()[-2:] == ["interpretation.closed", "participant.dismissed"]
    standing.house.room.admit(judge, place)
    assert listeners(standing, "french")[Kind.AUDIO] == EVERYBODY - {"french"}
    give(standing, "french", "fr")
    standing.house.people.issue(standing.coordinator, place)
    assert standing.types()[-3:] == ["interpretation.closed", "participant.dismissed", "link.issued"]
    standing.house.room.go_off_record(judge, Words(text="Enough."))
    told = len(standing.types())
    standing.house.room.end(judge)
    assert standing.types()[told:].count("interpretation.closed") == 1
    with standing.house.journal.reading() as tx:
        rows = [tx.get_one(Place, actor.place) for actor in standing.actors.values()]
        assert [(row.channel, row.interpreting, row.hears) for row in rows] == [(None, False, None)] * 6


def test_whoever_follows_is_told_of_what_is_not_journalled(standing: Standing) -> None:
    give(standing, "french", "fr")
    told: list[object] = []
    standing.house.journal.follow(told.append)
    speak(standing, "french", aside=True)
    hear(standing, "witness", "fr")
    assert told == [standing.id, standing.id]
