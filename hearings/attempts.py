"""Sign-ins that have not succeeded, counted so that nobody tries passwords without end.

An attempt is entered before the password is looked at and crossed out when the password was right, so that many
at the same moment do not slip past the count. All web processes count in one table, one after the other. Who tried
is kept as two digests under the service key, for a quarter of an hour.
"""

import ipaddress
import math
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from sqlmodel import Session, col, delete, select

from hearings.database import in_turn
from hearings.errors import TooMany
from hearings.sentences import say
from hearings.servicekey import ServiceKey
from hearings.tables import Attempt

WINDOW = timedelta(minutes=15)
MOST_OF_PAIR = 5
MOST_OF_ADDRESS = 30
MOST_OF_LOGIN = 100


class Who(NamedTuple):
    """Digests of what was typed as login, and of the network that it came from."""

    login: bytes
    address: bytes


class Attempts:
    def __init__(self, key: ServiceKey) -> None:
        self._key = key

    def who(self, login: str, address: str) -> Who:
        return Who(self._key.digest(login, "login"), self._key.digest(network(address), "address"))

    def check(self, tx: Session, who: Who, now: datetime) -> None:
        """Raises: TooMany, whether or not there is such an account."""
        own, there = col(Attempt.login) == who.login, col(Attempt.address) == who.address
        until = max(
            filter(
                None,
                (
                    _full_until(tx, now, MOST_OF_PAIR, own, there),
                    _full_until(tx, now, MOST_OF_ADDRESS, there),
                    _full_until(tx, now, MOST_OF_LOGIN, own),
                ),
            ),
            default=now,
        )
        if until > now:
            raise _too_many(until - now)

    def enter(self, tx: Session, who: Who, now: datetime) -> None:
        """Counts one more, and forgets what is too old to count. Raises: TooMany."""
        in_turn(tx, "attempts")
        self.check(tx, who, now)
        tx.exec(delete(Attempt).where(col(Attempt.at) <= now - WINDOW))
        tx.add(Attempt(id=uuid4(), login=who.login, address=who.address, at=now))

    def clear(self, tx: Session, who: Who) -> None:
        """The password was right: this login at this address starts again from nothing."""
        tx.exec(delete(Attempt).where(col(Attempt.login) == who.login, col(Attempt.address) == who.address))


def network(address: str) -> str:
    """The address as it is counted: an IPv6 subscriber has a whole /64 to come from."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(ip), 64), strict=False))


def _full_until(tx: Session, now: datetime, most: int, *where: Any) -> datetime | None:
    """When there is room again; None if there is room now. With `most` in the window, the oldest of them decides."""
    oldest = tx.exec(
        select(Attempt.at)
        .where(*where, col(Attempt.at) > now - WINDOW)
        .order_by(col(Attempt.at).desc())
        .offset(most - 1)
        .limit(1)
    ).first()
    return None if oldest is None else oldest + WINDOW


def _too_many(wait: timedelta) -> TooMany:
    seconds = math.ceil(wait.total_seconds())
    minutes = math.ceil(seconds / 60)
    if minutes == 1:
        sentence = say("Signing in failed too often. Nothing is changed. Try again in one minute.")
    else:
        sentence = say(
            "Signing in failed too often. Nothing is changed. Try again in {minutes} minutes.",
            minutes=minutes,
        )
    return TooMany(sentence, seconds=seconds)
