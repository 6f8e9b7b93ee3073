r"""Every setting, read once from the environment. Nothing else reads it.

| variable | meaning | default |
|---|---|---|
| VIVAVOCE_DATA | folder for the database, keys, documents and recordings | `data` |
| VIVAVOCE_DATABASE | PostgreSQL, for several web processes: `postgresql://user:password@host/database`; `?host=/var/run/postgresql` for a Unix socket, `?sslmode=verify-full&sslrootcert=FILE` so that nobody stands between. SQLite: `sqlite:////path/to/file` | SQLite in the data folder |
| VIVAVOCE_HOST | address the web server listens on | 127.0.0.1 |
| VIVAVOCE_PORT | its port | 8080 |
| VIVAVOCE_ADDRESS | how browsers reach it, `https://…`; plain `http` for this machine only | http://localhost:PORT |
| VIVAVOCE_PROXIES | addresses or networks, separated by commas, of the proxies in front of it: from them alone a browser's address (`X-Forwarded-For`) is believed. Without this, everybody behind a proxy counts as one who tries passwords | none |
| VIVAVOCE_MEDIA_LISTEN | addresses for sound and picture (UDP), separated by commas: `192.0.2.7, 2001:db8::7` listens on these and no other; `0.0.0.0` and `::` only with what is announced | 127.0.0.1 |
| VIVAVOCE_MEDIA_PORT | their port; 0 takes any. With several media workers a range, `40000-40009`: each takes the first that is free | 0 |
| VIVAVOCE_MEDIA_WORKERS | processes that carry sound and picture, one for each core that they may fill. Each hearing lives on one; if that ends, the others do not notice. One needs one port and one core. 0: this process conducts no rooms; of several web processes on one database all but one are set so | 1 |
| VIVAVOCE_MEDIA_ANNOUNCE | the addresses told to browsers, where they differ (NAT): one for each in the same order, or one for all of its family | those listened on |
| VIVAVOCE_STUN | STUN servers that browsers are told of, `stun:stun.court.example`, separated by commas; they bring nothing unless a network demands them | none |
| VIVAVOCE_TURN | TURN servers for networks that let no UDP out, `turn:turn.court.example:3478?transport=udp, turns:turn.court.example:443?transport=tcp` | none |
| VIVAVOCE_TURN_SECRET | the secret that they share with us (coturn: `static-auth-secret`), 16 characters at least; browsers get credentials made of it, for twelve hours | none |
| VIVAVOCE_COURT | name of the court or service whose seal this is | Court of Exampleton |
| VIVAVOCE_ORGANISATION | its registered identifier, as it stands in the seal's certificate | GOVXX-000000 |
| VIVAVOCE_SEAL_MODULE | the PKCS#11 library of a token (an HSM, a card) that holds the key of the seal, as a path. Then `seal.pem` (with its intermediates) and `root.pem` lie ready in the folder `seal` of the data folder. Without it the key lies there too, and where there is none a seal and an authority of its own are made. Revocation lists (DER) of whoever issued the seal, and of the authority for timestamps, are put into `seal/crl/*.crl`: they go into the archived minutes | none |
| VIVAVOCE_SEAL_TOKEN | the token's label | none |
| VIVAVOCE_SEAL_LABEL | the label of the private key in it, ECDSA on P-256 | seal |
| VIVAVOCE_SEAL_PIN_FILE | a file with the PIN of the token, one line, which nobody else may read | none |
| VIVAVOCE_TIMESTAMPS | an authority for timestamps (RFC 3161), `https://tsa.court.example/`: seals bear its time, if it answers within five seconds | none |
| VIVAVOCE_TIMESTAMP_ROOTS | a file (PEM) with the roots that its certificate may end in; without it whoever answers is believed, and minutes are not archived | none |
| VIVAVOCE_TIMESTAMP_POLICY | the object identifier of the policy that is asked for, `1.3.6.1.4.1.…` | the authority's own |
| VIVAVOCE_SENDER | sender of mail; letters that cannot be delivered come back to this address | court@exampleton.invalid |
| VIVAVOCE_SMTP | the mail server that letters are handed to: `smtp://mail.court.example:587` (encrypted by STARTTLS, always; in the clear to this machine itself) or `smtps://mail.court.example:465`. Without it letters lie in the folder `mail` and go to nobody | none |
| VIVAVOCE_SMTP_USER | the name by which it knows us | none |
| VIVAVOCE_SMTP_PASSWORD | the password that goes with it | none |
| VIVAVOCE_RETURNED | a Maildir into which the mail server puts what comes back to the sender; the letters are then marked | `mail/returned` in the data folder |
| VIVAVOCE_COSIGNERS | who cosigns our journals, so that nobody could take back what is in them: `https://court.example/cosign=KEY`, separated by commas; `PT https://…=KEY` for the hearings with that State alone. The other service shows its key to its administrator, and has ours in VIVAVOCE_COSIGNS | none |
| VIVAVOCE_COSIGNS | the keys of the services whose journals we cosign, separated by commas | none |
| VIVAVOCE_PARTNERS | other courts with such a service, to which records are sent and from which they are taken: `Court of Samplia \| https://court.samplia.example \| SHA-256 of its seal's certificate`, more than one separated by `;`. The other court tells its own on the page “Received records”; compare it by telephone, not by mail. Two certificates of one court are separated by a space, while one follows the other | none |
| VIVAVOCE_OFFER_DAYS | for how many days a link to a record is good that is given to somebody without the service | 14 |
| VIVAVOCE_LOSS_SECONDS | a required person gone for so long suspends the hearing | 10 |
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from frontend.partners import Known, read_partners
from media.addresses import ANY_PORT, Implausible, Way, ports, read_ways
from scheduling.mail import MailRefused, Transport, check_sender

PREFIX = "VIVAVOCE_"
COSIGN = "/cosign"
"""Below which others have their journals cosigned."""
SHORTEST_SECRET = 16  # characters
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?"
_POLICY = re.compile(r"([0-2](\.(0|[1-9]\d*))+)?")
_STUN = re.compile(rf"stuns?:{_HOST}")  # RFC 7064
_TURN = re.compile(rf"turn:{_HOST}(?:\?transport=(?:udp|tcp))?|turns:{_HOST}(?:\?transport=tcp)?")  # RFC 7065

_KEY = re.compile(r"[^\s+,]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}")  # C2SP signed-note, of 33 bytes
_COSIGNER = re.compile(rf"(?:(?P<state>[A-Z]{{2}}) )?(?P<address>https?://[^\s=?#]+)=(?P<key>{_KEY.pattern})")


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data: Path = Path("data")
    database: str = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    address: str = ""
    proxies: str = ""
    media_listen: str = "127.0.0.1"
    media_port: str = "0"
    media_workers: int = Field(default=1, ge=0, le=64)
    media_announce: str = ""
    stun: str = ""
    turn: str = ""
    turn_secret: SecretStr = SecretStr("")
    court: str = "Court of Exampleton"
    organisation: str = "GOVXX-000000"
    seal_module: str = ""
    seal_token: str = ""
    seal_label: str = "seal"
    seal_pin_file: str = ""
    timestamps: str = ""
    timestamp_roots: str = ""
    timestamp_policy: str = ""
    sender: str = "court@exampleton.invalid"
    smtp: str = ""
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    returned: str = ""
    cosigners: str = ""
    cosigns: str = ""
    partners: str = ""
    offer_days: int = Field(default=14, ge=1, le=90)
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
        try:
            read_ways(self.media_listen, self.media_announce)
        except Implausible as error:
            raise ValueError(f"VIVAVOCE_MEDIA_LISTEN, VIVAVOCE_MEDIA_ANNOUNCE: {error}") from error
        if not all(_is_network(proxy) for proxy in self.trusted_proxies):
            raise ValueError("VIVAVOCE_PROXIES is of the form 10.0.0.1, 10.1.0.0/16")
        self._check_ice_servers()
        self._check_mail()
        self._check_seal()
        self._check_cosigners()
        self._check_partners()
        return self

    def _check_seal(self) -> None:
        if len({bool(part) for part in (self.seal_module, self.seal_token, self.seal_pin_file)}) != 1:
            raise ValueError(
                "VIVAVOCE_SEAL_MODULE, VIVAVOCE_SEAL_TOKEN and VIVAVOCE_SEAL_PIN_FILE are set together or not at all."
            )
        if self.timestamps and not _is_web(self.timestamps):
            raise ValueError("VIVAVOCE_TIMESTAMPS is of the form https://tsa.court.example/")
        if not self.timestamps and (self.timestamp_roots or self.timestamp_policy):
            raise ValueError(
                "VIVAVOCE_TIMESTAMP_ROOTS and VIVAVOCE_TIMESTAMP_POLICY go with VIVAVOCE_TIMESTAMPS."
            )
        if not _POLICY.fullmatch(self.timestamp_policy):
            raise ValueError("VIVAVOCE_TIMESTAMP_POLICY is an object identifier, such as 1.3.6.1.4.1.99999.1")

    def _check_cosigners(self) -> None:
        if not all(_COSIGNER.fullmatch(one) for one in _listed(self.cosigners)):
            raise ValueError("VIVAVOCE_COSIGNERS is of the form https://court.example/cosign=KEY")
        if not all(_KEY.fullmatch(one) for one in self.cosigned_services):
            raise ValueError("VIVAVOCE_COSIGNS is of the form court.example/cosign+1a2b3c4d+BASE64")
        ways = [urlsplit(address) for _, address, _ in self.asked_to_cosign]
        if not all(way.scheme == "https" or _this_machine(way.hostname or "") for way in ways):
            raise ValueError("Without https only this machine itself may be asked (VIVAVOCE_COSIGNERS).")

    def _check_partners(self) -> None:
        try:
            partners = read_partners(self.partners)
        except ValueError as error:
            raise ValueError(f"VIVAVOCE_PARTNERS: {error}") from error
        for one in partners:
            parts = urlsplit(one.address)
            if parts.scheme != "https" and not _this_machine(parts.hostname or ""):
                raise ValueError(f"VIVAVOCE_PARTNERS: {one.name} is asked over https")

    def _check_mail(self) -> None:
        try:
            check_sender(self.sender)
        except MailRefused as error:
            raise ValueError(f"VIVAVOCE_SENDER: {error}") from error
        if self.smtp:
            mail_server(self.smtp)
        password = self.smtp_password.get_secret_value()
        if bool(self.smtp_user) != bool(password) or (password and not self.smtp):
            raise ValueError(
                "VIVAVOCE_SMTP_USER and VIVAVOCE_SMTP_PASSWORD are set together, and with VIVAVOCE_SMTP."
            )
        if not (self.smtp_user + password).isascii():
            raise ValueError("VIVAVOCE_SMTP_USER and VIVAVOCE_SMTP_PASSWORD are in plain letters (ASCII).")

    def _check_ice_servers(self) -> None:
        if not all(_STUN.fullmatch(url) for url in self.stun_urls):
            raise ValueError("VIVAVOCE_STUN is of the form stun:stun.court.example:3478")
        if not all(_TURN.fullmatch(url) for url in self.turn_urls):
            raise ValueError(
                "VIVAVOCE_TURN is of the form turn:turn.court.example:3478?transport=udp,"
                " turns:turn.court.example:443?transport=tcp"
            )
        secret = self.turn_secret.get_secret_value()
        if bool(self.turn_urls) != bool(secret):
            raise ValueError("VIVAVOCE_TURN and VIVAVOCE_TURN_SECRET are set together or not at all.")
        if secret and len(secret) < SHORTEST_SECRET:
            raise ValueError(f"VIVAVOCE_TURN_SECRET has {SHORTEST_SECRET} characters at least.")

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a browser's `Origin` header has it."""
        return (self.address or f"http://localhost:{self.port}").rstrip("/")

    @property
    def secure(self) -> bool:
        return self.origin.startswith("https://")

    @property
    def trusted_proxies(self) -> list[str]:
        return _listed(self.proxies)

    @property
    def stun_urls(self) -> list[str]:
        return _listed(self.stun)

    @property
    def turn_urls(self) -> list[str]:
        return _listed(self.turn)

    @property
    def asked_to_cosign(self) -> list[tuple[str, str, str]]:
        """State or "", address, and key of each."""
        found = [_COSIGNER.fullmatch(one) for one in _listed(self.cosigners)]
        return [
            (one["state"] or "", one["address"].rstrip("/"), one["key"]) for one in found if one is not None
        ]

    @property
    def cosigned_services(self) -> list[str]:
        return _listed(self.cosigns)

    @property
    def cosigner_name(self) -> str:
        """Of the key that is made at first use: a URL without its scheme (C2SP signed-note)."""
        return f"{self.origin.partition('://')[2]}{COSIGN}"

    @property
    def known_partners(self) -> tuple[Known, ...]:
        return read_partners(self.partners)

    @property
    def media_ways(self) -> tuple[Way, ...]:
        return read_ways(self.media_listen, self.media_announce)

    @property
    def returned_path(self) -> Path:
        return Path(self.returned) if self.returned else self.data / "mail" / "returned"

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data.absolute()}/vivavoce.db"


@dataclass(frozen=True)
class MailServer:
    host: str
    port: int
    transport: Transport


def mail_server(url: str) -> MailServer:
    """`smtp://host:587` or `smtps://host:465`; in the clear to this machine alone. Raises: ValueError."""
    wrong = ValueError("VIVAVOCE_SMTP is of the form smtp://mail.court.example:587")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or "@" in parts.netloc:
        raise wrong
    if parts.path not in {"", "/"} or parts.query or parts.fragment or port == 0:
        raise wrong
    if parts.scheme == "smtps":
        return MailServer(parts.hostname, port or 465, "tls")
    return MailServer(parts.hostname, port or 587, "plain" if _this_machine(parts.hostname) else "starttls")


def _listed(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


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
