"""One of several processes arms the clock: who holds the alarm, and when another one takes it."""

from hypothesis import given
from hypothesis import strategies as st

from hearings.alarm import SILENT_SECONDS, SURE_SECONDS, Alarm, Beat, Seen, may_take, seen
from hearings.database import Database
from hearings.tables import Alarm as Row


class Seconds:
    """A clock of one machine, that passes only when told; each has another beginning."""

    def __init__(self, beginning: float = 0) -> None:
        self.now = beginning

    def __call__(self) -> float:
        return self.now


def look_for(seconds: float, *processes: tuple[Alarm, Seconds]) -> list[list[int]]:
    """Each looks every second; which of them held the alarm after each round."""
    held = []
    for _ in range(round(seconds)):
        for alarm, clock in processes:
            clock.now += 1
            alarm.look()
        held.append([n for n, (alarm, _) in enumerate(processes) if alarm.holds])
    return held


def process(database: Database, beginning: float = 0) -> tuple[Alarm, Seconds]:
    clock = Seconds(beginning)
    return Alarm(database, moment=clock), clock


def test_who_is_alone_holds_it_at_once(database: Database) -> None:
    alarm, _ = process(database)
    assert not alarm.holds
    assert alarm.look()


def test_two_do_not_hold_it_together_whatever_their_clocks_say(database: Database) -> None:
    assert look_for(20, process(database, 1_000_000), process(database, -5)) == [[0]] * 20


def test_what_a_killed_process_held_is_taken_within_ten_seconds_and_by_one(database: Database) -> None:
    killed, first, second = process(database), process(database, 77), process(database, 5_000)
    look_for(3, killed, first, second)
    held = look_for(10, first, second)
    taken = next(n for n, holders in enumerate(held) if holders)
    assert SURE_SECONDS <= taken < 10
    assert held[taken:] == [held[-1]] * (10 - taken)
    assert len(held[-1]) == 1


def test_who_stood_still_finds_that_it_lost_the_alarm(database: Database) -> None:
    still, other = process(database), process(database)
    look_for(3, still, other)
    assert look_for(10, other)[-1] == [0]
    still[1].now += 10
    assert not still[0].holds, "before it looks again"
    assert not still[0].look()
    assert look_for(4, still, other)[-1] == [1]


def test_what_is_handed_over_is_taken_at_once_and_not_by_who_left_it(database: Database) -> None:
    leaving, other = process(database), process(database)
    look_for(3, leaving, other)
    leaving[0].hand_over()
    assert look_for(1, leaving, other) == [[1]]


def test_a_database_that_is_away_leaves_it_to_nobody() -> None:
    alarm, clock = process(Database("sqlite:////nowhere/at/all.db"))
    assert look_for(3, (alarm, clock)) == [[], [], []]
    alarm.hand_over()


def test_who_holds_it_does_not_write_at_every_look(database: Database) -> None:
    alarm, clock = process(database)
    beats = set()
    for _ in range(10):
        alarm.look()
        clock.now += 1
        with database.reading() as tx:
            beats.add(tx.get_one(Row, 1).beat)
    assert beats == {1, 2, 3, 4, 5}


beats = st.builds(Beat, st.sampled_from(["", "one", "two"]), st.integers(0, 3))


@given(st.lists(st.tuples(beats, st.floats(0, 4)), min_size=1, max_size=12))
def test_nobody_takes_it_from_who_beats(told: list[tuple[Beat, float]]) -> None:
    """`told`: what is seen, and how long until the next look."""
    now, last = 0.0, None
    since: dict[Beat, float] = {}
    for beat, pause in told:
        if last is None or last.beat != beat:
            since = {beat: now}
        last = seen(last, beat, now)
        expected = beat.holder in {"", "me"} or now - since[beat] >= SILENT_SECONDS
        assert may_take("me", last, now) is expected
        assert last == Seen(beat, since[beat])
        now += pause
