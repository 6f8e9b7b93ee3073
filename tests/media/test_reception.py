"""What one stream's receiver notes: duplicates, order, loss, what is asked again, and the figures."""

import random

from media.reception import GIVE_UP_SECONDS, LARGEST_GAPS, LARGEST_JUMP, WINDOW, Reception


def reception():
    return Reception(90000, asks_again=True)


def fed(sequences, *, into=None, at=0.0):
    into = into or reception()
    return into, [into.arrived(sequence & 0xFFFF, 0, at) for sequence in sequences]


def test_indices_go_on_over_the_wrap():
    _, indices = fed([65534, 65535, 0, 1])
    assert [index - indices[0] for index in indices] == [0, 1, 2, 3]


def test_an_index_is_given_once_however_packets_come():
    seeded = random.Random(2)
    into, given = reception(), []
    base = 65000
    for start in range(0, 4000, 50):
        block = list(range(base + start, base + start + 50)) * 2
        seeded.shuffle(block)
        for sequence in block:
            repaired = seeded.random() < 0.2
            index = (
                into.repaired(sequence & 0xFFFF)
                if repaired
                else into.arrived(sequence & 0xFFFF, 0, start / 100)
            )
            if index is not None:
                given.append((into.epoch, index))
    assert len(given) == len(set(given))
    assert len(given) > 3000


def test_what_is_too_old_is_dropped():
    into, _ = fed([100, 100 + WINDOW + 5])
    assert into.arrived(101, 0, 0.0) is None
    assert into.repaired(101) is None
    assert into.arrived(100 + 10, 0, 0.0) is not None


def test_a_jump_is_believed_when_confirmed_and_begins_an_epoch():
    into, _ = fed([1, 2])
    far = 2 + LARGEST_JUMP + 10
    assert into.arrived(far, 0, 0.0) is None
    assert into.arrived(3, 0, 0.0) is not None
    assert into.epoch == 0
    assert into.arrived(far, 0, 0.0) is None
    assert into.arrived(far + 1, 0, 0.0) is not None
    assert into.epoch == 1


def test_a_gap_is_asked_for_after_the_reorder_time_again_and_then_given_up():
    into, _ = fed([10, 13], at=1.0)
    assert into.waits
    assert into.due(1.01) == []
    assert into.due(1.02) == [11, 12]
    assert into.due(1.05) == []
    assert into.due(1.13) == [11, 12]
    assert into.arrived(11, 0, 1.14) is not None
    assert into.due(1.3) == [12]
    assert not into.gave_up()
    assert into.due(1.0 + GIVE_UP_SECONDS) == []
    assert into.gave_up()
    assert not into.gave_up()
    assert not into.waits


def test_a_retransmission_closes_its_gap():
    into, _ = fed([10, 12], at=1.0)
    assert into.repaired(11) is not None
    assert into.repaired(11) is None
    assert into.due(2.0) == []


def test_requests_cross_the_wrap_in_order():
    into, _ = fed([65534, 2], at=1.0)
    assert into.due(1.1) == [65535, 0, 1]


def test_too_many_gaps_are_not_asked_for_one_by_one():
    into, _ = fed([0, LARGEST_GAPS + 10])
    assert not into.waits
    assert into.gave_up()


def test_the_report_counts_what_was_lost_since_the_last_one():
    into, _ = fed([65535, 0, 1, 3])
    block = into.report(7, 10.0)
    assert (block.ssrc, block.packets_lost, block.fraction_lost) == (7, 1, 256 // 5)
    assert block.highest_sequence == 0x10003
    fed([4, 5], into=into)
    assert into.report(7, 11.0).fraction_lost == 0


def test_the_report_names_the_last_sender_report():
    into, _ = fed([1])
    assert (into.report(1, 5.0).lsr, into.report(1, 5.0).dlsr) == (0, 0)
    into.told(0x1122334455667788, 5.0)
    block = into.report(1, 5.5)
    assert (block.lsr, block.dlsr) == (0x33445566, 32768)


def test_steady_packets_have_no_jitter_and_uneven_ones_have():
    steady, uneven = reception(), reception()
    for number in range(100):
        steady.arrived(number, 900 * number, 0.01 * number)
        uneven.arrived(number, 900 * number, 0.01 * number + 0.005 * (number % 2))
    assert steady.report(1, 2.0).jitter == 0
    assert 300 < uneven.report(1, 2.0).jitter < 500
