"""Digital silence is told after ten seconds, once, and so is the sound that follows it."""

from house import KeenEars
from hypothesis import given
from hypothesis import strategies as st

from media.living import SILENT_MILLIS, Change, Living, Silences


def test_silence_is_told_after_ten_seconds_once_and_so_is_sound():
    silences = Silences()
    assert silences.expect(["judge"], 0) == []
    assert silences.expect(["judge"], SILENT_MILLIS - 1) == []
    assert silences.expect(["judge"], SILENT_MILLIS) == [Change("judge", 0, sounds=False)]
    assert silences.expect(["judge"], 2 * SILENT_MILLIS) == []
    assert silences.hear("judge", 25_000) == [Change("judge", 0, sounds=True)]
    assert silences.hear("judge", 26_000) == []
    assert silences.expect(["judge"], 35_999) == []
    assert silences.expect(["judge"], 36_000) == [Change("judge", 26_000, sounds=False)]


def test_a_muted_microphone_is_silent_for_good_reason():
    silences = Silences()
    silences.expect(["judge"], 0)
    assert silences.expect([], 9_000) == []
    assert silences.expect(["judge"], 12_000) == [], "its time begins anew"
    assert silences.expect(["judge"], 22_000) == [Change("judge", 12_000, sounds=False)]
    assert silences.expect([], 23_000) == []
    assert silences.expect(["judge"], 60_000) == [], "that it is silent was told and still holds"
    silences.forget("judge")
    assert silences.expect(["judge"], 61_000) == []
    assert silences.expect(["judge"], 71_000) == [Change("judge", 61_000, sounds=False)]


@given(
    st.lists(
        st.tuples(st.integers(0, 4_000), st.booleans(), st.sampled_from([(), ("a",), ("b",), ("a", "b")])),
        max_size=60,
    )
)
def test_what_is_told_alternates_and_is_true(looks):
    silences, now = Silences(), 0
    last, silent = {}, {"a": False, "b": False}
    for step, sounds, expected in looks:
        now += step
        last = {place: last.get(place, now) for place in expected}
        changes = [change for place in expected if sounds for change in silences.hear(place, now)]
        if sounds:
            last = dict.fromkeys(expected, now)
        for change in changes + silences.expect(expected, now):
            assert silent[change.place] is change.sounds
            silent[change.place] = not change.sounds
        for place in expected:
            assert sounds is False or silent[place] is False
            assert silent[place] or now - last[place] < SILENT_MILLIS


async def test_the_loudest_packet_of_a_second_is_listened_to():
    asked = []

    class NotingEars(KeenEars):
        async def peaks(self, packets):
            asked.append(packets)
            return await super().peaks(packets)

    living = Living(NotingEars())
    for packet, level in [(b"a", 127), (b"b", 20), (b"long", 40), (b"c", None)]:
        living.take("judge", packet, level)
    living.take("witness", b"short", None)
    living.take("witness", b"longest", None)
    living.take("observer", b"unasked", 0)
    await living.look(["judge", "witness"], 0)
    await living.look(["judge", "witness"], 1_000)
    assert asked == [[b"b", b"longest"]], "and to nothing where nothing came"


async def test_silence_rubbish_nothing_and_deafness_are_all_told():
    ears = KeenEars()
    living = Living(ears)
    await living.look(["silent", "absent", "loud"], 0)
    for second in range(1, 11):
        living.take("silent", b"silence", 0)
        living.take("loud", b"sound", 127)
        changes = await living.look(["silent", "absent", "loud"], second * 1000)
    assert {change.place for change in changes} == {"silent", "absent"}
    ears.deaf = True
    for second in range(11, 21):
        living.take("loud", b"sound", 10)
        changes = await living.look(["silent", "absent", "loud"], second * 1000)
    assert changes == [Change("loud", 10_000, sounds=False)], "nobody could listen"
    ears.deaf = False
    living.take("loud", b"sound", 10)
    assert await living.look(["loud"], 21_000) == [Change("loud", 10_000, sounds=True)]
