"""The message line: who may write what to whom, who reads it, and what becomes of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from consent import instruments
from hearings.actors import Actor, Self
from hearings.drawing import _course
from hearings.errors import NotAllowed, NotFound, NotNow, NotValid, TooMany
from hearings.journal import Journal
from hearings.messages import CALLS, MOST, SHOWN, Call, NewMessage
from hearings.roles import Role, Side
from hearings.schedule import Cancellation
from hearings.states import State, Verb
from hearings.tables import Hearing
from hearings.verify import verify
from hearings.views import load
from tests.conftest import FakeClock
from tests.hearings import records as r
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.stood import stood


@pytest.fixture
def standing(journal: Journal, tmp_path: Path) -> Standing:
    """Judge, witness, authority, interpreter, lawyer and clerk have places; nobody is connected yet."""
    return stood(seated, journal, tmp_path)


def seated(house: Courthouse) -> Standing:
    standing = house.requested_hearing().accepted().scheduled().seated()
    standing.add("interpreter", Role.INTERPRETER, Side.REQUESTED)
    standing.add("lawyer", Role.LAWYER, Side.REQUESTED)
    standing.add("observer", Role.OBSERVER, Side.REQUESTING)
    standing.add("clerk", Role.CLERK, Side.REQUESTING)
    return standing


def write(standing: Standing, who: Actor, text: str, to: Actor | None = None) -> None:
    standing.house.messages.write(who, NewMessage(text=text, to=to.place if to else None))


def call(standing: Standing, who: Actor, what: Call) -> None:
    standing.house.messages.write(who, NewMessage(call=what))


def read(standing: Standing, who: Actor) -> list[dict[str, Any]]:
    """The messages that this actor's page shows."""
    journal = standing.house.journal
    with journal.reading() as tx:
        told = load(tx, journal, instruments.load(), standing.id).as_seen_by(who)["messages"]
    assert isinstance(told, list)
    return told


def texts(standing: Standing, who: Actor) -> list[str]:
    return [one["text"] for one in read(standing, who)]


def test_what_a_place_writes_is_read_by_the_court_and_by_no_other_place(standing: Standing) -> None:
    witness = standing.actors["witness"]
    write(standing, witness, "I cannot hear the judge.")
    for name in ("judge", "authority", "clerk"):
        assert texts(standing, standing.actors[name]) == ["I cannot hear the judge."], name
    for coordinator in (standing.coordinator, standing.desk):
        (told,) = read(standing, coordinator)
        assert (told["name"], told["place"], told["to"]) == ("Witness", str(witness.place), None)
        assert told["time"] == "2026-11-23T09:00:00.000Z"
    assert texts(standing, witness) == ["I cannot hear the judge."]
    for name in ("interpreter", "lawyer", "observer"):
        assert texts(standing, standing.actors[name]) == [], name


def test_the_court_writes_to_one_place_with_one_voice(standing: Standing) -> None:
    judge, witness = standing.actors["judge"], standing.actors["witness"]
    write(standing, judge, "We begin in five minutes.", to=witness)
    (told,) = read(standing, witness)
    assert (told["name"], told["place"], told["to"]) == ("The court", None, "Witness")
    (kept,) = read(standing, standing.coordinator)
    assert (kept["name"], kept["place"], kept["to"]) == ("Judge", str(judge.place), "Witness")
    assert texts(standing, standing.actors["interpreter"]) == []
    assert "Judge" not in str(told), "who waits is not told who is there"


def test_a_member_of_staff_writes_to_a_place_and_is_entered_with_it(standing: Standing) -> None:
    write(standing, standing.coordinator, "The room opens at ten.", to=standing.actors["witness"])
    assert texts(standing, standing.actors["witness"]) == ["The room opens at ten."]
    assert read(standing, standing.coordinator)[0]["name"] == "Coordinator"
    assert standing.story().messages[0][1].by in standing.story().people


