"""A network of its own for one story: a namespace that ends with the last program in it, whatever happens.

Firefox carries no sound and picture over loopback, and gathers nothing without a default route; so there is one
interface with these addresses and such a route, which leads nowhere.
"""

import asyncio
import ctypes
import os
import subprocess
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

ADDRESSES = ("10.77.0.1", "fd77::1")
_CLONE_NEWNET = 0x40000000
_NETWORK = (
    "link set lo up",
    "link add near type veth peer name far",
    "addr add 10.77.0.1/24 dev near",
    "addr add fd77::1/64 dev near nodad",
    "link set near up",
    "link set far up",
    "route add default via 10.77.0.2 dev near",
    "-6 route add default via fd77::2 dev near",
)


class NoNetwork(Exception):
    """The network could not be made; the sentence says what it needs."""


def apart(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Plays the story in such a network; programs that it starts are there, too.

    Raises: NoNetwork, and whatever the story raises.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="apart") as thread:  # a namespace is a thread's own
        thread.submit(_play, story).result()


def _play(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    _enter()
    asyncio.run(story())


def _enter() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise NoNetwork(
            f"Two browsers need a network namespace, which only root may make ({reason})."
            " Run this test as root, or in a container with the capabilities NET_ADMIN and SYS_ADMIN."
        )
    for line in _NETWORK:
        made = subprocess.run(["ip", *line.split()], capture_output=True, text=True, check=False)
        if made.returncode:
            raise NoNetwork(f"The network of the two browsers could not be made: ip {line}: {made.stderr}")
