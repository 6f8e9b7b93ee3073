"""The ICE-lite agent on a real socket: whom it listens to, whom it answers, and where it sends."""

import contextlib
import socket

import pytest
from attackers import USE_CANDIDATE, USERNAME, stun
from bare_page import until

from media.adapter import (
    Credentials,
    NotProtected,
    is_binding_request,
    read_binding_request,
    sealed,
    write_binding_request,
    write_binding_response,
)
from media.addresses import ANY_PORT, family_of, ports
from media.datagrams import SEGMENTS
from media.ice_lite import HELD_DATAGRAMS, KNOWN_ADDRESSES, LATE_SECONDS, UNHEARD_SECONDS, WAITING, IceLite


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


REMOTE = Credentials("caller", "the password of the caller")


class Caller:
    """A plain UDP socket at an address of its own."""

    def __init__(self, agent, family=socket.AF_INET):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        self.socket.setblocking(False)
        self.address = self.socket.getsockname()
        self.to = next(one for one in agent.candidates if family_of(one.address) == family)

    def send(self, data):
        self.socket.sendto(data, self.to)

    def check(self, endpoint, *, nominates=True, password=None):
        password = password or endpoint.password
        _, data = write_binding_request(
            local=REMOTE.ufrag, remote=endpoint.ufrag, password=password, nominates=nominates
        )
        self.send(data)

    async def nominate(self, endpoint):
        """Checks as a full agent does, and answers when it is asked, until it is sent to here."""
        sent, answered = [0], [0]

        def done():
            while (got := self.got()) is not None:
                if is_binding_request(got):
                    self.answer(got)
                else:
                    answered[0] += got[:2] == b"\x01\x01"
            if endpoint.address == self.address:
                return answered == sent
            self.check(endpoint)
            sent[0] += 1
            return False

        await until(done, what="an address to send to")

    def answer(self, asked, *, password=REMOTE.password):
        request = read_binding_request(asked)
        self.send(write_binding_response(request, address=self.to, password=password))

    def got(self):
        try:
            return self.socket.recvfrom(2048)[0]
        except BlockingIOError:
            return None

    async def answered(self):
        return (await self.answered_from())[0]

    async def answered_from(self):
        got = None

        def arrived():
            nonlocal got
            with contextlib.suppress(BlockingIOError):
                got = self.socket.recvfrom(2048)
            return got is not None

        await until(arrived, what="an answer")
        return got


CHECK = len(write_binding_request(local="caller", remote="01234567", password="p", nominates=True)[1])


class Scene:
    def __init__(self, agent, clock):
        self.agent, self.clock = agent, clock
        self.received = []
        self.endpoint = self.another(self.received.append)
        self.callers = []

    def another(self, receive=lambda _: None, **more):
        return self.agent.endpoint(receive, remote=REMOTE, **more)

    def caller(self, family=socket.AF_INET):
        self.callers.append(Caller(self.agent, family))
        return self.callers[-1]

    async def settled(self):
        """Everything sent before now has been read: a signed check through the same socket came back."""
        probe, endpoint = self.caller(), self.another()
        probe.check(endpoint)
        await probe.answered()
        self.agent.forget(endpoint)


def known(agent):
    return [address for base in agent._bases for address in base.by_address]


@contextlib.asynccontextmanager
async def listening(listen):
    clock = Clock()
    agent = await IceLite.open(listen=listen, clock=clock)
    scene = Scene(agent, clock)
    yield scene
    for caller in scene.callers:
        caller.socket.close()
    agent.close()


@pytest.fixture
async def scene():
    async with listening("127.0.0.1") as scene:
        yield scene


async def test_the_announced_address_is_the_candidate():
    agent = await IceLite.open(listen="0.0.0.0", announce="192.0.2.1")
    assert agent.candidates[0].address == "192.0.2.1"
    assert agent.candidates[0].port > 0
    agent.close()


async def test_each_address_has_its_socket_at_the_same_port_where_it_is_free():
    agent = await IceLite.open(listen="127.0.0.1, ::1, 127.0.0.2")
    port = agent.candidates[0].port
    assert agent.candidates == (("127.0.0.1", port), ("::1", port), ("127.0.0.2", port))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as taken:
        agent.close()
        taken.bind(("::1", port))
        with pytest.raises(OSError, match="::1 port"):
            await IceLite.open(listen="127.0.0.1,::1", port=range(port, port + 1))
        again = await IceLite.open(listen="127.0.0.1", port=range(port, port + 1))
        again.close()


