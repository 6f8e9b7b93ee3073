"""What a listener is given of what their downlink bears."""

from hypothesis import given
from hypothesis import strategies as st

from media.allotment import SPARE, Quality, Wish, allotted

LOW, HIGH = 150_000, 1_000_000


def wishes(*large, small=()):
    return [Wish(ssrc, LOW, HIGH) for ssrc in large] + [Wish(ssrc, LOW, None) for ssrc in small]


def given_of(bears, wished, before=None, *, climbs=True):
    return allotted(bears, wished, before or {}, climbs=climbs).given


def test_everybody_low_before_anybody_high_and_the_first_is_the_last_to_go():
    wished = wishes(1, 2, 3)
    assert given_of(0, wished) == {1: Quality.SHED, 2: Quality.SHED, 3: Quality.SHED}
    assert given_of(SPARE * LOW, wished) == {1: Quality.LOW, 2: Quality.SHED, 3: Quality.SHED}
    assert given_of(SPARE * 3 * LOW, wished) == {1: Quality.LOW, 2: Quality.LOW, 3: Quality.LOW}
    assert given_of(SPARE * (2 * LOW + HIGH), wished) == {1: Quality.HIGH, 2: Quality.LOW, 3: Quality.LOW}
    assert given_of(SPARE * 3 * HIGH, wished) == {1: Quality.HIGH, 2: Quality.HIGH, 3: Quality.HIGH}


def test_what_is_shown_small_is_never_high():
    assert given_of(1e9, wishes(1, small=[2, 3])) == {1: Quality.HIGH, 2: Quality.LOW, 3: Quality.LOW}


def test_to_climb_needs_a_tenth_more_and_what_is_there_stays():
    cost = LOW + HIGH
    high = {1: Quality.HIGH, 2: Quality.LOW}
    low = {1: Quality.LOW, 2: Quality.LOW}
    assert given_of(cost, wishes(1, 2), low) == low
    assert given_of(cost, wishes(1, 2), high) == high
    assert given_of(cost - 1, wishes(1, 2), high) == low


def test_nothing_climbs_when_it_may_not_but_a_newcomer_is_shown():
    before = {1: Quality.LOW, 2: Quality.SHED}
    assert given_of(1e9, wishes(1, 2, 3), before, climbs=False) == {**before, 3: Quality.LOW}


def test_what_the_next_step_needs_is_told():
    told = allotted(400_000, wishes(1, 2), {}, climbs=True)
    assert (told.spent, told.short) == (2 * LOW, SPARE * (LOW + HIGH))
    assert allotted(1e9, wishes(1, 2), {}, climbs=True).short is None
    assert allotted(0, wishes(1, 2), {}, climbs=True).short == SPARE * LOW


costs = st.tuples(st.floats(1e4, 1e6), st.none() | st.floats(1e6, 5e6))


@st.composite
def cases(draw):
    wished = [Wish(ssrc, *cost) for ssrc, cost in enumerate(draw(st.lists(costs, max_size=8)))]
    before = {wish.ssrc: draw(st.sampled_from(Quality)) for wish in wished if draw(st.booleans())}
    return draw(st.floats(0, 2e7)), wished, before, draw(st.booleans())


@given(cases())
def test_never_more_than_is_borne_and_stable_once_decided(case):
    bears, wished, before, climbs = case
    told = allotted(bears, wished, before, climbs=climbs)
    cost = {wish.ssrc: (0.0, wish.low, wish.high) for wish in wished}
    spent = sum(cost[ssrc][quality] for ssrc, quality in told.given.items())
    assert abs(spent - told.spent) < 1
    assert told.spent <= bears * (1 + 1e-9)
    assert told.given.keys() == cost.keys()
    again = allotted(bears, wished, told.given, climbs=False)
    assert again.given == told.given
