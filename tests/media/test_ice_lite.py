"""The ICE-lite agent on a real socket: whom it listens to, whom it answers, and where it sends."""

import asyncio
import contextlib
import random
import socket

import pytest
from bare_page import until

from media.adapter import HANDSHAKE_SECONDS, write_binding_request
from media.ice_lite import ANY_PORT, HELD_DATAGRAMS, KNOWN_ADDRESSES, IceLite, ports


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Caller:
    """A plain UDP socket at an address of its own."""

    def __init__(self, agent):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.address = self.socket.getsockname()
        self.agent = agent

    def send(self, data):
        self.socket.sendto(data, self.agent.candidate)

    def check(self, endpoint, *, nominates=True, password=None):
        password = password or endpoint.password
        _, data = write_binding_request(
            local="caller", remote=endpoint.ufrag, password=password, nominates=nominates
        )
        self.send(data)

    def got(self):
        try:
            return self.socket.recv(2048)
        except BlockingIOError:
            return None

    async def answered(self):
        data = None

        def arrived():
            nonlocal data
            data = self.got()
            return data is not None

        await until(arrived, what="an answer")
        return data


class Scene:
    def __init__(self, agent, clock):
        self.agent, self.clock = agent, clock
        self.received = []
        self.endpoint = agent.endpoint(self.received.append)
        self.callers = []

    def caller(self):
        self.callers.append(Caller(self.agent))
        return self.callers[-1]

    async def settled(self):
        """Everything sent before now has been read: a signed check through the same socket came back."""
        probe, endpoint = self.caller(), self.agent.endpoint(lambda _: None)
        probe.check(endpoint)
        await probe.answered()
        self.agent.forget(endpoint)


@pytest.fixture
async def scene():
    clock = Clock()
    agent = await IceLite.open(listen="127.0.0.1", clock=clock)
    scene = Scene(agent, clock)
    yield scene
    for caller in scene.callers:
        caller.socket.close()
    agent.close()


async def test_the_announced_address_is_the_candidate():
    agent = await IceLite.open(listen="127.0.0.1", announce="192.0.2.1")
    assert agent.candidate[0] == "192.0.2.1"
    assert agent.candidate[1] > 0
    agent.close()


async def test_a_signed_check_is_answered_and_nominates(scene):
    caller = scene.caller()
    caller.check(scene.endpoint)
    assert (await caller.answered())[:2] == b"\x01\x01"
    assert scene.endpoint.address == caller.address
    caller.send(b"\x80hello")
    await until(lambda: scene.received == [b"\x80hello"])
    scene.endpoint.send(b"back")
    assert await caller.answered() == b"back"


async def test_a_wrong_password_an_unknown_fragment_and_no_signature_get_no_answer_and_no_state(scene):
    caller = scene.caller()
    caller.check(scene.endpoint, password="wrong" * 6)
    stranger = scene.agent.endpoint(lambda _: None)
    scene.agent.forget(stranger)
    caller.check(stranger)
    caller.send(b"\x80media from nowhere")
    caller.send(b"\x16dtls from nowhere")
    await scene.settled()
    assert caller.got() is None
    assert scene.endpoint.address is None
    assert scene.received == []
    assert caller.address not in scene.agent._by_address


async def test_nothing_is_sent_before_a_nomination_and_what_came_early_is_held(scene):
    caller = scene.caller()
    caller.check(scene.endpoint, nominates=False)
    await caller.answered()
    for number in range(HELD_DATAGRAMS + 3):
        caller.send(bytes([22, number]))
    await scene.settled()
    scene.endpoint.send(b"too early")
    assert caller.got() is None
    assert scene.received == []
    caller.check(scene.endpoint)
    await caller.answered()
    assert scene.received == [bytes([22, number]) for number in range(3, 3 + HELD_DATAGRAMS)]


async def test_an_address_moves_by_a_nominating_check_only(scene):
    first, second = scene.caller(), scene.caller()
    first.check(scene.endpoint)
    await first.answered()
    second.check(scene.endpoint, nominates=False)
    await second.answered()
    assert scene.endpoint.address == first.address
    second.check(scene.endpoint)
    await second.answered()
    assert scene.endpoint.address == second.address


async def test_a_new_address_is_believed_for_three_seconds_and_then_only_if_valid_media_came(scene):
    first, second = scene.caller(), scene.caller()
    first.check(scene.endpoint)
    await first.answered()
    scene.clock.now += HANDSHAKE_SECONDS - 1
    scene.endpoint.send(b"handshake")
    assert await first.answered() == b"handshake"
    first.send(b"\x80valid")
    await until(lambda: scene.received)
    scene.endpoint.heard()
    second.check(scene.endpoint)
    await second.answered()
    scene.clock.now += 2.9
    scene.endpoint.send(b"still")
    assert await second.answered() == b"still"
    scene.clock.now += 0.2
    scene.endpoint.send(b"no more")
    await scene.settled()
    assert second.got() is None
    second.send(b"\x80valid too")
    await until(lambda: len(scene.received) == 2)
    scene.endpoint.heard()
    scene.clock.now += 100
    scene.endpoint.send(b"again")
    assert await second.answered() == b"again"