async def test_what_cannot_be_bound_says_which_address():
    with pytest.raises(OSError, match=r"192\.0\.2\.1 port"):
        await IceLite.open(listen="127.0.0.1,192.0.2.1")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
async def test_the_answer_goes_out_by_the_socket_that_the_nomination_came_in_on(family):
    async with listening("127.0.0.1,::1,127.0.0.2") as scene:
        caller = scene.caller(family)
        caller.check(scene.endpoint, nominates=False)
        _, source = await caller.answered_from()
        assert source[:2] == caller.to
        await caller.nominate(scene.endpoint)
        scene.endpoint.send(b"back")
        assert await caller.answered_from() == (b"back", source)
        caller.send(b"\x80media")
        await until(lambda: scene.received == [b"\x80media"])


async def test_an_address_that_nominates_by_another_socket_is_sent_to_by_that():
    async with listening("127.0.0.1,127.0.0.2") as scene:
        caller = scene.caller()
        for candidate in scene.agent.candidates:
            caller.to = candidate
            await until(lambda: reached(caller, scene.endpoint), what="sent to by that")
        caller.to = scene.agent.candidates[0]
        caller.check(scene.endpoint, nominates=False)
        await scene.settled()
        while caller.got() is not None:
            pass
        scene.endpoint.send(b"still")
        assert (await caller.answered_from())[1] == scene.agent.candidates[1]
        scene.agent.forget(scene.endpoint)
        assert not known(scene.agent)


def reached(caller, endpoint):
    """Whether what is sent comes from the candidate that was checked last; checks, and answers when asked, until then."""
    caller.check(endpoint)
    endpoint.send(b"now")
    with contextlib.suppress(BlockingIOError):
        while True:
            got, source = caller.socket.recvfrom(2048)
            if is_binding_request(got):
                caller.answer(got)
            elif got == b"now" and source == caller.to:
                return True
    return False


async def test_of_two_nominated_addresses_the_one_that_media_comes_from_is_used():
    async with listening("127.0.0.1,::1") as scene:
        used, other = scene.caller(), scene.caller(socket.AF_INET6)
        for caller in (used, other):
            await caller.nominate(scene.endpoint)

        async def media():
            before = len(scene.received)
            used.send(b"\x80media")
            await until(lambda: len(scene.received) > before)
            scene.endpoint.heard()

        await media()
        assert scene.endpoint.address == other.address
        scene.clock.now += UNHEARD_SECONDS + 1
        await media()
        assert scene.endpoint.address == used.address
        scene.endpoint.send(b"to where it comes from")
        assert await used.answered() == b"to where it comes from"
        assert other.got() is None


async def test_a_signed_check_is_answered_and_nominates(scene):
    caller = scene.caller()
    caller.check(scene.endpoint)
    assert (await caller.answered())[:2] == b"\x01\x01"
    await caller.nominate(scene.endpoint)
    caller.send(b"\x80hello")
    await until(lambda: scene.received == [b"\x80hello"])
    scene.endpoint.send(b"back")
    assert await caller.answered() == b"back"


async def test_a_wrong_password_an_unknown_fragment_and_no_signature_get_no_answer_and_no_state(scene):
    caller = scene.caller()
    caller.check(scene.endpoint, password="wrong" * 6)
    stranger = scene.another()
    scene.agent.forget(stranger)
    caller.check(stranger)
    caller.send(b"\x80media from nowhere")
    caller.send(b"\x16dtls from nowhere")
    await scene.settled()
    assert caller.got() is None
    assert scene.endpoint.address is None
    assert scene.received == []
    assert caller.address not in known(scene.agent)


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
    await caller.nominate(scene.endpoint)
    assert scene.received == [bytes([22, number]) for number in range(3, 3 + HELD_DATAGRAMS)]


async def test_an_address_moves_by_a_nominating_check_only(scene):
    first, second = scene.caller(), scene.caller()
    await first.nominate(scene.endpoint)
    for _ in range(5):
        second.check(scene.endpoint, nominates=False)
        assert (await second.answered())[:2] == b"\x01\x01"
    assert scene.endpoint.address == first.address
    await second.nominate(scene.endpoint)
    await first.nominate(scene.endpoint)


