"""The score of sound and picture, and the word for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.score import BEST, DEMANDING, Grade, Verdict, grade, opinion, picture_score, sound_score

shares, times = st.floats(0, 100), st.floats(0, 3000)


@pytest.mark.parametrize(
    ("score", "mos"), [(93.2, 4.41), (80, 4.02), (70, 3.6), (60, 3.1), (50, 2.58), (0, 1.0)]
)
def test_opinions_are_those_of_the_recommendation(score, mos):
    assert opinion(score) == pytest.approx(mos, abs=0.01)


@pytest.mark.parametrize(
    ("told", "score"),
    [
        ({"lost": 0, "jitter": 0, "trip": 0}, 91.76),  # 60 ms cost 0.024 × 60
        ({"lost": 0, "jitter": 0, "trip": None}, 91.76),
        ({"lost": 0, "jitter": 10, "trip": 400}, 93.2 - 0.024 * 280 - 0.11 * 102.7),
        ({"lost": 5, "jitter": 0, "trip": 0}, 91.76 - 95 * 5 / 30.1),
        ({"lost": 100, "jitter": 500, "trip": 2000}, 0),
    ],
)
def test_sound_is_scored_by_the_short_form_of_the_e_model(told, score):
    assert sound_score(**told) == pytest.approx(score, abs=0.01)


@given(lost=shares, jitter=times, trip=times, more=st.floats(0, 50))
def test_more_of_anything_is_never_better(lost, jitter, trip, more):
    score = sound_score(lost=lost, jitter=jitter, trip=trip)
    assert 0 <= score <= BEST
    assert sound_score(lost=lost + more, jitter=jitter, trip=trip) <= score
    assert sound_score(lost=lost, jitter=jitter + more, trip=trip) <= score
    assert sound_score(lost=lost, jitter=jitter, trip=trip + more) <= score
    assert picture_score(lost=lost, frozen=more) <= picture_score(lost=lost, frozen=0) <= BEST


def test_usual_lines_are_good_a_satellite_is_weak_and_one_in_five_lost_is_bad():
    assert grade(sound_score(lost=0.5, jitter=5, trip=80)) is Grade.GOOD
    assert grade(sound_score(lost=0, jitter=10, trip=700)) is Grade.WEAK
    assert grade(sound_score(lost=20, jitter=5, trip=80)) is Grade.BAD
    assert grade(sound_score(lost=2.5, jitter=5, trip=80)) is Grade.GOOD
    assert grade(sound_score(lost=2.5, jitter=5, trip=80), DEMANDING) is Grade.WEAK


def words(scores):
    verdict = Verdict()
    return [verdict.told(score) for score in scores]


def test_three_of_the_last_five_change_the_word_both_ways():
    good, weak, bad = 90, 70, 10
    assert words([bad, bad]) == [Grade.GOOD] * 2
    assert words([bad, bad, bad])[-1] is Grade.BAD
    assert words([good, good, bad] * 5) == [Grade.GOOD] * 15
    assert words([good, weak, bad, good, weak])[-1] is Grade.WEAK
    assert words([bad] * 5 + [good, good])[-1] is Grade.BAD
    assert words([bad] * 5 + [good, good, good])[-1] is Grade.GOOD
    assert words([bad] * 5 + [good, weak, weak])[-1] is Grade.WEAK


@given(st.lists(st.floats(0, BEST), max_size=40))
def test_the_word_is_always_one_that_was_heard_lately_or_the_old_one(scores):
    verdict, before = Verdict(), Grade.GOOD
    for number, score in enumerate(scores):
        now = verdict.told(score)
        lately = {grade(each) for each in scores[max(0, number - 4) : number + 1]}
        assert now in lately | {before}
        before = now
