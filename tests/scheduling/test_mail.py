"""Letters composed and parsed back; a folder on disk; a real mail server on the loopback, and bad ones."""

import email
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling import mail
from scheduling.mail import (
    Letter,
    MailDeferred,
    MailFolder,
    MailRefused,
    MailUnreachable,
    Postman,
    SmtpServer,
    compose,
)
from tests.scheduling.post_office import HOST, PostOffice, certificate, silent

DATE = datetime(2026, 11, 23, 9, 26, tzinfo=UTC)
ENTRY = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:Слушание\r\nEND:VCALENDAR\r\n".encode()


def letter(**changes) -> Letter:
    return Letter(
        **{
            "to": "ana@example.pe",
            "subject": "Hearing on 23 November",
            "text": "Good day.\n\nالسلام عليكم\n",
            "message_id": "<7f6c.3@hearings.example>",
            **changes,
        }
    )


def sent(**changes) -> EmailMessage:
    message = compose(letter(**changes), sender="Court of Lima <court@example.pe>", date=DATE)
    return email.message_from_bytes(message.as_bytes(), policy=default)


def test_a_plain_letter_reads_back():
    message = sent()
    assert message["To"] == "ana@example.pe"
    assert message["From"] == "Court of Lima <court@example.pe>"
    assert message["Subject"] == "Hearing on 23 November"
    assert message["Date"].datetime == DATE
    assert message["Message-ID"] == "<7f6c.3@hearings.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n") == letter().text
    assert not message.is_multipart()


def test_a_calendar_goes_as_alternative_and_as_file():
    message = sent(calendar=ENTRY, method="REQUEST")
    calendars = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    assert [part.get_content_disposition() for part in calendars] == [None, "attachment"]
    for part in calendars:
        assert (part.get_param("method"), part.get_content_charset()) == ("REQUEST", "utf-8")
        assert part.get_payload(decode=True) == ENTRY
    assert message.get_body(("plain",)).get_content().startswith("Good day.")
    assert message.get_content_type() == "multipart/mixed"
    assert next(message.iter_parts()).get_content_type() == "multipart/alternative"


def test_the_method_outside_must_be_the_one_inside():
    with pytest.raises(MailRefused, match="METHOD:CANCEL"):
        letter(calendar=ENTRY, method="CANCEL")
    with pytest.raises(MailRefused, match="go together"):
        letter(calendar=ENTRY)