async def test_nothing_but_checks_and_no_more_than_came_goes_to_an_address_that_does_not_answer(scene):
    """The same where something else was sent to before, and when the answer is another's."""
    first, second = scene.caller(), scene.caller()
    for moved in (False, True):
        if moved:
            await first.nominate(scene.endpoint)
        came, got, asked = 0, 0, set()
        for number in range(60):
            if number % 3:
                second.send(b"\x80" + bytes(100))
                came += 101
            else:
                second.check(scene.endpoint)
                came += CHECK
            scene.endpoint.send(b"media" * 100)
            await scene.settled()
            while (data := second.got()) is not None:
                got += len(data)
                assert data[0] <= 3
                if is_binding_request(data):
                    asked.add(data)
                    second.answer(data, password="another's")
                    came += 64
            assert got <= came
        assert len(asked) == 1
        assert scene.endpoint.address == (first.address if moved else None)
        assert read_binding_request(*asked).signed_with(REMOTE.password)
    await second.nominate(scene.endpoint)


async def test_an_answer_counts_only_from_the_address_that_was_asked(scene):
    asked, elsewhere, got = scene.caller(), scene.caller(), []
    for caller in (elsewhere, asked):
        await until(
            lambda caller=caller: got.extend(questions(caller, scene.endpoint)) or got, what="a check of ours"
        )
        question = got.pop()
    elsewhere.answer(question)
    await scene.settled()
    assert scene.endpoint.address is None
    asked.answer(question)
    await until(lambda: scene.endpoint.address == asked.address)


def questions(caller, endpoint):
    caller.check(endpoint)
    got = []
    while (data := caller.got()) is not None:
        got.append(data)
    return [data for data in got if is_binding_request(data)]


async def test_an_address_comes_back_to_who_was_silent_there_with_their_next_check(scene):
    caller, other = scene.caller(), scene.another(scene.received.append)
    for endpoint in (scene.endpoint, other):
        await caller.nominate(endpoint)
    caller.check(scene.endpoint)
    await caller.answered()
    scene.endpoint.send(b"theirs")
    assert await caller.answered() == b"theirs"
    caller.send(b"\x80x")
    await until(lambda: scene.received)
    assert scene.agent._bases[0].by_address[caller.address] is scene.endpoint


async def test_a_check_that_is_shorter_than_its_answer_gets_none(scene):
    """Only where addresses are long (RFC 8489 section 14.2), and of an agent that leaves out what checks have."""
    sent = []
    base = scene.agent._bases[0]
    base.datagrams.transmit = lambda data, address: sent.append((len(data), address))
    username = f"{scene.endpoint.ufrag}:".encode()
    short = stun(
        [(USERNAME, username), (USE_CANDIDATE, b"")], password=scene.endpoint.password, fingerprint=False
    )
    for address in (("::1", 1, 0, 0), ("192.0.2.1", 2)):
        base._arrived(short, None, address)
    assert [address for _, address in sent] == [("192.0.2.1", 2)]
    assert sent[0][0] <= len(short)
    assert scene.endpoint.known == (("192.0.2.1", 2),)


async def test_the_address_of_a_live_connection_cannot_be_taken(scene):
    caller = scene.caller()
    await caller.nominate(scene.endpoint)
    caller.send(b"\x80x")
    await until(lambda: scene.received)
    scene.endpoint.heard()
    other = scene.another()
    caller.check(other)
    await scene.settled()
    assert caller.got() is None
    assert other.address is None
    scene.clock.now += 4
    await caller.nominate(other)


async def test_known_addresses_are_bounded_and_the_nominated_one_stays(scene):
    nominated = scene.caller()
    await nominated.nominate(scene.endpoint)
    for _ in range(3 * KNOWN_ADDRESSES):
        caller = scene.caller()
        caller.check(scene.endpoint, nominates=False)
        await caller.answered()
    assert len(scene.endpoint.known) == KNOWN_ADDRESSES
    assert nominated.address in scene.endpoint.known
    assert len(known(scene.agent)) == KNOWN_ADDRESSES


async def test_a_forgotten_connection_leaves_nothing(scene):
    caller = scene.caller()
    await caller.nominate(scene.endpoint)
    scene.agent.forget(scene.endpoint)
    assert not known(scene.agent)
    assert not scene.agent.by_ufrag


async def test_a_receiver_that_raises_stops_nobody(scene, caplog):
    def breaks(_):
        raise RuntimeError("broken receiver")

    bad, bad_caller = scene.another(breaks), scene.caller()
    await bad_caller.nominate(bad)
    bad_caller.send(b"\x80x")
    await scene.settled()
    assert "broken receiver" in caplog.text


# --- what is sent at once leaves together ----------------------------------------------------------