def test_a_place_that_is_not_of_the_court_writes_to_the_court_alone(standing: Standing) -> None:
    before = standing.types()
    for name in ("witness", "interpreter", "lawyer", "observer"):
        with pytest.raises(NotAllowed, match="You write to the court"):
            write(standing, standing.actors[name], "psst", to=standing.actors["judge"])
    assert standing.types() == before


def test_a_place_of_another_hearing_is_not_found(standing: Standing) -> None:
    other = standing.house.requested_hearing(reference="13/2026").accepted().seated()
    for place in (other.actors["witness"].place, uuid4()):
        with pytest.raises(NotFound):
            standing.house.messages.write(standing.actors["judge"], NewMessage(text="x", to=place))


@pytest.mark.parametrize("what", Call)
def test_a_call_is_made_by_whom_it_is_for(standing: Standing, what: Call) -> None:
    only = CALLS[what].only
    for actor in standing.actors.values():
        if only is None or actor.people[0].role is only:
            call(standing, actor, what)
            assert texts(standing, standing.actors["judge"])[-1] == CALLS[what].text
        else:
            with pytest.raises(NotAllowed, match="This call is for the"):
                call(standing, actor, what)


def test_who_may_call_what() -> None:
    heard = {what for what in Call if CALLS[what].only in {None, Role.HEARD}}
    interpreter = {what for what in Call if CALLS[what].only in {None, Role.INTERPRETER}}
    assert heard == {Call.HELP, Call.HAND, Call.LAWYER}
    assert interpreter == {Call.HELP, Call.HAND, Call.SLOWER, Call.REPEAT, Call.BREAK}


def test_of_several_at_one_place_the_right_one_speaks(standing: Standing) -> None:
    people = [standing.actors[name].people[0] for name in ("witness", "authority", "interpreter")]
    room = Actor(standing.id, tuple(people), standing.actors["witness"].place)
    write(standing, room, "The witness needs water.")
    call(standing, room, Call.LAWYER)
    call(standing, room, Call.SLOWER)
    call(standing, room, Call.HELP)
    write(standing, room, "Come in.", to=standing.actors["lawyer"])
    names = [standing.story().named(message.by) for _, message in standing.story().messages]
    assert names == ["Authority", "Witness", "Interpreter", "Witness", "Authority"]


@pytest.mark.parametrize(
    "message",
    [
        NewMessage(),
        NewMessage(text="x", call=Call.HELP),
        NewMessage(call=Call.HELP, to=UUID(int=1)),
        NewMessage(to=UUID(int=1)),
    ],
)
def test_it_is_either_a_text_or_a_call(standing: Standing, message: NewMessage) -> None:
    with pytest.raises(NotValid):
        standing.house.messages.write(standing.actors["judge"], message)


@pytest.mark.parametrize("text", ["", "   ", "x" * 1001, "\x07", "\u200b"])
def test_a_text_can_be_read_and_is_short(text: str) -> None:
    with pytest.raises(ValueError, match="text"):
        NewMessage(text=text)


def test_twenty_a_minute_and_no_more(standing: Standing, clock: FakeClock) -> None:
    witness = standing.actors["witness"]
    for n in range(MOST):
        write(standing, witness, f"message {n}")
        clock.pass_(seconds=2)
    before = standing.types()
    with pytest.raises(TooMany, match="not sent") as refused:
        write(standing, witness, "one more")
    assert refused.value.seconds == 20
    assert standing.types() == before
    write(standing, standing.actors["lawyer"], "others may")
    clock.pass_(seconds=20)
    write(standing, witness, "now again")
    with pytest.raises(TooMany):
        write(standing, witness, "but one only")
    assert texts(standing, witness)[-1] == "now again"


def test_staff_are_counted_too(standing: Standing) -> None:
    for n in range(MOST):
        write(standing, standing.coordinator, f"message {n}")
    with pytest.raises(TooMany):
        write(standing, standing.coordinator, "one more")