async def test_media_from_the_old_address_does_not_prove_the_new_one(scene):
    first, second = scene.caller(), scene.caller()
    first.check(scene.endpoint)
    await first.answered()
    second.check(scene.endpoint)
    await second.answered()
    first.send(b"\x80old")
    await until(lambda: scene.received)
    scene.endpoint.heard()
    scene.clock.now += 4
    scene.endpoint.send(b"no")
    await scene.settled()
    assert second.got() is None


async def test_the_address_of_a_live_connection_cannot_be_taken(scene):
    caller = scene.caller()
    caller.check(scene.endpoint)
    await caller.answered()
    caller.send(b"\x80x")
    await until(lambda: scene.received)
    scene.endpoint.heard()
    other = scene.agent.endpoint(lambda _: None)
    caller.check(other)
    await scene.settled()
    assert caller.got() is None
    assert other.address is None
    scene.clock.now += 4
    caller.check(other)
    await caller.answered()
    assert other.address == caller.address


async def test_known_addresses_are_bounded_and_the_nominated_one_stays(scene):
    nominated = scene.caller()
    nominated.check(scene.endpoint)
    await nominated.answered()
    for _ in range(3 * KNOWN_ADDRESSES):
        caller = scene.caller()
        caller.check(scene.endpoint, nominates=False)
        await caller.answered()
    assert len(scene.endpoint.known) == KNOWN_ADDRESSES
    assert nominated.address in scene.endpoint.known
    assert len(scene.agent._by_address) == KNOWN_ADDRESSES


async def test_a_forgotten_connection_leaves_nothing(scene):
    caller = scene.caller()
    caller.check(scene.endpoint)
    await caller.answered()
    scene.agent.forget(scene.endpoint)
    assert not scene.agent._by_address
    assert not scene.agent._by_ufrag


async def test_rubbish_and_a_receiver_that_raises_stop_nobody(scene, caplog):
    seeded = random.Random(3)
    caller = scene.caller()
    _, check = write_binding_request(
        local="x", remote=scene.endpoint.ufrag, password=scene.endpoint.password, nominates=True
    )
    for _ in range(300):
        caller.send(seeded.randbytes(seeded.randrange(0, 80)))
        broken = bytearray(check)
        broken[seeded.randrange(20, len(broken))] ^= 1 << seeded.randrange(8)
        caller.send(bytes(broken))
        await asyncio.sleep(0)

    def breaks(_):
        raise RuntimeError("broken receiver")

    bad, bad_caller = scene.agent.endpoint(breaks), scene.caller()
    bad_caller.check(bad)
    await bad_caller.answered()
    bad_caller.send(b"\x80x")
    await scene.settled()
    assert "broken receiver" in caplog.text


@pytest.mark.parametrize(
    ("text", "numbers"), [("0", ANY_PORT), ("40000", [40000]), ("40000-40002", [40000, 40001, 40002])]
)
def test_ports_are_one_or_a_range(text, numbers):
    assert list(ports(text)) == list(numbers)


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1-", "40002-40000", "0-5", "65536", "1-65536", "40000,40001", " 40000", "٣"]
)
def test_other_ports_are_refused(text):
    with pytest.raises(ValueError, match="port"):
        ports(text)


async def test_each_agent_takes_the_first_free_port_of_the_range():
    first, second, third = neighbours(3)
    agents = [await IceLite.open(listen="127.0.0.1", port=range(first, third + 1)) for _ in range(2)]
    assert [agent.candidate[1] for agent in agents] == [first, second]
    agents.pop(0).close()
    agents += [await IceLite.open(listen="127.0.0.1", port=range(first, third + 1)) for _ in range(2)]
    assert [agent.candidate[1] for agent in agents] == [second, first, third]
    with pytest.raises(OSError, match=f"no UDP port from {first} to {third} is free"):
        await IceLite.open(listen="127.0.0.1", port=range(first, third + 1))
    for agent in agents:
        agent.close()


def neighbours(count):
    """Ports one after the other that nobody uses at this moment."""
    for _ in range(100):
        with contextlib.ExitStack() as stack:
            probe = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                for number in range(first + 1, first + count):
                    other = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                    other.bind(("127.0.0.1", number))
                return range(first, first + count)
    raise AssertionError("no free ports side by side")
