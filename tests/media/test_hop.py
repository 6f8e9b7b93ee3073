"""The bad network of the tests: its rules, and that it really stands between."""

import asyncio
import time
from itertools import pairwise

from bare_page import BarePage, until
from hop import HEADERS, Hop, Road, TokenBucket, Way
from house import floor, opened
from hypothesis import given
from hypothesis import strategies as st

GAPS = st.floats(min_value=0, max_value=0.5)
SIZES = st.integers(min_value=1, max_value=1500)
ARRIVALS = st.lists(st.tuples(GAPS, SIZES), min_size=1, max_size=60)
NARROW = st.builds(
    Road,
    rate=st.floats(min_value=10_000, max_value=5_000_000),
    burst=st.integers(min_value=0, max_value=10_000),
    queue=st.integers(min_value=0, max_value=30_000),
)
ROUNDING = 1e-6


def through(road, arrivals):
    """(arrival, size, departure or None) of each."""
    bucket, now, told = TokenBucket(), 0.0, []
    for gap, size in arrivals:
        now += gap
        told.append((now, size, bucket.take(size, now, road)))
    return told


# --- the bucket ----------------------------------------------------------------------------------


@given(NARROW, ARRIVALS)
def test_no_more_goes_through_than_the_rate_and_the_burst(road, arrivals):
    gone = [(at, size) for _, size, at in through(road, arrivals) if at is not None]
    for first, (begin, _) in enumerate(gone):
        for last in range(first, len(gone)):
            passed = sum(size for _, size in gone[first + 1 : last + 1])
            assert passed <= road.burst + (gone[last][0] - begin) * road.rate / 8 + ROUNDING * road.rate


@given(NARROW, ARRIVALS)
def test_nothing_waits_longer_than_the_queue_and_nothing_overtakes(road, arrivals):
    gone = [(came, at) for came, _, at in through(road, arrivals) if at is not None]
    assert all(came <= at <= came + road.queue * 8 / road.rate + ROUNDING for came, at in gone)
    assert all(one[1] <= next_one[1] + ROUNDING for one, next_one in pairwise(gone))


@given(NARROW, ARRIVALS)
def test_what_is_dropped_had_no_room(road, arrivals):
    told = through(road, arrivals)
    for number, (now, size, at) in enumerate(told):
        if at is None:
            waiting = max((gone for _, _, gone in told[:number] if gone is not None), default=now) - now
            assert max(0.0, waiting) * road.rate / 8 + size > road.queue - ROUNDING * road.rate


@given(ARRIVALS)
def test_without_a_rate_everything_passes_at_once(arrivals):
    assert all(came == at for came, _, at in through(Road(), arrivals))


# --- a way ---------------------------------------------------------------------------------------


def walked(road, count=2000, *, seed=1, every=0.001, size=1000):
    way = Way(road, seed=seed)
    return way, [way.leaves(size, number * every) for number in range(count)]


@given(st.integers(), st.floats(min_value=0, max_value=1))
def test_the_seed_alone_decides_what_is_lost(seed, loss):
    road = Road(loss=loss, jitter=0.01, reorder=0.1)
    assert walked(road, 50, seed=seed)[1] == walked(road, 50, seed=seed)[1]


def test_a_share_is_lost_and_counted():
    way, gone = walked(Road(loss=0.1))
    assert 150 < way.lost < 250
    assert gone.count(None) == way.lost
    assert way.passed == 2000 - way.lost


def test_a_pattern_is_lost_exactly():
    way, gone = walked(Road(loss=lambda number: number % 10 in (3, 4)), 100)
    assert [number for number, at in enumerate(gone) if at is None] == [
        number for number in range(100) if number % 10 in (3, 4)
    ]
    assert (way.lost, way.passed, way.overflowed) == (20, 80, 0)


@given(st.floats(min_value=0, max_value=0.2), st.floats(min_value=0, max_value=0.1))
def test_jitter_delays_within_bounds_and_keeps_the_order(delay, jitter):
    _, gone = walked(Road(delay=delay, jitter=jitter), 50)
    assert gone == sorted(gone)
    waits = [at - number * 0.001 for number, at in enumerate(gone)]
    assert all(delay - ROUNDING <= wait <= delay + jitter + ROUNDING for wait in waits)


