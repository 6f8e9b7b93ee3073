"""Notifications of several servers are read; what is none is not; a Maildir is emptied, and bounded."""

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling import returned
from scheduling.returned import Maildir, read
from tests.scheduling.notifications import LETTER, RUBBISH, by_hand, holiday, notification


@pytest.mark.parametrize(
    "quoted",
    [
        "message/rfc822",
        "text/rfc822-headers",
        "message/rfc822-headers",
        "message/global",
        "message/global-headers",
    ],
)
def test_the_letter_is_named_by_what_is_quoted_of_it(quoted):
    told = read(notification(quoted=quoted))
    assert told is not None
    assert (told.letter, told.words) == (LETTER, "550 5.1.1 <witness@samplia.invalid>: no such person here")


def test_where_nothing_is_quoted_the_answer_names_it():
    told = read(notification(quoted="", head=f"In-Reply-To: {LETTER}\n"))
    assert told is not None
    assert told.letter == LETTER


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_line_ends_are_those_of_any_system(ending):
    told = read(notification().replace(b"\n", ending))
    assert told is not None
    assert told.letter == LETTER


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("X-Nothing: 1", "5.1.1"),
        ("Diagnostic-Code: mailbox full", "mailbox full"),
        ("Diagnostic-Code: smtp; \x1b[31m550\x07 \u202eno", "550 no"),
        (f"Diagnostic-Code: smtp; {'5' * 900}", "5" * 300),
    ],
)
def test_the_words_are_one_short_line(fields, words):
    told = read(notification(fields=fields))
    assert told is not None
    assert told.words.replace("�", "").replace("[31m", "") == words.replace("\u202e", "")
    assert told.words.isprintable()


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded", ""])
def test_what_is_late_or_arrived_did_not_come_back(action):
    told = read(notification(action=action))
    assert told is not None
    assert (told.letter, told.failed, told.words) == (LETTER, False, "")


def test_answers_of_people_and_machines_and_receipts_are_no_returns():
    assert read(holiday()) is None
    assert read(by_hand()) is None
    assert read(notification(report="disposition-notification")) is None


def test_rubbish_is_nothing_and_takes_no_time():
    begun = time.process_time()
    for content in RUBBISH:
        told = read(content)
        assert told is None or told.letter != LETTER or not told.failed
    assert time.process_time() - begun < 2


@given(st.binary(max_size=300), st.integers(0, 900), st.integers(0, 200))
def test_no_bytes_make_it_fail(junk, at, cut):
    whole = notification()
    told = read(whole[:at] + junk + whole[at + cut :])
    assert told is None or (len(told.words) <= 300 and told.words.isprintable())


# --- the folder


@pytest.fixture
def maildir(tmp_path):
    made = Maildir(tmp_path)
    assert list(made.waiting(10)) == []
    return made


def test_what_lies_there_is_read_and_removed_or_put_aside(maildir, tmp_path):
    (tmp_path / "new" / "1.a").write_bytes(b"one")
    (tmp_path / "cur" / "2.b:2,S").write_bytes(b"two")
    (tmp_path / "tmp" / "3.c").write_bytes(b"half")
    one, two = sorted(maildir.waiting(10))
    assert {maildir.content(one), maildir.content(two)} == {b"one", b"two"}
    maildir.remove(one)
    maildir.remove(one)
    maildir.put_aside(two)
    assert list(maildir.waiting(10)) == []
    assert len(list((tmp_path / "aside").iterdir())) == 1


def test_no_more_than_so_many_at_once(maildir, tmp_path):
    for n in range(30):
        (tmp_path / "new" / str(n)).write_bytes(b"")
    assert len(list(maildir.waiting(20))) == 20


def test_what_is_no_plain_file_is_not_opened(maildir, tmp_path):
    secret = tmp_path / "service.key"
    secret.write_bytes(b"secret")
    (tmp_path / "new" / "link").symlink_to(secret)
    os.mkfifo(tmp_path / "new" / "pipe")
    (tmp_path / "new" / "folder").mkdir()
    for path in maildir.waiting(10):
        assert maildir.content(path) == b""
        maildir.put_aside(path)
    assert list(maildir.waiting(10)) == []
    assert secret.read_bytes() == b"secret"


def test_what_is_put_aside_is_bounded_in_size_number_and_time(maildir, tmp_path, monkeypatch):
    monkeypatch.setattr(returned, "MOST_ASIDE", 5)
    monkeypatch.setattr(returned, "LARGEST", 100)
    for n in range(8):
        path = tmp_path / "new" / str(n)
        path.write_bytes(b"x" * 1000)
        assert len(maildir.content(path)) == 101
        maildir.put_aside(path)
    left = sorted((tmp_path / "aside").iterdir())
    assert [path.name for path in left] == ["3", "4", "5", "6", "7"]
    assert {path.stat().st_size for path in left} == {100}
    os.utime(left[0], (time.time() - 31 * 24 * 3600,) * 2)
    (tmp_path / "new" / "8").write_bytes(b"x")
    maildir.put_aside(tmp_path / "new" / "8")
    assert sorted(path.name for path in (tmp_path / "aside").iterdir()) == ["4", "5", "6", "7", "8"]