def test_everybody_with_a_seat_writes_while_the_hearing_lives(standing: Standing) -> None:
    house = standing.house
    for role in Role:
        actor = Actor(standing.id, (Self("aaaaaaaa", role, Side.REQUESTING),))
        if role in {Role.SERVICE, Role.ADMINISTRATOR}:
            with pytest.raises(NotAllowed):
                actor.acting(State.OPEN, Verb.WRITE)
        for state in set(State) - {State.DECLINED, State.CANCELLED, State.CLOSED, State.DESTROYED}:
            if role not in {Role.SERVICE, Role.ADMINISTRATOR}:
                assert actor.acting(state, Verb.WRITE).role is role
    house.schedule.cancel(standing.coordinator, Cancellation(code="settled", reason="Heard otherwise."))
    with pytest.raises(NotNow):
        write(standing, standing.actors["witness"], "Is it off?")


def test_who_waits_reads_their_own_messages(standing: Standing) -> None:
    house, witness = standing.house, standing.actors["witness"]
    house.room.open(standing.coordinator)
    call(standing, witness, Call.HELP)
    write(standing, standing.actors["judge"], "A technician calls you.", to=witness)
    assert texts(standing, witness) == ["I need help.", "A technician calls you."]
    with house.journal.reading() as tx:
        view = load(tx, house.journal, instruments.load(), standing.id).as_seen_by(witness)
    assert "places" not in view
    assert "write" in view["verbs"]


def test_the_latest_are_shown(standing: Standing, clock: FakeClock) -> None:
    for n in range(SHOWN + 5):
        write(standing, standing.actors["witness"], f"message {n}")
        clock.pass_(seconds=4)
    told = texts(standing, standing.actors["judge"])
    assert (len(told), told[-1]) == (SHOWN, f"message {SHOWN + 4}")


def test_the_journal_says_a_sentence_and_the_minutes_do_not(standing: Standing) -> None:
    standing.opened()
    write(standing, standing.actors["witness"], "I need water {now}.")
    write(standing, standing.actors["judge"], "It is on its way.", to=standing.actors["witness"])
    with standing.house.journal.reading() as tx:
        entries = standing.house.journal.entries(tx, standing.id)
        story = standing.story()
        said = [one.event.sentence(story.named) for one in entries if one.event.type == "message.sent"]
        assert tx.get_one(Hearing, standing.id).state is State.OPEN
    assert said == [
        "Witness wrote to the court: “I need water {now}.”",
        "Judge wrote to Witness: “It is on its way.”",
    ]
    assert not set(said) & {str(one.sentence) for one in _course(story, entries, Side.REQUESTED)}


def test_a_record_is_good_without_what_was_written(tmp_path: Path) -> None:
    """Text, writer and addressee can be withheld; nothing of them stands in the clear."""

    def messages(draft: r.Draft) -> None:
        draft.say(r.OFF + 2, "message.sent", text="I need help.", by=r.WITNESS)
        draft.say(r.OFF + 3, "message.sent", text="Wait there.", by=r.JUDGE, to=r.WITNESS)

    contents = r.draft(messages).contents()
    full = r.parts(r.sealed(contents))
    seqs = {seq: {"text", "by", "to"} for seq, leaf in enumerate(contents.leaves) if b"message.sent" in leaf}
    assert len(seqs) == 2
    assert all(r.WITNESS.encode() not in contents.leaves[seq] for seq in seqs)
    sealed = replace(
        contents,
        log_key_seal=full["data/trust/log-key.court.p7s"],
        checkpoint_seal=full["data/journal/checkpoint.court.p7s"],
        root=full["data/trust/certs/root.pem"],
    )
    redacted = r.redacted(sealed, seqs=seqs, paths=[])
    assert all(len(redacted.disclosures[seq]) == 1 for seq in seqs), "the list of names alone"
    for n, one in enumerate((contents, redacted)):
        path = tmp_path / f"{n}.asice"
        path.write_bytes(r.sealed(one, ms=5_000_000))
        verdict = verify(path, trust=r.trust(), head=None, at=r.NOW)
        assert verdict.accepted, verdict.sentence
