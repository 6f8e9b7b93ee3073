"""Settings come from the environment, once, and a wrong one is told in a sentence."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from frontend.app import build, postman_of, stamps_of
from frontend.command import main
from frontend.settings import MailServer, Settings, mail_server, read
from hearings.errors import Unreachable
from scheduling.mail import Letter, compose
from tests.scheduling.post_office import HOST, PostOffice


def test_the_embedded_default_needs_nothing() -> None:
    settings = read({})
    assert settings.origin == "http://localhost:8080"
    assert settings.database_url.startswith("sqlite:///")
    assert settings.host == settings.media_listen == "127.0.0.1"
    assert not settings.secure


def test_plain_http_is_for_this_machine_only() -> None:
    for address in (
        "http://localhost:9000",
        "http://127.0.0.1:9000",
        "http://[::1]:9000",
        "https://court.example",
    ):
        assert read({"VIVAVOCE_ADDRESS": address}).origin == address
    for address in (
        "http://court.example",
        "ftp://court.example",
        "court.example",
        "https://court.example/path",
    ):
        with pytest.raises(ValidationError):
            read({"VIVAVOCE_ADDRESS": address})


def test_secure_follows_the_address() -> None:
    assert read({"VIVAVOCE_ADDRESS": "https://court.example"}).secure


def test_no_proxy_is_believed_unless_it_is_named() -> None:
    assert read({}).trusted_proxies == []
    assert read({"VIVAVOCE_PROXIES": "10.0.0.1, 2001:db8::/64,"}).trusted_proxies == [
        "10.0.0.1",
        "2001:db8::/64",
    ]


def test_addresses_of_media_are_chosen_and_what_is_given_comes_before_the_environment() -> None:
    settings = read(
        {"VIVAVOCE_MEDIA_LISTEN": "10.0.0.7,2001:db8::7", "VIVAVOCE_MEDIA_ANNOUNCE": "203.0.113.5"}
    )
    assert settings.media_ways == (("10.0.0.7", "203.0.113.5"), ("2001:db8::7", "2001:db8::7"))
    assert read({"VIVAVOCE_MEDIA_LISTEN": "10.0.0.7"}, media_listen="::1").media_ways == (("::1", "::1"),)


SECRET = "a secret of exampleton"


def test_stun_and_turn_are_nobodys_unless_they_are_named() -> None:
    assert (read({}).stun_urls, read({}).turn_urls) == ([], [])
    turn = "turn:turn.court.example:3478?transport=udp, turns:[2001:db8::9]:443?transport=tcp"
    settings = read(
        {"VIVAVOCE_TURN": turn, "VIVAVOCE_TURN_SECRET": SECRET, "VIVAVOCE_STUN": "stun:192.0.2.9"}
    )
    assert settings.turn_urls == turn.split(", ")
    assert settings.stun_urls == ["stun:192.0.2.9"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"VIVAVOCE_TURN": ""},
        {"VIVAVOCE_TURN": "turn:turn.court.example?transport=tls"},
        {"VIVAVOCE_TURN": "turns:turn.court.example?transport=udp"},
        {"VIVAVOCE_TURN": "https://turn.court.example"},
        {"VIVAVOCE_STUN": "stun:stun.court.example?transport=udp"},
        {"VIVAVOCE_STUN": "stun.court.example"},
        {"VIVAVOCE_MEDIA_ANNOUNCE": "203.0.113.5"},
        {"VIVAVOCE_TURN": "turn:turn.court.example", "VIVAVOCE_TURN_SECRET": SECRET[:9]},
    ],
)
def test_a_wrong_way_is_refused_and_the_secret_is_never_told(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        read({"VIVAVOCE_TURN": "turn:turn.court.example", "VIVAVOCE_TURN_SECRET": SECRET} | wrong)
    assert SECRET[:9] not in str(refused.value)


def test_the_secret_is_not_in_what_settings_print() -> None:
    settings = read({"VIVAVOCE_TURN": "turn:turn.court.example", "VIVAVOCE_TURN_SECRET": SECRET})
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


KEY = "b.example/cosign+1a2b3c4d+" + "A" * 44


def test_cosigners_are_nobody_unless_they_are_named() -> None:
    assert read({}).asked_to_cosign == []
    told = read(
        {
            "VIVAVOCE_COSIGNERS": f"https://b.example/cosign={KEY}, PT http://localhost:8081/cosign/={KEY}",
            "VIVAVOCE_COSIGNS": f"{KEY},{KEY}",
            "VIVAVOCE_ADDRESS": "https://court.example",
        }
    )
    assert told.asked_to_cosign == [
        ("", "https://b.example/cosign", KEY),
        ("PT", "http://localhost:8081/cosign", KEY),
    ]
    assert told.cosigned_services == [KEY, KEY]
    assert told.cosigner_name == "court.example/cosign"


@pytest.mark.parametrize(
    "wrong",
    [
        {"cosigners": KEY},
        {"cosigners": f"b.example/cosign={KEY}"},
        {"cosigners": f"http://b.example/cosign={KEY}"},
        {"cosigners": f"https://b.example/cosign?x={KEY}"},
        {"cosigners": "https://b.example/cosign=key"},
        {"cosigners": f"https://b.example/cosign={KEY} {KEY}"},
        {"cosigners": f"Portugal https://b.example/cosign={KEY}"},
        {"cosigns": "https://b.example"},
        {"cosigns": KEY[:-1]},
    ],
)
def test_a_cosigner_that_cannot_be_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="COSIGN"):
        read({}, **wrong)


def test_a_key_that_is_none_ends_the_start_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VIVAVOCE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("VIVAVOCE_COSIGNS", KEY)
    assert main(["serve"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "This is not the key of a cosigner."


def test_each_media_worker_has_a_port_of_its_own() -> None:
    for port, workers in (("0", "8"), ("40000", "1"), ("40000-40009", "10")):
        settings = read({"VIVAVOCE_MEDIA_PORT": port, "VIVAVOCE_MEDIA_WORKERS": workers})
        assert settings.media_workers == int(workers)
    for port, workers in (("40000", "2"), ("40000-40009", "11")):
        with pytest.raises(ValidationError, match=f"VIVAVOCE_MEDIA_WORKERS is {workers}"):
            read({"VIVAVOCE_MEDIA_PORT": port, "VIVAVOCE_MEDIA_WORKERS": workers})


@pytest.mark.parametrize(
    ("address", "host", "port", "transport"),
    [
        ("smtp://mail.court.example", "mail.court.example", 587, "starttls"),
        ("smtp://mail.court.example:25/", "mail.court.example", 25, "starttls"),
        ("smtps://mail.court.example", "mail.court.example", 465, "tls"),
        ("smtps://127.0.0.1:2465", "127.0.0.1", 2465, "tls"),
        ("smtp://localhost:25", "localhost", 25, "plain"),
        ("smtp://[::1]:2525", "::1", 2525, "plain"),
    ],
)
def test_letters_go_out_in_the_clear_to_this_machine_alone(
    address: str, host: str, port: int, transport: str
) -> None:
    assert read({"VIVAVOCE_SMTP": address}).smtp == address
    assert mail_server(address) == MailServer(host, port, transport)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"VIVAVOCE_SMTP": one} for one in ("mail.court.example", "smtp://", "http://x", "smtp://x:99999")),
        *({"VIVAVOCE_SMTP": one} for one in ("smtp://x:0", "smtp://a:b@x", "smtp://x/y", "smtp://x?y")),
        {"VIVAVOCE_SMTP_USER": ""},
        {"VIVAVOCE_SMTP": ""},
        {"VIVAVOCE_SMTP_PASSWORD": f"{SECRET}é"},
        {"VIVAVOCE_SENDER": "the court"},
        {"VIVAVOCE_SENDER": "court@exämple.example"},
    ],
)
def test_a_wrong_mail_server_is_refused_and_the_password_is_never_told(wrong: dict[str, str]) -> None:
    right = {
        "VIVAVOCE_SMTP": "smtp://mail.court.example",
        "VIVAVOCE_SMTP_USER": "court",
        "VIVAVOCE_SMTP_PASSWORD": SECRET,
    }
    assert SECRET not in repr(read(right)) + str(read(right)) + read(right).model_dump_json()
    with pytest.raises(ValidationError, match="VIVAVOCE_S") as refused:
        read(right | wrong)
    assert SECRET not in str(refused.value)


def test_a_mail_server_takes_the_letters_where_one_is_set_and_the_folder_where_none_is(
    tmp_path: Path,
) -> None:
    letter = compose(
        Letter(to="a@samplia.invalid", subject="x", text="x", message_id="<1@vivavoce.invalid>"),
        sender="court@exampleton.invalid",
        date=datetime(2026, 11, 27, tzinfo=UTC),
    )
    with PostOffice() as office:
        for address in (f"smtp://{HOST}:{office.port}", ""):
            postman = postman_of(read({"VIVAVOCE_DATA": str(tmp_path), "VIVAVOCE_SMTP": address}))
            postman.deliver(letter)
            postman.part()
    assert len(office.taken) == len(list((tmp_path / "mail").glob("*.eml"))) == 1
    assert read({"VIVAVOCE_DATA": "d"}).returned_path == Path("d/mail/returned")
    assert read({"VIVAVOCE_RETURNED": "/var/mail/court"}).returned_path == Path("/var/mail/court")


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            {"VIVAVOCE_TIMESTAMPS": one}
            for one in ("tsa.court.example", "ftp://x/", "https://", "http://x:99999/")
        ),
        {"VIVAVOCE_TIMESTAMP_ROOTS": "roots.pem"},
        {"VIVAVOCE_TIMESTAMP_POLICY": "1.2.3"},
        *(
            {"VIVAVOCE_TIMESTAMPS": "http://x/", "VIVAVOCE_TIMESTAMP_POLICY": one}
            for one in ("3.1", "1", "1.02", "x")
        ),
        *({"VIVAVOCE_SEAL_MODULE": "/lib/x.so", **one} for one in ({}, {"VIVAVOCE_SEAL_TOKEN": "court"})),
        {"VIVAVOCE_SEAL_TOKEN": "court", "VIVAVOCE_SEAL_PIN_FILE": "/run/pin"},
    ],
)
def test_half_a_token_or_authority_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="VIVAVOCE_"):
        read(wrong)


def test_an_authority_for_timestamps_is_asked_where_one_is_set(tmp_path: Path) -> None:
    now = datetime(2026, 11, 27, tzinfo=UTC)
    assert stamps_of(read({}), lambda: now) is None
    given = {"VIVAVOCE_TIMESTAMPS": "https://tsa.court.example/", "VIVAVOCE_TIMESTAMP_POLICY": "1.3.6.1"}
    found = stamps_of(read(given), lambda: now)
    assert found is not None
    assert found.roots == ()
    roots = {"VIVAVOCE_TIMESTAMP_ROOTS": str(tmp_path / "roots.pem")}
    with pytest.raises(Unreachable, match=r"roots\.pem"):
        stamps_of(read(given | roots), lambda: now)


def test_where_a_token_is_named_no_key_is_made(tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("1")
    named = {
        "VIVAVOCE_DATA": str(tmp_path / "data"),
        "VIVAVOCE_SEAL_MODULE": "/nowhere/lib.so",
        "VIVAVOCE_SEAL_TOKEN": "court",
        "VIVAVOCE_SEAL_PIN_FILE": str(tmp_path / "pin"),
    }
    with pytest.raises(Unreachable, match="seal"):
        build(read(named))
    assert not (tmp_path / "data" / "seal").exists()


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "frontend.command", *arguments],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VIVAVOCE_PORT", "many"),
        ("VIVAVOCE_PORT", "70000"),
        ("VIVAVOCE_MEDIA_PORT", "40009-40000"),
        ("VIVAVOCE_MEDIA_WORKERS", "65"),
        ("VIVAVOCE_UNHEARD_OF", "1"),
        ("VIVAVOCE_LOSS_SECONDS", "1"),
        ("VIVAVOCE_ADDRESS", "http://court.example"),
        ("VIVAVOCE_PROXIES", "*"),
        ("VIVAVOCE_PROXIES", "proxy.court.example"),
        ("VIVAVOCE_PROXIES", "10.0.0.1, 10.1.0.1/16"),
        ("VIVAVOCE_MEDIA_LISTEN", "0.0.0.0"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_starts(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def starts(_settings: Settings) -> None:
        pytest.fail("the service would have started")

    monkeypatch.setattr("frontend.command.run", starts)
    monkeypatch.setenv(name, value)
    assert main(["serve"]) == 1
    told = capsys.readouterr()
    assert "VIVAVOCE_" in told.err
    assert told.out == ""


def test_a_wrong_setting_ends_the_command_and_makes_no_folder(tmp_path: Path) -> None:
    told = command("serve", VIVAVOCE_PORT="many", VIVAVOCE_DATA=str(tmp_path / "data"))
    assert told.returncode == 1
    assert "VIVAVOCE_PORT" in told.stderr
    assert "Traceback" not in told.stderr
    assert not (tmp_path / "data").exists()


def test_an_address_that_is_not_this_machines_is_a_sentence(tmp_path: Path) -> None:
    told = command("serve", "--listen", "192.0.2.7", VIVAVOCE_DATA=str(tmp_path / "data"))
    assert told.returncode == 1
    assert told.stderr == "VIVAVOCE_MEDIA_LISTEN: 192.0.2.7 is no address of this machine.\n"
    assert not (tmp_path / "data").exists()


def test_a_database_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    told = command("serve", VIVAVOCE_DATA=str(tmp_path), VIVAVOCE_DATABASE="sqlite:////nowhere/at/all.db")
    assert told.returncode == 1
    assert "database" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("options", [("--participants", "99"), ("--participants", "1"), ("--seconds", "0")])
def test_an_impossible_rehearsal_is_a_sentence(options: tuple[str, str], tmp_path: Path) -> None:
    told = command("rehearse", "--out", str(tmp_path), *options)
    assert told.returncode == 1
    assert told.stderr.startswith("A rehearsal")
