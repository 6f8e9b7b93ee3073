"""STUN and TURN servers as a page is told of them, and the credentials that a TURN server checks."""

import datetime as dt
import subprocess
from uuid import UUID

from frontend.ice_servers import ice_servers
from frontend.settings import read
from media.signalling import IceServer

PLACE = UUID("00000000-0000-4000-8000-000000000001")
AT = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
SECRET = "a secret of exampleton"
TURN = {"VIVAVOCE_TURN": "turn:turn.court.example", "VIVAVOCE_TURN_SECRET": SECRET}


def test_none_unless_set() -> None:
    assert ice_servers(read({}), PLACE, at=AT) == []


def test_stun_has_no_credentials() -> None:
    settings = read({"VIVAVOCE_STUN": "stun:192.0.2.9, stun:192.0.2.10:5000"})
    assert ice_servers(settings, PLACE, at=AT) == [IceServer(urls=["stun:192.0.2.9", "stun:192.0.2.10:5000"])]


def test_credentials_are_a_places_own_end_after_twelve_hours_and_are_signed() -> None:
    (server,) = ice_servers(read(TURN), PLACE, at=AT)
    until, place = server.username.split(":")
    assert dt.datetime.fromtimestamp(int(until), dt.UTC) == AT + dt.timedelta(hours=12)
    assert place == str(PLACE)
    assert server.credential == openssl_hmac(server.username)
    assert SECRET not in server.model_dump_json()


def openssl_hmac(text: str) -> str:
    """As another program computes it."""
    signed = subprocess.run(
        f"openssl dgst -sha1 -mac HMAC -macopt key:'{SECRET}' -binary | openssl base64",
        shell=True,
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    return signed.stdout.strip()
