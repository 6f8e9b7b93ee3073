"""Every setting, read once from the environment. Nothing else reads it.

| variable | meaning | default |
|---|---|---|
| VIVAVOCE_DATA | folder for the database, keys, documents and recordings | `data` |
| VIVAVOCE_DATABASE | SQLAlchemy URL; PostgreSQL for more than one machine | SQLite in the data folder |
| VIVAVOCE_HOST | address the web server listens on | 127.0.0.1 |
| VIVAVOCE_PORT | its port | 8080 |
| VIVAVOCE_ADDRESS | how browsers reach it, `https://…`; plain `http` for this machine only | http://localhost:PORT |
| VIVAVOCE_PROXIES | addresses or networks, separated by commas, of the proxies in front of it: from them alone a browser's address (`X-Forwarded-For`) is believed. Without this, everybody behind a proxy counts as one who tries passwords | none |
| VIVAVOCE_MEDIA_LISTEN | address for sound and picture (UDP) | 127.0.0.1 |
| VIVAVOCE_MEDIA_PORT | its port; 0 takes any. With several media workers a range, `40000-40009`: each takes the first that is free | 0 |
| VIVAVOCE_MEDIA_WORKERS | processes that carry sound and picture, one for each core that they may fill. Each hearing lives on one; if that ends, the others do not notice. One needs one port and one core | 1 |
| VIVAVOCE_MEDIA_ANNOUNCE | the address told to browsers, where it differs (NAT) | the one listened on |
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

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from media.ice_lite import ANY_PORT, ports

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
    media_port: str = "0"
    media_workers: int = Field(default=1, ge=1, le=64)
    media_announce: str = ""
    court: str = "Court of Exampleton"
    organisation: str = "GOVXX-000000"
    sender: str = "court@exampleton.invalid"
    loss_seconds: int = Field(default=10, ge=4, le=600)

    @field_validator("media_port")
    @classmethod
    def _is_a_port(cls, text: str) -> str:
        ports(text)
        return text

    @model_validator(mode="after")
    def _has_a_port_for_each_worker(self) -> Self:
        given = ports(self.media_port)
        if given != ANY_PORT and len(given) < self.media_workers:
            raise ValueError(
                f"VIVAVOCE_MEDIA_WORKERS is {self.media_workers}, and each needs a port of its own: "
                "VIVAVOCE_MEDIA_PORT is of the form 40000-40009"
            )
        return self

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        parts = urlsplit(self.origin)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
            raise ValueError("VIVAVOCE_ADDRESS is of the form https://court.example")
        if parts.scheme == "http" and not _this_machine(parts.hostname):
            raise ValueError("Without https only this machine itself may be served (VIVAVOCE_ADDRESS).")
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


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises: pydantic.ValidationError with a line for each setting that cannot be."""
    values = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX)
    }
    return Settings.model_validate(values)
