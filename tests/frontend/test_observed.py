"""What the service says that it saw in a technical test is what came, and no more."""

from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from frontend.observed import STEADY, Observed
from hearings.appointments import NOTHING
from media.control import TrackFigures
from media.score import Grade
from media.signalling import Equipment


def row(
    kind: str,
    *,
    loss: float = 0.0,
    trip: float | None = 40.0,
    frames: float | None = None,
    grade: str = "good",
) -> TrackFigures:
    return TrackFigures(
        track=f"theguest-{kind}",
        loss=loss,
        jitter=1.0,
        trip=trip,
        rate=1000,
        frames=frames,
        stops=0,
        stopped=0,
        score=80.0,
        grade=Grade(grade),
    )


def equipped(width: int = 1280, way: Literal["", "straight", "relayed"] = "straight") -> Equipment:
    return Equipment(
        camera="A camera", microphone="", loudspeaker="", width=width, height=720 if width else 0, way=way
    )


def test_of_nobody_nothing_was_seen() -> None:
    observed = Observed()
    observed.equipment = equipped()
    observed.hear(10)
    observed.measure([row("heard")])
    assert observed.shown() == NOTHING


def test_it_is_told_in_figures() -> None:
    observed = Observed()
    observed.equipment = equipped(way="relayed")
    observed.measure([row("audio", loss=1.0, trip=30.0), row("camera", frames=24.0)])
    observed.measure([row("audio", trip=50.0), row("camera", frames=0.0, grade="weak")])
    for level in (60, 30, 127, 30, 44):
        observed.hear(level)
    told = observed.shown()
    assert (told.width, told.height, told.heard, told.seconds) == (1280, 720, True, 4)
    assert (told.trip, told.loss, told.grade, told.way) == (40, 5, "weak", "relayed")


def test_before_anything_goes_back_the_page_says_how_long_the_way_is() -> None:
    observed = Observed()
    observed.equipment = equipped().model_copy(update={"trip": 70})
    observed.measure([row("audio", trip=None)])
    assert observed.shown().trip == 70
    observed.measure([row("audio", trip=40.0)])
    assert observed.shown().trip == 40


def test_a_picture_is_one_that_came_and_not_one_that_was_told_of() -> None:
    observed = Observed()
    observed.equipment = equipped()
    observed.measure([row("audio")])
    assert observed.shown().width is None
    observed.measure([row("audio"), row("camera", frames=10.0)])
    assert observed.shown().width == 1280
    observed.equipment = equipped(width=0)
    assert observed.shown().width is None


@given(st.lists(st.integers(0, 127), max_size=40))
def test_somebody_was_heard_who_spoke_for_a_while(levels: list[int]) -> None:
    observed = Observed()
    observed.measure([row("audio")])
    for level in levels:
        observed.hear(level)
    assert observed.shown().heard is (sum(level < 45 for level in levels) >= STEADY)
