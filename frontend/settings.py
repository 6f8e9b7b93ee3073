"""Every setting, read once from the environment. Nothing else reads it.

| variable | meaning | default |
|---|---|---|
| VIVAVOCE_DATA | folder for the database, keys, documents and recordings | `data` |
| VIVAVOCE_DATABASE | SQLAlchemy URL; PostgreSQL for more than one machine | SQLite in the data folder |
| VIVAVOCE_HOST | address the web server listens on | 127.0.0.1 |
| VIVAVOCE_PORT | its port | 8080 |
| VIVAVOCE_ADDRESS | how browsers reach it, `https://…`; plain `http` for this machine only | http://localhost:PORT |
| VIVAVOCE_PROXIES | addresses or networks, separated by commas, of the proxies in front of it: from them alone a browser's address (`X-Forwarded-For`) is believed. Without this, everybody behind a proxy counts as one who tries passwords | none |
| VIVAVOCE_MEDIA_LISTEN | addresses for sound and picture (UDP), separated by commas: `192.0.2.7, 2001:db8::7` listens on these and no other; `0.0.0.0` and `::` only with what is announced | 127.0.0.1 |
| VIVAVOCE_MEDIA_PORT | their port; 0 takes any | 0 |
| VIVAVOCE_MEDIA_ANNOUNCE | the addresses told to browsers, where they differ (NAT): one for each in the same order, or one for all of its family | those listened on |
| VIVAVOCE_COURT | name of the court or service whose seal this is | Court of Exampleton |
| VIVAVOCE_ORGANISATION | its registered identifier, as it stands in the seal's certificate | GOVXX-000000 |
| VIVAVOCE_SENDER | sender of mail | court@exampleton.invalid |
| VIVAVOCE_LOSS_SECONDS | a required person gone for so long suspends the hearing | 10 |
"""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from media.addresses import Implausible, Way, read_ways

PREFIX = "VIVAVOCE_"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Path("data")
    database: str = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    address: str = ""
    proxies: str = ""
    media_listen: str = "127.0.0.1"
    media_port: int = Field(default=0, ge=0, le=65535)
    media_announce: str = ""
    court: str = "Court of Exampleton"
    organisation: str = "GOVXX-000000"
    sender: str = "court@exampleton.invalid"
    loss_seconds: int = Field(default=10, ge=4, le=600)

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        parts = urlsplit(self.origin)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
            raise ValueError("VIVAVOCE_ADDRESS is of the form https://court.example")
        if parts.scheme == "http" and not _this_machine(parts.hostname):
            raise ValueError("Without https only this machine itself may be served (VIVAVOCE_ADDRESS).")
        try:
            read_ways(self.media_listen, self.media_announce)
        except Implausible as error:
            raise ValueError(f"VIVAVOCE_MEDIA_LISTEN, VIVAVOCE_MEDIA_ANNOUNCE: {error}") from error
        if not all(_is_network(proxy) for proxy in self.trusted_proxies):
            raise ValueError("VIVAVOCE_PROXIES is of the form 10.0.0.1, 10.1.0.0/16")
        return self

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a browser's `Origin` header has it."""
        return (self.address or f"http://localhost:{self.port}").rstrip("/")

    @property
    def secure(self) -> bool:
        return self.origin.startswith("https://")

    @property
    def trusted_proxies(self) -> list[str]:
        return [proxy.strip() for proxy in self.proxies.split(",") if proxy.strip()]

    @property
    def media_ways(self) -> tuple[Way, ...]:
        return read_ways(self.media_listen, self.media_announce)

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data.absolute()}/vivavoce.db"


def _this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def read(environment: Mapping[str, str] = os.environ, **given: str) -> Settings:
    """What is `given`, by name, comes before the environment.

    Raises: pydantic.ValidationError with a line for each setting that cannot be.
    """
    values = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX)
    }
    return Settings.model_validate(values | given)
