"""Sealed intervals: under a key of their own, in no package, opened by two of whom one presides."""

from datetime import timedelta
from pathlib import Path

import pytest

from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow
from hearings.events import MediaSealed
from hearings.listening import Listening
from hearings.redaction import _under_seal
from hearings.registry import Registry, public_half
from hearings.roles import Role, Side
from hearings.room import Words, plans
from hearings.sealing import OPEN_FOR, Ground, Sealings
from hearings.states import State
from hearings.tables import Hearing
from media.control import RecordPlan
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.stood import stood
from tests.hearings.test_copies import Archive

NAMES = ("judge", "clerk", "authority")
GROUND = Ground(reason="The witness speaks of a child.")


@pytest.fixture
def standing(journal, tmp_path) -> Standing:
    return stood(opened, journal, tmp_path)


def opened(house: Courthouse) -> Standing:
    found = house.requested_hearing().accepted().scheduled().seated()
    found.add("clerk", Role.CLERK, Side.REQUESTING)
    return found.opened()


@pytest.fixture
def sealings(standing) -> Sealings:
    return Sealings(standing.house.acts, Registry(standing.house.key))


def records(standing: Standing) -> list[RecordPlan]:
    with standing.house.journal.reading() as tx:
        row = tx.get_one(Hearing, standing.id)
        told = plans(tx, row, standing.story(), folder=Path("/nowhere"), now=standing.house.journal.clock())
        return [plan.record for plan in told if plan.record is not None]


def halves(standing: Standing) -> tuple[str, str]:
    with standing.house.journal.reading() as tx:
        return (
            public_half(tx, standing.id),
            public_half(tx, standing.id, sealed=True),
        )


def state(standing: Standing) -> tuple[State, State]:
    """By the row, and by the journal."""
    return standing.house.docket.hearing(standing.id).state, standing.story().state


def test_sealing_ends_the_stretch_and_begins_another_under_the_second_key(standing, sealings):
    standing.on_record()
    judge = standing.actors["judge"]
    sealings.seal(judge, GROUND)
    assert standing.types()[-3:] == ["interval.sealed", "record.off", "record.on"]
    assert state(standing) == (State.ON_RECORD, State.ON_RECORD)
    first, second = records(standing)
    assert (first.until, second.until) == (second.since, None), "not a moment between them"
    assert first.tracks == second.tracks
    assert (first.key, second.key) == halves(standing)
    assert first.key != second.key
    sealings.end(judge)
    assert standing.types()[-3:] == ["interval.ended", "record.off", "record.on"]
    assert records(standing)[-1].key == first.key
    assert [one.sealed is not None for one in standing.story().stretches] == [False, True, False]


def test_an_examination_goes_on_under_seal(standing, sealings):
    standing.on_record().introduced()
    standing.house.room.examine(standing.actors["judge"])
    for step in (
        lambda: sealings.seal(standing.actors["judge"], GROUND),
        lambda: sealings.end(standing.actors["judge"]),
    ):
        step()
        assert state(standing) == (State.EXAMINING, State.EXAMINING)
    standing.house.room.go_off_record(standing.actors["judge"], Words(text="Enough."))
    assert state(standing) == (State.OPEN, State.OPEN)


def test_it_holds_through_a_suspension_and_can_be_declared_off_the_record(standing, sealings):
    judge = standing.actors["judge"]
    sealings.seal(judge, GROUND)
    assert standing.types()[-1] == "interval.sealed"
    standing.on_record()
    assert standing.story().stretches[-1].sealed is not None
    standing.house.room.suspend(judge, Words(text="The witness is not well."))
    standing.house.room.resume(judge, Words(text="Nothing was lost."))
    assert standing.story().stretches[-1].sealed is not None
    standing.house.room.suspend(judge, Words(text="The witness is not well."))
    sealings.end(judge)
    assert standing.types()[-1] == "interval.ended"
    standing.house.room.resume(judge, Words(text="Nothing was lost."))
    assert standing.story().stretches[-1].sealed is None


def test_the_judge_alone_seals_and_does_so_once(standing, sealings):
    standing.on_record()
    for name in ("clerk", "authority", "witness"):
        with pytest.raises(NotAllowed):
            sealings.seal(standing.actors[name], GROUND)
    with pytest.raises(NotNow):
        sealings.end(standing.actors["judge"])
    sealings.seal(standing.actors["judge"], GROUND)
    with pytest.raises(AlreadyDone):
        sealings.seal(standing.actors["judge"], GROUND)


