"""The figures of the connections: into the journal, through the verifier, and what the minutes say of them."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearings import drawing, figures, verify_journal
from hearings import verify as verify_module
from hearings.events import KINDS, Came, MediaFigures
from hearings.journal import Journal
from hearings.roles import Role, Side
from hearings.room import Words, plans
from hearings.story import Story
from hearings.tables import Checkpoint, Hearing
from hearings.tree import canonical
from hearings.verify import Outcome, verify
from media import control, score
from tests.conftest import FakeClock
from tests.hearings import records as r
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.stood import stood

CALM = {"loss": 0.0, "jitter": 2.4, "trip": 40.6, "rate": 38_400, "frames": None, "stops": 0, "stopped": 0}


@pytest.fixture
def standing(journal: Journal, tmp_path: Path) -> Standing:
    return stood(opened, journal, tmp_path)


def opened(house: Courthouse) -> Standing:
    return house.requested_hearing().accepted().scheduled().seated().opened()


def figures_of(standing: Standing, **tracks: dict[str, Any]) -> control.Figures:
    """`witness_audio={…}`: what differs from a calm line."""
    rows = []
    for name, changes in tracks.items():
        who, _, kind = name.partition("_")
        track = f"{standing.actors[who].people[0].handle}-{kind}"
        rows.append({"track": track, **CALM, "score": 91.2, "grade": "good", **changes})
    return control.Figures.model_validate({"at": standing.millis(), "millis": 10_004, "tracks": rows})


# --- the journal


def test_on_the_record_they_are_journalled_in_whole_numbers(standing: Standing, clock: FakeClock) -> None:
    standing.on_record()
    clock.pass_(seconds=10)
    picture = {"frames": 14.6, "rate": 800_400, "stops": 2, "stopped": 1234, "trip": None}
    sound = {"loss": 12.34, "score": 31.0, "grade": "bad"}
    standing.report(figures_of(standing, witness_audio=sound, witness_camera=picture))
    (told,) = standing.story().figures
    witness = standing.actors["witness"].people[0].handle
    assert told.members() == {
        "at": "2026-11-23T09:00:10.000Z",
        "millis": 10_004,
        "rows": [
            {
                "track": f"{witness}-audio",
                "loss": 123,
                "jitter": 2,
                "rate": 38,
                "stops": 0,
                "stopped": 0,
                "score": 31,
                "grade": "bad",
                "trip": 41,
            },
            {
                "track": f"{witness}-camera",
                "loss": 0,
                "jitter": 2,
                "rate": 800,
                "stops": 2,
                "stopped": 1234,
                "score": 91,
                "grade": "good",
                "frames": 15,
            },
        ],
    }
    assert b"." not in canonical(told.members()["rows"]), "the profile of the record has no fractions"
    sentence = told.sentence(standing.story().named)
    assert sentence == "In 10 s the weakest was the sound of Witness: bad, 12.3 % lost."


def test_off_the_record_nothing_of_them_is_kept(standing: Standing) -> None:
    before = standing.types()
    standing.report(figures_of(standing, witness_audio={}))
    assert standing.types() == before
    standing.on_record()
    standing.report(control.Figures(at=standing.millis(), millis=10_000, tracks=[]))
    standing.house.room.go_off_record(standing.actors["judge"], Words(text="Enough."))
    standing.report(figures_of(standing, witness_audio={}))
    assert "media.figures" not in standing.types()


def test_they_wake_no_page_and_are_under_a_signed_head_all_the_same(standing: Standing) -> None:
    standing.on_record()
    told: list[UUID] = []
    standing.house.journal.follow(told.append)
    standing.report(figures_of(standing, witness_audio={}))
    assert told == []
    with standing.house.journal.reading() as tx:
        assert tx.get(Checkpoint, (standing.id, len(standing.types()))) is not None
    standing.house.room.go_off_record(standing.actors["judge"], Words(text="Enough."))
    assert told == [standing.id]


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("audio", "the sound of Judge J."),
        ("camera", "the picture of Judge J."),
        ("document", "the document of Judge J."),
        ("interpretation", "the interpretation by Judge J."),
        ("heard", "what Judge J. heard of the others"),
        ("smell", "smell of Judge J."),
    ],
)
def test_the_sentence_names_the_weakest(kind: str, what: str) -> None:
    told = event(0, row(score=50), row(f"bbbbbbbb-{kind}", score=60, grade="weak", loss=31, stopped=2500))
    assert told.sentence(lambda _handle: "Judge J.") == (
        f"In 10 s the weakest was {what}: weak, 3.1 % lost, and it stopped for 2.5 s."
    )


def test_an_interpreters_place_is_judged_more_strictly(standing: Standing, tmp_path: Path) -> None:
    standing.add("interpreter", Role.INTERPRETER, Side.REQUESTED)
    with standing.house.journal.reading() as tx:
        hearing = tx.get_one(Hearing, standing.id)
        (plan,) = plans(tx, hearing, standing.story(), folder=tmp_path, now=standing.house.journal.clock())
    demanding = [peer.place for peer in plan.peers if peer.demanding]
    assert demanding == [str(standing.actors["interpreter"].place)]


# --- the verifier


@pytest.mark.parametrize("known", [True, False], ids=["this version", "one that does not know them"])
def test_a_record_with_figures_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    def measured(record: r.Draft) -> None:
        members = event(r.ON + 4000, row(f"{r.WITNESS}-audio"), row(f"{r.WITNESS}-heard")).members()
        at = next(n for n, said in enumerate(record.said) if said.type == "record.off")
        record.said.insert(at, r.Said(r.ON + 4200, "media.figures", members))

    if not known:
        older = {name: kind for name, kind in KINDS.items() if name != "media.figures"}
        for module in (verify_module, verify_journal):
            monkeypatch.setattr(module, "KINDS", older)
    path = tmp_path / "record.asice"
    path.write_bytes(r.sealed(r.draft(measured).contents()))
    verdict = verify(path, trust=r.trust(), head=None, at=r.NOW)
    assert verdict.accepted, verdict.sentence
    (entries,) = [check for check in verdict.checks if check.name == "entries"]
    assert entries.outcome is Outcome.OK
    assert ("media.figures" in entries.sentence) is not known


# --- the minutes


def row(track: str = "bbbbbbbb-audio", **changes: Any) -> Came:
    calm = {"loss": 0, "jitter": 2, "rate": 38, "stops": 0, "stopped": 0, "score": 91, "grade": "good"}
    return Came(**{"track": track, **calm, **changes})


def event(ms: int, *rows: Came, millis: int = 10_000) -> MediaFigures:
    return MediaFigures(at=r.at(ms), millis=millis, rows=list(rows))


def story_of(*told: MediaFigures) -> Story:
    judge, witness = "aaaaaaaa", "bbbbbbbb"
    story = Story(figures=list(told))
    for handle, name in ((judge, "Judge J."), (witness, "Witness W.")):
        story.people[handle] = drawing.Person(
            handle, name, Role.PRESIDING, "", Side.REQUESTING, "a place", "en", None
        )
    return story


def test_each_person_and_kind_has_a_row_in_the_order_of_the_persons() -> None:
    tracks = ("bbbbbbbb-heard", "bbbbbbbb-camera", "zzzzzzzz-audio", "aaaaaaaa-heard", "bbbbbbbb-audio")
    story = story_of(event(10_000, *(row(track) for track in tracks)))
    assert [(one.name, one.what) for one in figures.connections(story)] == [
        ("Judge J.", "hearing the others"),
        ("Witness W.", "sound"),
        ("Witness W.", "picture"),
        ("Witness W.", "hearing the others"),
    ]


def test_what_the_minutes_say_is_the_sum_of_the_journal() -> None:
    story = story_of(
        event(10_000, row(trip=100, stops=1, stopped=500)),
        event(20_000, row(trip=140, loss=100, score=50, grade="weak")),
        event(40_000, row(trip=400, loss=400, score=20, grade="bad", stops=2, stopped=4000), millis=20_000),
        event(50_000, row("bbbbbbbb-heard", trip=None)),
    )
    sound, heard = figures.connections(story)
    assert (sound.good, sound.weak, sound.bad) == (10_000, 10_000, 20_000)
    assert sound.lost == 225, "by time: 20 s count twice as much as 10 s"
    assert (sound.trip, sound.stops, sound.stopped) == (140, 3, 4500)
    assert (sound.worst.begin, sound.worst.end) == (r.at(20_000), r.at(40_000))
    assert (sound.worst.grade, sound.worst.lost, sound.worst.trip) == ("bad", 400, 400)
    assert (heard.trip, heard.stops, heard.stopped) == (None, None, None)


grades = st.sampled_from(["good", "weak", "bad"])
rows = st.builds(
    row, loss=st.integers(0, 1000), score=st.integers(0, 93), grade=grades, stops=st.integers(0, 9)
)


@given(st.lists(st.tuples(rows, st.integers(1, 20_000)), min_size=1, max_size=20))
def test_no_second_is_lost_and_none_is_worse_than_the_worst(told: list[tuple[Came, int]]) -> None:
    story = story_of(*(event(1000 * n, each, millis=ms) for n, (each, ms) in enumerate(told)))
    (one,) = figures.connections(story)
    assert one.good + one.weak + one.bad == sum(ms for _, ms in told)
    assert min(each.loss for each, _ in told) <= one.lost <= max(each.loss for each, _ in told)
    worst = max(("good", "weak", "bad").index(each.grade) for each, _ in told)
    assert one.worst.grade == ("good", "weak", "bad")[worst]
    assert one.worst.score == min(each.score for each, _ in told if each.grade == one.worst.grade)
    assert one.stops == sum(each.stops for each, _ in told)


def test_the_method_is_told_in_the_numbers_that_are_used() -> None:
    for number in (score.BEST, *map(round, (*score.USUAL, *score.DEMANDING))):
        assert str(number) in figures.METHOD
    assert "3 of the last 5" in figures.METHOD
    assert "3 times the usual interval and 150 ms" in figures.METHOD
    assert "400 ms" in figures.METHOD


def test_without_figures_the_minutes_say_nothing_of_them() -> None:
    technical = drawing._technical(story_of(), r.START)
    assert (technical.connections, technical.measured) == ((), "")
    technical = drawing._technical(story_of(event(0, row())), r.START)
    assert len(technical.connections) == 1
    assert technical.measured == figures.METHOD
