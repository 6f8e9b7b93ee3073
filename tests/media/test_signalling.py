"""Messages between a page and the service, broken: understood or refused by the parser, and nothing else."""

import json
import random

from pydantic import ValidationError

from media.signalling import LARGEST, Hello, Mute, Offer, Ping, Watch, from_page

GOOD = (
    Hello(version=1),
    Offer(connection="c-1", sdp="v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"),
    Mute(kind="camera", muted=True),
    Watch(places=["p1", "p2"]),
    Ping(n=7),
)
ODD = (
    None,
    True,
    -1,
    2**53,
    10**400,
    1e308,
    "",
    "x" * 70_000,
    "\x00\u202e\U0001f600",
    [],
    {},
    [["p"]] * 40,
    {"type": "ping"},
    ["p"] * 5000,
)


def spoiled(message, seeded):
    """The message with a member that is odd, missing, unknown or repeated, or as a text that is no JSON."""
    members = message.model_dump()
    name = seeded.choice(list(members))
    choice = seeded.randrange(6)
    if choice == 0:
        members[name] = seeded.choice(ODD)
    elif choice == 1:
        del members[name]
    elif choice == 2:
        members[seeded.choice(("__class__", "actor", "place", "role"))] = seeded.choice(ODD)
    elif choice == 3:
        members["type"] = seeded.choice(("hello", "offer", "mute", "watch", "ping", "state", "closed", "", 1))
    text = json.dumps(members)
    if choice == 4:
        at = seeded.randrange(len(text))
        return (
            text[:at] + seeded.choice(("", "\\ud800", "{", "[" * 5000, '"', "\x00", "NaN")) + text[at + 1 :]
        )
    return text[:-1] + f',"{name}":{json.dumps(seeded.choice(ODD))}}}' if choice == 5 else text


def test_broken_messages_of_a_page_are_refused_or_are_messages():
    seeded = random.Random(140)
    outcomes = {True: 0, False: 0}
    for _ in range(5000):
        text = spoiled(seeded.choice(GOOD), seeded)
        try:
            message = from_page.validate_json(text)
        except ValidationError:
            outcomes[False] += 1
        else:
            outcomes[True] += 1
            assert isinstance(message, tuple(map(type, GOOD)))
            assert message == from_page.validate_json(message.model_dump_json()), "it can be passed on"
            assert len(message.model_dump_json()) <= LARGEST
    assert min(outcomes.values()) > 200


def test_deep_and_large_messages_are_refused():
    for text in (
        "[" * LARGEST,
        '{"a":' * (LARGEST // 5),
        '{"type":"ping","n":' + "9" * LARGEST,
        '"' + "x" * LARGEST,
    ):
        try:
            from_page.validate_json(text)
        except ValidationError:
            continue
        raise AssertionError(text[:20])
