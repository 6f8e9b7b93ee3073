"""STUN and TURN servers that a page is told to use (RFC 8445 section 2): none, unless settings name them.

The service is on addresses that browsers reach, so STUN brings nothing; TURN is for networks that let no UDP out.
Its credentials are made here, for one place and for twelve hours at most, from a secret that the TURN server shares
with us (coturn's `use-auth-secret`): the user name is the moment when it ends, in seconds since 1970, and the place;
the password is its HMAC-SHA1 under the secret. Pages get new ones long before, and the secret never leaves here.
"""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from uuid import UUID

from frontend.settings import Settings
from media.signalling import IceServer

LIFETIME = timedelta(hours=12)
RENEWED_SECONDS = 3600  # so that whenever a page connects, its credentials have eleven hours left


def ice_servers(settings: Settings, place: UUID, *, at: datetime) -> list[IceServer]:
    """Those of the settings, with credentials for this place that begin now."""
    servers = []
    if settings.stun_urls:
        servers.append(IceServer(urls=settings.stun_urls))
    if settings.turn_urls:
        name = f"{int((at + LIFETIME).timestamp())}:{place}"
        secret = settings.turn_secret.get_secret_value()
        servers.append(IceServer(urls=settings.turn_urls, username=name, credential=_password(secret, name)))
    return servers


def _password(secret: str, name: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), name.encode(), hashlib.sha1)).decode()
