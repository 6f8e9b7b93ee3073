"""Times of one's own within a sitting, and what becomes of them when it runs late."""

from hypothesis import given
from hypothesis import strategies as st

from scheduling.turns import Turn, expected, in_order, overlapping


@st.composite
def plans(draw: st.DrawFn) -> tuple[Turn, ...]:
    """Turns that do not overlap."""
    end, turns = 0, []
    for who in range(draw(st.integers(1, 6))):
        after = end + draw(st.integers(0, 30))
        turns.append(Turn(who=str(who), after=after, minutes=draw(st.integers(5, 60))))
        end = turns[-1].end
    return tuple(turns)


def test_lateness_uses_up_a_pause_first() -> None:
    planned = [
        Turn(who="a", after=0, minutes=75),
        Turn(who="b", after=90, minutes=60),
        Turn(who="c", after=150, minutes=10),
    ]
    assert [turn.after for turn in expected(planned, late=10)] == [10, 90, 150]
    assert [turn.after for turn in expected(planned, late=40)] == [40, 115, 175]
    assert [turn.after for turn in expected(planned, late=40, first="b")] == [0, 130, 190]


@given(plans(), st.integers(0, 200), st.data())
def test_nobody_comes_earlier_than_planned_nor_over_another_nor_later_than_the_delay(
    planned: tuple[Turn, ...], late: int, data: st.DataObject
) -> None:
    first = data.draw(st.sampled_from([turn.who for turn in planned]))
    now = expected(planned, late=late, first=first)
    assert overlapping(now) is None or late == 0
    place = [turn.who for turn in planned].index(first)
    for n, (before, after) in enumerate(zip(planned, now, strict=True)):
        assert (before.who, before.minutes) == (after.who, after.minutes)
        assert before.after <= after.after <= before.after + late
        assert n >= place or before == after
    assert now[place].after == planned[place].after + late


@given(plans())
def test_on_time_nothing_changes(planned: tuple[Turn, ...]) -> None:
    assert expected(reversed(planned), late=0) == in_order(planned) == planned
