"""Letters composed and parsed back; a folder on disk; a small mail server on the loopback."""

import email
import os
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.mail import Letter, MailDeferred, MailFolder, MailRefused, Postman, SmtpServer, compose

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


class Counter(socketserver.StreamRequestHandler):
    """A mail server of few words; `server.answers` replaces its reply to a command."""

    def handle(self) -> None:
        self.say("220 ready")
        while line := self.rfile.readline().decode().strip():
            verb = line.split()[0].upper()
            if verb == "QUIT":
                return self.say("221 bye")
            self.say(self.server.answers.get(verb, "354 go on" if verb == "DATA" else "250 fine"))
            if verb == "DATA" and verb not in self.server.answers:
                self.server.taken.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                self.say(self.server.answers.get(".", "250 taken"))
        return None

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


@contextmanager
def mail_server(**answers: str) -> Iterator[socketserver.TCPServer]:
    with socketserver.TCPServer(("127.0.0.1", 0), Counter) as server:
        server.answers, server.taken = answers, []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def to(server: socketserver.TCPServer, **changes) -> Postman:
    return SmtpServer(
        "127.0.0.1", server.server_address[1], **{"transport": "plain", "timeout": 5, **changes}
    )


def test_a_mail_server_takes_the_letter_as_composed():
    with mail_server() as server:
        to(server).deliver(composed())
    assert server.taken == [composed().as_bytes()]


@pytest.mark.parametrize(
    ("verb", "answer", "outcome"),
    [
        ("RCPT", "550 no such person", MailRefused),
        ("RCPT", "450 greylisted", MailDeferred),
        ("MAIL", "553 sender not known", MailRefused),
        ("MAIL", "421 closing", MailDeferred),
        ("DATA", "554 no", MailRefused),
        (".", "554 looks like spam", MailRefused),
        (".", "452 disk full", MailDeferred),
    ],
)
def test_five_is_final_and_four_is_not_now(verb, answer, outcome):
    with mail_server(**{verb: answer}) as server, pytest.raises(outcome, match=answer.split()[-1]):
        to(server).deliver(composed())


def test_what_is_wrong_with_us_defers():
    with mail_server(EHLO="250-fine\r\n250 AUTH PLAIN", AUTH="535 wrong password") as server:
        with pytest.raises(MailDeferred, match="name and password"):
            to(server, user="court", password="x").deliver(composed())
        with pytest.raises(MailDeferred, match="STARTTLS"):
            to(server, transport="starttls").deliver(composed())


def test_nobody_there_defers():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(MailDeferred, match="cannot be used at present"):
            SmtpServer("127.0.0.1", port, transport="plain", timeout=5).deliver(composed())


def test_a_letter_that_was_taken_stays_taken_when_the_parting_fails():
    with mail_server() as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Counter, "say", lambda self, line: None if line == "221 bye" else Counter_say(self, line)
        )
        to(server).deliver(composed())
    assert len(server.taken) == 1


Counter_say = Counter.say