def test_the_share_that_is_reordered_is_overtaken():
    _, gone = walked(Road(delay=0.01, reorder=0.05, late=0.02))
    late = [at - number * 0.001 > 0.02 for number, at in enumerate(gone)]
    assert 50 < sum(late) < 150
    on_time = [at for at, is_late in zip(gone, late, strict=True) if not is_late]
    assert on_time == sorted(on_time)
    assert gone != sorted(gone)


def test_a_narrow_road_drops_the_tail_and_says_so():
    way, gone = walked(Road(rate=800_000, queue=10_000), size=1000 - HEADERS)
    assert way.overflowed == gone.count(None) > 0
    seconds = 2.0 + 10_000 * 8 / 800_000
    assert way.passed * 1000 <= 3_000 + seconds * 800_000 / 8
    assert way.passed * 1000 >= 0.95 * 2.0 * 800_000 / 8


def test_a_road_may_change_at_any_time():
    way = Way(Road(), seed=0)
    assert way.leaves(100, 0.0) == 0.0
    way.road = Road(loss=1.0)
    assert way.leaves(100, 1.0) is None
    way.road = Road(delay=0.5)
    assert way.leaves(100, 2.0) == 2.5


# --- between sockets -----------------------------------------------------------------------------


class Answering(asyncio.DatagramProtocol):
    """Sends everything back, and notes from where it came."""

    def __init__(self):
        self.seen = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.seen.append((data, address))
        self.transport.sendto(data, address)


class Asking(asyncio.DatagramProtocol):
    def __init__(self):
        self.got = []

    def datagram_received(self, data, _address):
        self.got.append((data, time.monotonic()))


async def socket_of(protocol):
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(protocol, local_addr=("127.0.0.1", 0))
    return transport, made


async def test_datagrams_go_both_ways_late_and_each_client_from_its_own_address():
    server, answering = await socket_of(Answering)
    (one, asked), (two, asked_too) = await socket_of(Asking), await socket_of(Asking)
    async with Hop(to=server.get_extra_info("sockname"), up=Road(delay=0.03), down=Road(delay=0.02)) as hop:
        sent = []
        for number in range(50):
            sent.append(time.monotonic())
            one.sendto(number.to_bytes(1, "big"), hop.address)
        two.sendto(b"two", hop.address)
        await until(lambda: len(asked.got) == 50 and len(asked_too.got) == 1)
        assert [data[0] for data, _ in asked.got] == list(range(50))
        assert all(at - begin >= 0.05 - ROUNDING for (_, at), begin in zip(asked.got, sent, strict=True))
        assert len({address for _, address in answering.seen}) == 2
        assert (hop.up.passed, hop.down.passed) == (51, 51)
        hop.down.road = Road(loss=1.0)
        one.sendto(b"gone", hop.address)
        await until(lambda: hop.down.lost == 1)
        hop.down.road = Road()
        one.sendto(b"back", hop.address)
        await until(lambda: asked.got[-1][0] == b"back")
        assert len(asked.got) == 51
    for transport in (server, one, two):
        transport.close()


async def test_a_page_joins_a_room_through_it():
    async with opened() as house:
        house.conduct(*floor("witness", "judge"))
        judge, witness = await house.page("judge"), await BarePage.open()
        house.pages.append(witness)
        answer = house.answer(house.offer("witness", witness.offer()))
        async with Hop(to=house.ice.candidates[0]) as hop:
            await witness.connect(hop.lead(answer))
            assert witness.remote == hop.address
            hop.up.road = Road(loss=lambda number: number % 5 == 4)
            before = hop.up.passed
            for _ in range(40):
                witness.say()
            await until(lambda: hop.up.passed + hop.up.lost == before + 40)
            assert hop.up.lost == 8
            await until(lambda: len(judge.heard("audio")) == 32)
            assert hop.down.passed > 0