BREAKS = ["\n", "\r", "\r\n ", "\x00", "\x0b", "\x0c", "\x1f", "\x7f", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize("field", ["to", "subject", "message_id"])
def test_no_header_can_be_smuggled_into_a_letter(field, broken):
    value = getattr(letter(), field)
    with pytest.raises(MailRefused, match="must be one line"):
        letter(**{field: f"{value[:3]}{broken}Bcc: eve@example.org{value[3:]}"})


@pytest.mark.parametrize("broken", BREAKS)
def test_nor_into_the_sender(broken):
    with pytest.raises(MailRefused, match="must be one line"):
        compose(letter(), sender=f"Court{broken}Bcc: eve@example.org <court@example.pe>", date=DATE)


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
def test_whatever_is_typed_a_letter_has_the_same_headers_and_one_recipient(typed):
    expected = set(compose(letter(), sender="court@example.pe", date=DATE).keys())
    for field in ("subject", "to"):
        try:
            written = letter(**{field: typed})
        except MailRefused:
            continue
        message = email.message_from_bytes(
            compose(written, sender="court@example.pe", date=DATE).as_bytes(), policy=default
        )
        assert set(message.keys()) == expected
        assert len(message["To"].addresses) == 1


@pytest.mark.parametrize(
    "to",
    [
        "",
        "ana",
        "@example.pe",
        "ana@",
        "a@b, c@d",
        "a@b c@d",
        "Ana <a@example.pe>",
        "ana@exämple.pe",
        "a b@c.d",
    ],
)
def test_an_address_that_is_none_is_refused(to):
    with pytest.raises(MailRefused, match="is not a mail address"):
        letter(to=to)


@pytest.mark.parametrize("message_id", ["", "a@b", "<ab>", "<a@b> <c@d>", "<a b@c>", "<ä@b>"])
def test_a_message_identifier_has_its_form(message_id):
    with pytest.raises(MailRefused, match="of the form"):
        letter(message_id=message_id)


def test_names_in_other_scripts_survive():
    message = compose(letter(subject="庭审 – جلسة"), sender="Суд <court@example.pe>", date=DATE)
    parsed = email.message_from_bytes(message.as_bytes(), policy=default)
    assert parsed["Subject"] == "庭审 – جلسة"
    assert parsed["From"].addresses[0].display_name == "Суд"


def test_a_naive_date_is_a_mistake():
    with pytest.raises(ValueError, match="needs a zone"):
        compose(letter(), sender="court@example.pe", date=DATE.replace(tzinfo=None))


def composed(**changes) -> EmailMessage:
    return compose(letter(**changes), sender="court@example.pe", date=DATE)


def test_the_folder_numbers_letters_and_leaves_nothing_else(tmp_path):
    folder = tmp_path / "mail" / "out"
    postman: Postman = MailFolder(folder)
    for _ in range(11):
        postman.deliver(composed())
    assert {path.name for path in folder.iterdir()} == {f"{n}.eml" for n in range(1, 12)}
    assert (folder / "11.eml").read_bytes() == composed().as_bytes()
    assert (folder / "1.eml").stat().st_mode & 0o077 == 0


def test_two_postmen_never_overwrite_each_other(tmp_path):
    threads = [
        threading.Thread(target=lambda: [MailFolder(tmp_path).deliver(composed()) for _ in range(10)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {path.name for path in tmp_path.iterdir()} == {f"{n}.eml" for n in range(1, 41)}


def test_a_letter_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
    seen, fsync = [], os.fsync

    def watched(descriptor: int) -> None:
        seen.append(sorted(path.suffix for path in tmp_path.iterdir()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    MailFolder(tmp_path).deliver(composed())
    assert seen == [[".part"], [".eml"]]


def test_a_letter_is_withdrawn_by_its_number_alone(tmp_path):
    folder = MailFolder(tmp_path)
    folder.deliver(composed())
    folder.deliver(
        composed(message_id="<8a.1@hearings.example>", text="Message-ID: <7f6c.3@hearings.example>\n")
    )
    folder.withdraw({"<7f6c.3@hearings.example>", "<nothing@hearings.example>"})
    folder.withdraw({"<7f6c.3@hearings.example>", "<nothing@hearings.example>"})
    assert [path.name for path in tmp_path.iterdir()] == ["2.eml"]
    MailFolder(tmp_path / "nothing").withdraw({"<7f6c.3@hearings.example>"})


def test_a_folder_that_cannot_be_written_defers(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MailDeferred, match="cannot be written"):
        MailFolder(tmp_path / "file").deliver(composed())


@contextmanager
def to(port: int, **changes) -> Iterator[SmtpServer]:
    postman = SmtpServer(HOST, port, **{"transport": "plain", "step": 5, **changes})
    try:
        yield postman
    finally:
        postman.part()


def send(port: int, **changes) -> None:
    with to(port, **changes) as postman:
        postman.deliver(composed())


def test_a_mail_server_takes_the_letter_as_composed():
    with PostOffice() as office:
        send(office.port)
    (taken,) = office.taken
    assert (taken.content, taken.rcpt_tos) == (composed().as_bytes(), ["ana@example.pe"])


def test_one_connection_carries_all_letters_of_a_round_and_a_new_round_has_a_new_one():
    with PostOffice() as office:
        for _ in range(2):
            with to(office.port) as postman:
                for n in range(20):
                    postman.deliver(composed(message_id=f"<{n}@hearings.example>"))
    assert office.numbers == [f"<{n}@hearings.example>" for n in range(20)] * 2
    assert office.talks == 2


@pytest.mark.parametrize(
    ("verb", "answer", "outcome"),
    [
        ("RCPT", "550 no such person", MailRefused),
        ("RCPT", "450 greylisted", MailDeferred),
        ("RCPT", "530 sign in first", MailUnreachable),
        ("MAIL", "553 sender not known", MailUnreachable),
        ("MAIL", "552 too large", MailRefused),
        ("MAIL", "421 closing", MailUnreachable),
        ("DATA", "554 no", MailRefused),
        ("DATA", "452 disk full", MailDeferred),
        ("DATA", "421 closing now", MailUnreachable),
    ],
)
def test_five_is_final_four_is_not_now_and_what_is_about_us_is_for_all(verb, answer, outcome):
    with PostOffice(**{verb: answer}) as office, to(office.port) as postman:
        with pytest.raises(MailDeferred if outcome is not MailRefused else outcome) as told:
            postman.deliver(composed())
        assert type(told.value) is outcome
        assert answer in str(told.value)
        office.answers.clear()
        postman.deliver(composed())
    assert len(office.taken) == 1, "and the next letter goes out"


@pytest.mark.parametrize("way", ["starttls", "tls"])
def test_a_letter_goes_out_encrypted_to_whom_we_trust_and_to_nobody_else(way):
    with PostOffice(tls=way) as office:
        send(office.port, transport=way, context=certificate().trusted())
        with pytest.raises(MailUnreachable, match="certificate"):
            send(office.port, transport=way)
    assert len(office.taken) == 1


def test_whoever_must_signs_in_and_a_wrong_password_is_our_trouble():
    with PostOffice(tls="starttls", user=("court", "a secret")) as office:
        given = {"transport": "starttls", "context": certificate().trusted()}
        send(office.port, credentials=("court", "a secret"), **given)
        with pytest.raises(MailUnreachable, match="name and password"):
            send(office.port, credentials=("court", "wrong"), **given)
        with pytest.raises(MailUnreachable, match="takes no letters from us: 530"):
            send(office.port, **given)
    assert len(office.taken) == 1


def test_a_server_that_does_not_encrypt_gets_nothing():
    with PostOffice() as office, pytest.raises(MailUnreachable, match="STARTTLS"):
        send(office.port, transport="starttls")
    assert not office.taken


def test_nobody_there_is_unreachable():
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
        with pytest.raises(MailUnreachable, match="cannot be used at present: Connection refused"):
            send(port)


def hang(talk: socket.socket) -> None:
    talk.recv(1)


def drip(talk: socket.socket) -> None:
    """A word without end: each byte comes well within the time of a step."""
    while True:
        talk.sendall(b"2")
        talk.settimeout(0.05)
        with suppress(TimeoutError):
            if not talk.recv(1):
                return


def greet_and_drip(talk: socket.socket) -> None:
    talk.sendall(b"220 ready\r\n")
    drip(talk)


@pytest.mark.parametrize("server", [hang, drip, greet_and_drip, lambda talk: None])
def test_who_hangs_drips_or_closes_holds_nothing_up(server):
    begun = time.monotonic()
    with silent(server) as port, pytest.raises(MailUnreachable, match="cannot be used") as told:
        send(port, step=0.3, whole=0.4)
    assert time.monotonic() - begun < 10
    assert str(told.value).startswith("The mail server 127.0.0.1 cannot be used at present: ")


def test_a_connection_that_the_server_closed_between_two_letters_is_made_anew():
    with PostOffice() as office, to(office.port) as postman:
        postman.deliver(composed())
        assert postman._talk is not None
        postman._talk.sock.shutdown(socket.SHUT_RDWR)
        postman.deliver(composed())
    assert (len(office.taken), office.talks) == (2, 2)


def test_who_breaks_off_over_a_letter_has_begun_it():
    def cut(command: str) -> None:
        if command == "RCPT":
            postman._talk.sock.shutdown(socket.SHUT_RDWR)

    with PostOffice() as office, to(office.port) as postman:
        office.watch = cut
        with pytest.raises(MailUnreachable) as told:
            postman.deliver(composed())
    assert told.value.begun


def test_a_letter_that_was_taken_stays_taken_when_the_parting_fails():
    with PostOffice(QUIT="") as office, to(office.port) as postman:
        postman.deliver(composed())
        postman.part()
    assert len(office.taken) == 1


def test_what_cannot_be_written_is_refused():
    with pytest.raises(MailRefused, match="cannot be written"):
        composed(text="a half \ud800 of a letter")


def test_every_refusal_is_one_of_the_sentences_that_are_translated():
    source = Path(mail.__file__).read_text()
    raised = re.findall(r"Mail(?:Refused|Deferred|Unreachable)\(([A-Z_]+)\b(?=[,)])", source)
    assert len(raised) > 8
    assert {getattr(mail, name) for name in raised} <= set(mail.SENTENCES)
