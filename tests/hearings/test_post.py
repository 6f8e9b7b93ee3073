"""The outbox: what is due is sent, or told as failed; nothing is lost, whoever is killed when."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlmodel import select

from hearings import post, servicekey
from hearings.database import Database
from hearings.errors import AlreadyDone, NotNow
from hearings.journal import Journal
from hearings.post import ATTEMPTS, CLAIM, Entry, Post, message_id, pause, rest, troubles
from hearings.sentences import Sentence, recognised
from hearings.tables import Outbox
from scheduling import mail
from scheduling.mail import (
    NO_SERVER,
    REFUSED_ADDRESS,
    MailDeferred,
    MailFolder,
    MailRefused,
    MailUnreachable,
    SmtpServer,
)
from scheduling.returned import Maildir
from tests.conftest import FakeClock
from tests.hearings.letter_carrier import ENTRY, POINTS, SECRET, Office
from tests.hearings.people_of_law import Courthouse
from tests.scheduling.notifications import RUBBISH, by_hand, holiday, notification
from tests.scheduling.post_office import HOST, PostOffice, silent

LETTER = {"to": "witness@samplia.invalid", "subject": "A letter", "text": f"Open {SECRET} and come."}


class Desk:
    """A post with its database, its clock and a postman who does as he is told."""

    def __init__(self, database: Database, clock: FakeClock, folder: Path) -> None:
        self.database = database
        self.clock = clock
        self.post = Post(
            servicekey.at(folder / "service.key"), clock, sender="Court <court@exampleton.invalid>"
        )
        self.says: dict[str, Exception] = {}
        self.delivered: list[EmailMessage] = []
        self.rounds = self.tried = 0

    def deliver(self, message: EmailMessage) -> None:
        self.tried += 1
        for to, problem in self.says.items():
            if to in message["To"]:
                raise problem
        self.delivered.append(message)

    def part(self) -> None:
        self.rounds += 1

    def queue(self, hearing: UUID | None = None, **changes: object) -> UUID:
        with self.database.transaction() as tx:
            return self.post.queue(tx, hearing, **{**LETTER, **changes})

    def round(self) -> int:
        return self.post.deliver(self.database.transaction, self)

    def row(self, row: UUID) -> Outbox:
        with self.database.reading() as tx:
            return tx.get_one(Outbox, row)

    def again(self, row: UUID) -> UUID:
        with self.database.transaction() as tx:
            return self.post.again(tx, tx.get_one(Outbox, row))


@pytest.fixture
def desk(database: Database, clock: FakeClock, tmp_path: Path) -> Desk:
    return Desk(database, clock, tmp_path)


def refused(words: str = "550 nobody here") -> MailRefused:
    return MailRefused(REFUSED_ADDRESS, words=words)


def deferred() -> MailDeferred:
    return MailDeferred(REFUSED_ADDRESS, words="450 later")


def unreachable(*, begun: bool = False) -> MailUnreachable:
    return MailUnreachable(NO_SERVER, begun=begun, host="mail", reason="timed out")


def test_a_letter_goes_out_once_whole_and_its_secret_is_gone(desk: Desk) -> None:
    row = desk.queue(kind="link", about="aaaaaaaa", language="ar", entry=ENTRY, secrets=(SECRET,))
    assert (desk.round(), desk.round(), desk.rounds) == (1, 0, 2)
    (sent,) = desk.delivered
    assert SECRET in sent.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert [part.get_content_type() for part in sent.walk()].count("text/calendar") == 2
    assert sent["Message-ID"] == message_id(row)
    kept = desk.row(row)
    assert (kept.sealed, kept.kind, kept.about, kept.language) == (None, "link", "aaaaaaaa", "ar")
    shown = desk.post.shown(kept)
    assert shown is not None
    assert (shown.parts, shown.entry) == (("Open ", " and come."), ENTRY)
    with desk.database.reading() as tx:
        assert all(SECRET.encode() not in repr(one).encode() for one in tx.exec(select(Outbox)))


def test_a_letter_of_a_step_that_was_undone_is_none(desk: Desk) -> None:
    with desk.database.transaction() as tx:
        desk.post.queue(tx, None, **LETTER)
        tx.rollback()
    assert desk.round() == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": f"Open {SECRET}"},
        {"subject": "Use a-secret"},
        {
            "entry": Entry(
                b"METHOD:REQUEST\r\nDESCRIPTION:https://court.exa\r\n mple/join/a-sec\r\n ret\r\n", "REQUEST"
            )
        },
    ],
)
def test_a_secret_stands_in_the_text_alone(desk: Desk, changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="a secret stands where others read it"):
        desk.queue(secrets=(SECRET,), **changes)


def test_what_was_queued_before_there_were_entries_goes_out(desk: Desk) -> None:
    row = desk.queue()
    with desk.database.transaction() as tx:
        old = tx.get_one(Outbox, row)
        old.sealed, old.shown = desk.post._key.wrap(b'"An old letter."', f"letter {row}"), None
        tx.add(old)
    assert desk.round() == 1
    assert desk.delivered[0].get_content() == "An old letter.\n"
    assert desk.post.shown(desk.row(row)) is None


def test_a_letter_is_tried_again_ever_later_and_then_told_as_failed(desk: Desk) -> None:
    desk.says["witness"] = deferred()
    row, began = desk.queue(), desk.clock.now
    waits = []
    while (kept := desk.row(row)).failed is None:
        desk.clock.now = max(desk.clock.now, kept.due)
        before = desk.clock.now
        assert desk.round() == 0
        waits.append(desk.row(row).due - before)
        assert desk.round() == 0
        assert desk.tried == len(waits), "nothing is tried before its time"
    assert len(waits) == ATTEMPTS
    assert waits[:-1] == [pause(n) for n in range(1, ATTEMPTS)]
    assert (waits[0], max(waits[:-1])) == (timedelta(minutes=1), timedelta(hours=4))
    assert timedelta(hours=12) < desk.clock.now - began < timedelta(hours=24)
    assert kept.failed == kept.said == "The mail server does not take letters for this address: 450 later"
    assert kept.sealed is not None, "it can still be sent"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"to": "witness"}, "not a mail address"),
        ({"to": "witness@exämple.invalid"}, "in plain letters"),
        ({"subject": "two\nlines"}, "The subject must be one line"),
        ({"entry": Entry(ENTRY.calendar, "CANCEL")}, "does not say METHOD:CANCEL"),
        ({"text": "half \ud800"}, "cannot be written"),
    ],
)
def test_what_cannot_be_composed_fails_at_once_with_a_sentence(
    desk: Desk, changes: dict[str, object], why: str
) -> None:
    row = desk.queue(**changes)
    other = desk.queue()
    assert desk.round() == 1
    assert why in str(desk.row(row).failed)
    assert desk.row(other).sent is not None
    assert desk.tried == 1


def test_what_lies_under_another_key_fails_and_holds_up_nothing(desk: Desk, tmp_path: Path) -> None:
    row = desk.queue()
    desk.post = Post(servicekey.at(tmp_path / "other.key"), desk.clock, sender="court@exampleton.invalid")
    other = desk.queue()
    assert desk.round() == 1
    assert "under another key" in str(desk.row(row).failed)
    assert desk.row(other).sent is not None


def test_a_server_that_cannot_be_used_ends_the_round_and_counts_against_no_letter(desk: Desk) -> None:
    rows = [desk.queue() for _ in range(5)]
    desk.says["witness"] = unreachable()
    for n in range(1, 20):
        assert desk.round() == 0
        assert desk.round() == 0
        assert desk.tried == n, "one letter a round, and no round before its time"
        assert {desk.row(row).said for row in rows} == {
            "The mail server mail cannot be used at present: timed out."
        }
        desk.clock.now += rest(n)
    assert desk.clock.now > desk.row(rows[0]).created + timedelta(hours=1)
    assert {desk.row(row).attempts for row in rows} == {0}
    desk.says.clear()
    assert desk.round() == 5
    assert {desk.row(row).said for row in rows} == {None}
    desk.says["witness"] = unreachable()
    desk.queue()
    desk.round()
    assert rest(1) < rest(2) < rest(60) == timedelta(minutes=5)
    desk.clock.now += rest(1)
    desk.says.clear()
    assert desk.round() == 1, "after what went well it begins anew"


def test_a_letter_over_which_the_server_breaks_off_comes_after_the_others_and_fails_in_the_end(
    desk: Desk,
) -> None:
    desk.says["poison"] = unreachable(begun=True)
    row = desk.queue(to="poison@samplia.invalid")
    desk.clock.pass_(seconds=1)
    good = [desk.queue() for _ in range(3)]
    desk.round()
    desk.clock.pass_(seconds=30)
    assert desk.round() == 3
    assert all(desk.row(one).sent for one in good)
    for _ in range(ATTEMPTS):
        desk.clock.now = max(desk.clock.now + timedelta(minutes=6), desk.row(row).due)
        desk.round()
    assert desk.row(row).failed is not None
    assert desk.tried == ATTEMPTS + 3


def test_a_letter_that_is_never_finished_is_told_as_failed(desk: Desk) -> None:
    class Broken(Exception):
        pass

    desk.says["witness"] = Broken()
    row = desk.queue()
    for _ in range(ATTEMPTS):
        with pytest.raises(Broken):
            desk.round()
        assert desk.round() == 0
        desk.clock.now += CLAIM
    assert desk.round() == 0
    assert desk.row(row).failed == "Sending this letter was begun 12 times and never came to an end."


def test_a_thousand_letters_wait_for_a_server_that_hangs_but_not_one_after_the_other(desk: Desk) -> None:
    with desk.database.transaction() as tx:
        for _ in range(1000):
            desk.post.queue(tx, None, **LETTER)

    def hang(talk) -> None:
        talk.recv(1)

    begun = time.monotonic()
    with silent(hang) as port:
        postman = SmtpServer(HOST, port, transport="plain", step=0.2, whole=0.3)
        for _ in range(20):
            assert desk.post.deliver(desk.database.transaction, postman) == 0
    assert time.monotonic() - begun < 10


def test_a_hearing_that_is_destroyed_while_its_letter_is_sent_stays_destroyed(desk: Desk) -> None:
    row = desk.queue()

    class Slow:
        def deliver(self, message: EmailMessage) -> None:
            with desk.database.transaction() as tx:
                kept = tx.get_one(Outbox, row)
                kept.recipient, kept.sealed, kept.failed = "", None, "destroyed"
                tx.add(kept)
            raise deferred()

        def part(self) -> None: ...

    desk.post.deliver(desk.database.transaction, Slow())
    kept = desk.row(row)
    assert (kept.recipient, kept.sealed, kept.said) == ("", None, None)


# --- sent once more


def test_a_letter_that_failed_is_sent_again_as_a_new_one(desk: Desk) -> None:
    desk.says["witness"] = refused()
    row = desk.queue(kind="link", about="aaaaaaaa", entry=ENTRY, secrets=(SECRET,))
    with pytest.raises(NotNow, match="on its way"):
        desk.again(row)
    desk.round()
    desk.says.clear()
    fresh = desk.again(row)
    assert desk.round() == 1
    assert desk.delivered[0]["Message-ID"] == message_id(fresh) != message_id(row)
    assert SECRET in desk.delivered[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    old, new = desk.row(row), desk.row(fresh)
    assert (old.again, old.sealed) == (fresh, None)
    assert (new.kind, new.about, new.recipient, new.subject) == (
        old.kind,
        old.about,
        old.recipient,
        old.subject,
    )
    assert desk.post.shown(new) == desk.post.shown(old)
    with pytest.raises(AlreadyDone):
        desk.again(row)
    with pytest.raises(NotNow, match="has arrived for all that is known"):
        desk.again(fresh)


def came_back(desk: Desk, row: UUID) -> None:
    with desk.database.transaction() as tx:
        kept = tx.get_one(Outbox, row)
        kept.returned = desk.clock()
        tx.add(kept)


def test_a_letter_that_came_back_is_sent_again_unless_it_held_a_link(desk: Desk) -> None:
    plain, link = desk.queue(text="Come."), desk.queue(secrets=(SECRET,))
    desk.round()
    came_back(desk, plain)
    came_back(desk, link)
    desk.again(plain)
    with pytest.raises(NotNow, match="Make a new one"):
        desk.again(link)
    assert desk.round() == 1
    assert desk.delivered[-1].get_content() == "Come.\n"


def test_troubles_are_what_failed_or_came_back_and_was_not_sent_again(
    desk: Desk, journal: Journal, tmp_path: Path
) -> None:
    house = Courthouse(journal, tmp_path)
    one, other = (house.requested_hearing(reference=f"{n}/2026").id for n in (1, 2))
    rows = [desk.queue(one) for _ in range(4)]
    desk.queue(other)
    desk.round()
    came_back(desk, rows[0])
    came_back(desk, rows[1])
    desk.says["witness"] = refused()
    failed = desk.queue(one)
    desk.round()
    with desk.database.reading() as tx:
        assert troubles(tx, [one, other]) == {one: 3, other: 0}
    desk.again(failed)
    desk.again(rows[0])
    with desk.database.reading() as tx:
        assert troubles(tx, [one, other]) == {one: 1, other: 0}


# --- what comes back


@pytest.fixture
def maildir(tmp_path: Path) -> Maildir:
    made = Maildir(tmp_path / "returned")
    list(made.waiting(1))
    return made


def take(desk: Desk, maildir: Maildir, *letters: bytes) -> int:
    for letter in letters:
        (maildir._folder / "new" / uuid4().hex).write_bytes(letter)
    marked = desk.post.take_back(desk.database.transaction, maildir)
    assert not list(maildir.waiting(1))
    return marked


@pytest.mark.parametrize("quoted", ["message/rfc822", "text/rfc822-headers"])
def test_a_letter_that_came_back_is_marked_with_the_servers_words(
    desk: Desk, maildir: Maildir, quoted: str
) -> None:
    row, other = desk.queue(), desk.queue()
    desk.round()
    desk.clock.pass_(hours=1)
    back = notification(message_id(row), quoted=quoted)
    assert take(desk, maildir, back) == 1
    kept = desk.row(row)
    assert (kept.returned, kept.said) == (
        desk.clock(),
        "550 5.1.1 <witness@samplia.invalid>: no such person here",
    )
    assert desk.row(other).returned is None
    assert not list((maildir._folder / "aside").iterdir()), "it may quote the whole letter"
    desk.clock.pass_(hours=1)
    assert take(desk, maildir, notification(message_id(row), fields="Diagnostic-Code: smtp; other")) == 1
    assert desk.row(row) == kept, "the first word stands"


def test_nothing_else_marks_a_letter(desk: Desk, maildir: Maildir) -> None:
    row, waiting = desk.queue(), desk.queue(to="late@samplia.invalid")
    desk.says["late"] = deferred()
    desk.round()
    number = message_id(row)
    strangers = (
        notification(message_id(uuid4())),
        notification(message_id(waiting)),
        notification(number.upper()),
        notification(number.replace("vivavoce", "elsewhere")),
        notification(f"{number} {number}"),
        holiday(number),
        by_hand(number),
        *RUBBISH,
    )
    assert take(desk, maildir, *strangers) == 0
    assert desk.row(row).returned is desk.row(waiting).returned is None
    assert len(list((maildir._folder / "aside").iterdir())) == len(strangers)
    for action in ("delayed", "delivered"):
        assert take(desk, maildir, notification(number, action=action, quoted="message/rfc822")) == 0
    assert desk.row(row).returned is None
    assert len(list((maildir._folder / "aside").iterdir())) == len(strangers), "what quotes a letter is gone"


def test_what_comes_back_after_a_month_marks_nothing(desk: Desk, maildir: Maildir) -> None:
    row = desk.queue()
    desk.round()
    desk.clock.pass_(days=31)
    assert take(desk, maildir, notification(message_id(row))) == 0


def test_whoever_is_killed_before_the_file_is_gone_marks_it_once(
    desk: Desk, maildir: Maildir, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = desk.queue()
    desk.round()

    class Killed(BaseException):
        pass

    def killed(_path: Path) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(maildir, "remove", killed)
        with pytest.raises(Killed):
            take(desk, maildir, notification(message_id(row)))
    kept = desk.row(row)
    assert kept.returned is not None
    desk.clock.pass_(minutes=1)
    assert desk.post.take_back(desk.database.transaction, maildir) == 1
    assert desk.row(row) == kept


def test_a_folder_that_cannot_be_used_is_logged_and_what_cannot_be_moved_stops_nothing_else(
    desk: Desk, maildir: Maildir, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    row = desk.queue()
    desk.round()
    for place in ("new", "aside"):
        (tmp_path / "returned" / place / "0" / "inside").mkdir(parents=True)
    (tmp_path / "returned" / "new" / "1").write_bytes(notification(message_id(row)))
    assert desk.post.take_back(desk.database.transaction, maildir) == 1
    assert desk.row(row).returned is not None
    assert "0 cannot be moved" in caplog.text
    (tmp_path / "file").write_bytes(b"")
    assert desk.post.take_back(desk.database.transaction, Maildir(tmp_path / "file")) == 0
    assert "letters that come back cannot be seen" in caplog.text


# --- killed


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with Office() as office:
        yield office


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("way", ["server", "folder"])
def test_whoever_is_killed_the_letter_goes_out_and_a_second_one_is_known_by_its_number(
    desk: Desk, office: Office, tmp_path: Path, point: str, way: str
) -> None:
    with PostOffice() as server:
        victim: list[int] = []
        known = threading.Event()

        def kill(command: str) -> None:
            if point == "sending" and command == "DATA":
                assert known.wait(10)
                os.kill(victim.pop(), signal.SIGKILL)
                known.clear()
                server.watch = lambda command: None

        server.watch = kill
        port = server.port if way == "server" else 0
        victim.append(office.send(point=point, folder=str(tmp_path), port=port, now=desk.clock().isoformat()))
        known.set()
        assert office.ended() == signal.SIGKILL
        postman = SmtpServer(HOST, port, transport="plain") if port else MailFolder(tmp_path / "mail")
        for _ in range(2):
            desk.post.deliver(desk.database.transaction, postman)
            desk.clock.now += CLAIM
        numbers = server.numbers if port else [_number(path) for path in (tmp_path / "mail").glob("*.eml")]
    with desk.database.reading() as tx:
        rows = tx.exec(select(Outbox)).all()
    assert [row.sent is not None for row in rows] == ([] if point == "queueing" else [True])
    twice = {"sent", "marking"} | ({"sending"} if way == "server" else set())
    assert numbers == [message_id(row.id) for row in rows] * (2 if point in twice else 1)


def _number(path: Path) -> str:
    return str(message_from_bytes(path.read_bytes(), policy=default)["Message-ID"])


def test_why_a_letter_failed_can_be_said_in_another_language() -> None:
    known = (*post.SENTENCES, *mail.SENTENCES)
    for told in (str(refused()), str(unreachable()), str(post.NOT_FINISHED), str(post.NOT_READABLE)):
        found = recognised(told, known)
        assert isinstance(found, Sentence)
        assert found.template in known
