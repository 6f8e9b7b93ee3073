"""Lines are stable: a source keeps its line while it stays."""

from hypothesis import given
from hypothesis import strategies as st

from media.lines import assigned


def test_sources_take_the_free_lines_in_the_order_of_their_arrival():
    assert assigned({}, ["a", "b"], lines=3) == {0: "a", 1: "b"}


def test_a_source_keeps_its_line_and_a_freed_one_goes_to_who_waited():
    assert assigned({0: "a", 1: "b"}, ["b", "c"], lines=2) == {0: "c", 1: "b"}


def test_with_too_few_lines_those_there_first_keep_theirs():
    assert assigned({0: "a", 1: "b"}, ["a", "b", "c"], lines=2) == {0: "a", 1: "b"}


@given(
    st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True), max_size=8),
    st.integers(0, 5),
)
def test_nobody_moves_nobody_is_doubled_and_no_line_is_wasted(changes, lines):
    before = {}
    for sources in changes:
        after = assigned(before, sources, lines=lines)
        assert all(after[line] == place for line, place in before.items() if place in sources)
        assert len(set(after.values())) == len(after) == min(lines, len(sources))
        assert set(after.values()) <= set(sources)
        before = after