REFUSED = b"refused"


def in_clear(at, packet):
    """Seals nothing: puts the packet where the sealed one would stand."""
    if packet == REFUSED:
        raise NotProtected("no")
    sealed[at : at + len(packet)] = packet
    return len(packet)


async def at_an_address(scene):
    endpoint, caller = scene.another(scene.received.append, seal=in_clear), scene.caller()
    caller.socket.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)
    await caller.nominate(endpoint)
    return endpoint, caller


SIZES = [
    [1200],
    [1200] * 5,
    [1200, 1200, 300, 1200, 1200],
    [300, 1200, 1200, 1199],
    [100, 101, 102, 103],
    [1200] * (2 * SEGMENTS + 3),
    [1400] * 120,
    [],
]


@pytest.mark.parametrize("together", [True, False])
async def test_each_packet_is_a_datagram_of_its_own_in_order(scene, together):
    endpoint, caller = await at_an_address(scene)
    (base,) = scene.agent._bases
    if not together:
        base.datagrams._socket = WithoutSegments(base.datagrams._socket)
    for sizes in SIZES:
        packets = [bytes([number]) * size for number, size in enumerate(sizes)]
        endpoint.transmit(
            sent
            for number, packet in enumerate(packets)
            for sent in ([REFUSED] * (number % 3 == 1) + [packet])
        )
        got = [await caller.answered() for _ in packets]
        assert got == packets
    assert caller.got() is None


class WithoutSegments:
    """A socket of a system, or on a path, that takes one datagram at a time."""

    def __init__(self, real):
        self._real = real

    def sendmsg(self, *_):
        raise OSError(5, "Input/output error")

    def __getattr__(self, name):
        return getattr(self._real, name)


async def test_no_packet_is_sent_to_the_silent_or_where_there_is_no_address(scene):
    endpoint, caller = await at_an_address(scene)
    endpoint.silent = True
    endpoint.transmit([b"unheard"])
    scene.endpoint.transmit([b"to whom?"])
    await scene.settled()
    assert caller.got() is None


# --- sound before picture --------------------------------------------------------------------------

SOUND, PICTURE = b"\x80\x6f", b"\x80\x60"  # payload types 111 and 96


async def test_sound_overtakes_pictures_and_nothing_is_lost_while_the_loop_keeps_up(scene):
    endpoint, caller = await at_an_address(scene)
    endpoint.pictures = frozenset({96})
    for number in range(40):
        caller.send(PICTURE + bytes([number]))
    caller.send(SOUND)
    await until(lambda: len(scene.received) == 41)
    assert scene.received == [SOUND, *(PICTURE + bytes([number]) for number in range(40))]
    assert scene.agent.shed == 0
    assert not scene.agent.shedding


async def test_a_loop_that_stood_still_sheds_old_pictures_and_no_sound(scene):
    endpoint, caller = await at_an_address(scene)
    endpoint.pictures = frozenset({96})
    for number in range(WAITING + 30):
        caller.send(PICTURE + number.to_bytes(2, "big"))
        if number % 10 == 0:
            caller.send(SOUND)
    (base,) = scene.agent._bases
    base.empty_socket()
    base.empty_socket()
    assert scene.received == [SOUND] * 29
    assert scene.agent.shed == 30
    assert scene.agent.shedding
    caller.send(PICTURE + b"new")
    scene.clock.now += LATE_SECONDS + 0.01
    await scene.settled()
    assert scene.received[29:] == [PICTURE + b"new"]
    assert scene.agent.shed == 30 + WAITING


async def test_who_floods_loses_their_own_pictures_only(scene):
    flooding, flooder = await at_an_address(scene)
    other, calm = await at_an_address(scene)
    flooding.pictures = other.pictures = frozenset({96})
    for _ in range(200):
        flooder.send(PICTURE + b"flood")
    calm.send(PICTURE + b"calm")
    for _ in range(WAITING):
        flooder.send(PICTURE + b"flood")
    (base,) = scene.agent._bases
    for _ in range(4):
        base.empty_socket()
    base.work()
    assert scene.received.index(PICTURE + b"calm") < 16
    assert scene.agent.shed == 200


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
    assert [agent.candidates[0].port for agent in agents] == [first, second]
    agents.pop(0).close()
    agents += [await IceLite.open(listen="127.0.0.1", port=range(first, third + 1)) for _ in range(2)]
    assert [agent.candidates[0].port for agent in agents] == [second, first, third]
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