@pytest.mark.parametrize(
    ("asks", "allows"),
    [("judge", "clerk"), ("judge", "authority"), ("clerk", "judge"), ("authority", "judge")],
)
def test_two_of_whom_one_presides_open_it(standing, sealings, asks, allows):
    standing.on_record()
    sealings.seal(standing.actors["judge"], GROUND)
    with pytest.raises(NotNow):
        sealings.allow(standing.actors[allows], 2)
    sealings.ask(standing.actors[asks], 2, Ground(reason="An appeal."))
    with pytest.raises(AlreadyDone):
        sealings.ask(standing.actors[allows], 2, GROUND)
    sealings.allow(standing.actors[allows], 2)
    assert standing.types()[-2:] == ["unsealing.asked", "unsealing.allowed"]
    with pytest.raises(NotNow):
        sealings.allow(standing.actors[allows], 2)


@pytest.mark.parametrize(
    ("asks", "allows"),
    [("judge", "judge"), ("clerk", "clerk"), ("clerk", "authority"), ("authority", "clerk")],
)
def test_one_alone_does_not_nor_do_two_who_do_not_preside(standing, sealings, asks, allows):
    standing.on_record()
    sealings.seal(standing.actors["judge"], GROUND)
    sealings.ask(standing.actors[asks], 2, GROUND)
    with pytest.raises(NotAllowed, match="Two people open"):
        sealings.allow(standing.actors[allows], 2)
    sealings.decline(standing.actors[allows], 2)
    sealings.ask(standing.actors[asks], 2, GROUND)
    for n in (1, 3):
        with pytest.raises(NotFound):
            sealings.ask(standing.actors["judge"], n, GROUND)


async def test_what_is_sealed_is_heard_only_while_it_is_open(standing, sealings, clock, tmp_path):
    judge, clerk = standing.actors["judge"], standing.actors["clerk"]
    sealings.seal(judge, GROUND)
    archive = Archive(standing.on_record(), tmp_path / "recordings", clock, sealed=True)
    await archive.copies.work()
    name = f"{archive.witness}-1.webm"
    assert b"V_VP8" in archive.clear(name), "it is locked for the second pair"
    listening = Listening(standing.house.acts, archive.keys, archive.folder.parent)
    (told,) = listening.stretches(clerk)
    assert told["sealed"]["reason"] == GROUND.reason
    for closed in (lambda: listening.begin(clerk, 1), lambda: listening.film(clerk, name)):
        with pytest.raises((NotAllowed, NotFound)):
            closed()
    sealings.ask(clerk, 1, Ground(reason="The minutes."))
    asked = {name: listening.stretches(archive.standing.actors[name])[0]["sealed"]["asked"] for name in NAMES}
    assert asked["judge"]["reason"] == "The minutes."
    assert [name for name in NAMES if asked[name]["yours"]] == ["judge"]
    with pytest.raises(NotAllowed, match="sealed"):
        listening.begin(clerk, 1)
    sealings.allow(judge, 1)
    listening.begin(clerk, 1)
    assert listening.stretch(clerk, 1)["films"]
    with listening.film(clerk, name).stream as stream:
        assert stream.read(4) == bytes.fromhex("1a45dfa3")
    clock.pass_(seconds=OPEN_FOR.total_seconds() - 1)
    listening.begin(clerk, 1)
    clock.pass_(seconds=2)
    with pytest.raises(NotAllowed, match="sealed"):
        listening.film(clerk, name)
    assert listening.stretches(clerk)[0]["sealed"]["until"] is None
    assert timedelta(hours=12) == OPEN_FOR


def test_every_package_leaves_it_out_and_commits_to_it(standing, sealings):
    standing.on_record()
    sealings.seal(standing.actors["judge"], GROUND)
    names = [
        f"data/media/abcdefgh-audio-{n}.{kind}" for n in (1, 2) for kind in ("pcapng", "index.jsonl", "webm")
    ]
    with standing.house.journal.transaction() as tx:
        hearing = tx.get_one(Hearing, standing.id)
        for number, path in enumerate(names):
            standing.house.journal.append(tx, hearing, MediaSealed(path=path, sha256=f"{number:064}"))
    withheld = _under_seal(standing.story())
    assert sorted(withheld) == sorted(names[3:])
    assert {one.ground for one in withheld.values()} == {"Sealed by the court."}
    assert all(one.decision for one in withheld.values())
    assert GROUND.reason not in str(withheld), "the reason may tell what the seal keeps"
