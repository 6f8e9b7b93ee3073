"""Whether the disk lasts is known from what comes."""

from hypothesis import given
from hypothesis import strategies as st

from media.provision import AT_LEAST, MINUTE, TIMES, Provision, Weighed

RATE = 250  # bytes a ms: two megabits a second
HOUR = 60 * MINUTE


def weighed(provision, free, minute):
    return provision.weigh(free, RATE * minute * MINUTE, minute * MINUTE)


def test_room_for_less_than_the_rest_is_told_and_again_when_half_of_it_is_gone():
    provision = Provision(ends=HOUR)
    assert provision.weigh(0, 0, 0) is None, "nothing has come yet"
    room = TIMES * RATE * 50 * MINUTE
    assert weighed(provision, room, 1) == Weighed(50, 59, short=True)
    assert weighed(provision, room, 2) is None
    assert weighed(provision, room * 6 // 10, 3) is None
    assert weighed(provision, room // 2, 4) == Weighed(25, 56, short=True)
    assert weighed(provision, room * 12 // 10, 5) is None, "not yet enough to be sure of it"
    assert weighed(provision, room * 13 // 10, 6) == Weighed(65, 54, short=False)
    assert weighed(provision, room * 13 // 10, 7) is None


def test_a_hearing_may_always_last_a_while():
    enough = TIMES * RATE * AT_LEAST
    assert Provision().weigh(enough, 0, 0) is None
    for ends in (None, 0, MINUTE):
        provision = Provision(ends=ends)
        provision.weigh(enough, 0, 0)
        assert weighed(provision, enough, 1) is None
        assert weighed(provision, enough - TIMES * RATE, 2) == Weighed(14, 15, short=True)


def test_what_came_long_ago_counts_no_more():
    provision = Provision()
    provision.weigh(10**9, 0, 0)
    provision.weigh(10**9, 10**6, MINUTE)
    assert provision.weigh(2 * 10**7, 10**6, 3 * MINUTE) is None, "nothing comes any more"


@given(
    st.lists(st.tuples(st.integers(0, 10**10), st.integers(0, 10**7), st.integers(1, 90_000)), max_size=80)
)
def test_short_and_enough_alternate_and_are_true(steps):
    provision, now, came, short = Provision(ends=HOUR), 0, 0, False
    for free, more, passed in steps:
        now, came = now + passed, came + more
        told = provision.weigh(free, came, now)
        if told is None:
            continue
        assert told.short or short
        assert told.short is (told.minutes < told.planned) or told.minutes == told.planned - 1
        short = told.short
