"""Orders of protection: who gives and lifts them, and what may be withheld so."""

import pytest

from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotValid
from hearings.people import Description
from hearings.protection import Anonymity, Lifting, Muting, Protections, Words, words_of
from hearings.redaction import Version, hidden, protected
from hearings.roles import Circumstance, Role, Side
from hearings.room import Words as Note
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.stood import stood

WHY = "The court has decided so."


@pytest.fixture
def standing(journal, tmp_path) -> Standing:
    return stood(opened, journal, tmp_path)


def opened(house: Courthouse) -> Standing:
    found = house.requested_hearing().accepted().scheduled().seated()
    found.add("clerk", Role.CLERK, Side.REQUESTING)
    found.opened().on_record()
    house.room.note(found.actors["judge"], Note(text="A name was said."))
    return found


@pytest.fixture
def protections(standing) -> Protections:
    return Protections(standing.house.acts)


def handle(standing: Standing, name: str = "witness") -> str:
    return standing.actors[name].people[0].handle


def test_the_judge_or_the_authority_orders_and_the_same_side_lifts(standing, protections):
    judge, authority = standing.actors["judge"], standing.actors["authority"]
    order = Anonymity(person=handle(standing), ground=WHY)
    for name in ("clerk", "witness"):
        with pytest.raises(NotAllowed):
            protections.conceal(standing.actors[name], order)
    protections.conceal(authority, order)
    n = len(standing.types()) - 1
    assert standing.types()[-1] == "protection.ordered"
    assert protected(standing.story(), Version.PARTIES) == {handle(standing): n}
    with pytest.raises(AlreadyDone):
        protections.conceal(judge, order)
    with pytest.raises(NotAllowed, match="side that ordered"):
        protections.lift(judge, n, Lifting(ground=WHY))
    protections.lift(authority, n, Lifting(ground=WHY))
    assert protected(standing.story(), Version.PUBLIC) == {}
    with pytest.raises(NotFound):
        protections.lift(authority, n, Lifting(ground=WHY))


def test_an_order_for_the_public_version_binds_it_alone(standing, protections):
    judge, whom = standing.actors["judge"], handle(standing, "authority")
    protections.conceal(judge, Anonymity(person=whom, ground=WHY, public=True))
    assert whom in hidden(standing.story(), Version.PUBLIC)
    assert whom not in hidden(standing.story(), Version.PARTIES)
    protections.conceal(judge, Anonymity(person=whom, ground=WHY))
    assert whom in hidden(standing.story(), Version.PARTIES)


def test_who_is_described_as_protected_is_until_a_court_says_otherwise(standing, protections):
    whom, judge = handle(standing), standing.actors["judge"]
    with pytest.raises(NotFound):
        protections.name(judge, whom, Lifting(ground=WHY))
    said = Description(person=whom, circumstances=frozenset({Circumstance.PROTECTED}))
    standing.house.people.describe(judge, said)
    assert protected(standing.story(), Version.PARTIES) == {whom: None}
    protections.name(judge, whom, Lifting(ground=WHY))
    assert protected(standing.story(), Version.PARTIES) == {}
    with pytest.raises(NotFound):
        protections.name(judge, whom, Lifting(ground=WHY))


def test_of_the_recording_what_there_is(standing, protections):
    judge, track = standing.actors["judge"], f"{handle(standing)}-audio"
    for bad, error in (
        (Muting(ground=WHY), NotValid),
        (Muting(track=f"{handle(standing)}-document", ground=WHY), NotFound),
        (Muting(stretch=2, ground=WHY), NotFound),
        (Muting(track=track, stretch=2, ground=WHY), NotFound),
    ):
        with pytest.raises(error):
            protections.withhold(judge, bad)
    for good in (
        Muting(track=track, ground=WHY),
        Muting(stretch=1, ground=WHY),
        Muting(track=track, stretch=1, ground=WHY),
    ):
        protections.withhold(judge, good)
    assert len(standing.story().protections) == 3


def test_words_of_an_entry_and_nothing_else(standing, protections):
    judge = standing.actors["judge"]
    n = standing.types().index("statement.noted")
    for entry, member in (
        (n, "by"),
        (n, "names"),
        (0, "logKey"),
        (1, "matter"),
        (999, "text"),
        (n - 1, "text"),
    ):
        with pytest.raises(NotFound):
            protections.blank(judge, Words(entry=entry, member=member, ground=WHY))
    protections.blank(judge, Words(entry=n, member="text", ground=WHY, public=True))
    protections.blank(judge, Words(entry=n, member="text", ground=WHY))
    with pytest.raises(AlreadyDone):
        protections.blank(judge, Words(entry=n, member="text", ground=WHY))


def test_the_page_shows_what_stands_to_who_oversees(standing, protections):
    judge, whom = standing.actors["judge"], handle(standing)
    protections.conceal(judge, Anonymity(person=whom, ground=WHY))
    n = standing.types().index("statement.noted")
    told = protections.told(standing.actors["clerk"], n)
    assert [one["public"] for one in told["orders"]] == [False]
    assert told["entry"]["words"] == {"text": "A name was said."}
    assert protections.told(judge, 999)["entry"] is None
    assert not protections.told(standing.actors["authority"], None)["orders"][0]["yours"]
    with pytest.raises(NotFound):
        protections.told(standing.actors["witness"], None)


def test_what_holds_the_record_together_cannot_be_withheld(standing):
    with standing.house.journal.reading() as tx:
        for entry in standing.house.journal.entries(tx, standing.id):
            assert not {"path", "sha256", "logKey", "tracks", "by"} & words_of(entry.event).keys()
