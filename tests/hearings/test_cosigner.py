"""What a cosigner signs, and what it refuses: C2SP tlog-witness, status by status."""

import base64
import stat
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, event

from hearings import cosigner, servicekey, tree
from hearings.cosigner import Cosigner, Finding, Key, Pace, introduction, judge, read_submission, submission
from hearings.database import Database
from hearings.errors import Unreachable, Unverifiable
from hearings.verify_journal import cosignature, cosigner_key
from tests.conftest import FakeClock
from tests.hearings import records as r

LEAVES = [tree.leaf_hash(b"%d" % n) for n in range(40)]
OTHERS = [*LEAVES[:5], *(tree.leaf_hash(b"other %d" % n) for n in range(40))]
ASKING = Key("a.example/cosign", r.log_secret("asking"))
STRANGER = Key("c.example/cosign", r.log_secret("stranger"))
OWN = Key("b.example/cosign", r.log_secret("own"))


def head(size: int, leaves: list[bytes] = LEAVES, log: str = "log", origin: str = r.ORIGIN) -> bytes:
    return tree.checkpoint(origin, tree.Tree(leaves[:size]), r.log_secret(log))


def asked(old: int, size: int, leaves: list[bytes] = LEAVES) -> bytes:
    proof = tree.consistency(leaves[:size], old) if 0 < old < size else []
    return submission(old, proof, head(size, leaves))


@pytest.fixture
def cosigning(database: Database, clock: FakeClock) -> Cosigner:
    made = Cosigner(database, OWN, clock, [ASKING.vkey])
    assert made.introduce(introduction(r.vkey(), ASKING)).status == 200
    return made


def signed(reply: cosigner.Reply, note: bytes) -> bool:
    return reply.status == 200 and cosignature(tree.read_checkpoint(note + reply.data), OWN.vkey) is not None


# --- the key


def test_the_key_is_made_once_and_lies_wrapped(tmp_path: Path) -> None:
    service = servicekey.at(tmp_path / "service.key")
    path = tmp_path / "cosigner.key"
    made = cosigner.key_at(path, service, name="localhost:8080/cosign")
    again = cosigner.key_at(path, service, name="another.example/cosign")
    assert (again.name, again.vkey) == (made.name, made.vkey) == ("localhost:8080/cosign", made.vkey)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = made.private.private_bytes_raw()
    assert not any(
        form in path.read_bytes() for form in (secret, base64.b64encode(secret), secret.hex().encode())
    )
    assert cosigner_key(made.vkey)[2] == made.private.public_key().public_bytes_raw()
    path.write_text(path.read_text().replace("localhost", "elsewhere"))
    with pytest.raises(Unreachable, match="cannot be read"):
        cosigner.key_at(path, service, name="x")


def test_of_two_processes_that_start_together_one_makes_it(tmp_path: Path) -> None:
    service, made = servicekey.at(tmp_path / "service.key"), []
    threads = [
        threading.Thread(target=lambda: made.append(cosigner.key_at(tmp_path / "k", service, name="n").vkey))
        for _ in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(made) == 8
    assert len(set(made)) == 1
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".k")] == []


# --- what it signs


def test_it_signs_what_continues(cosigning: Cosigner, clock: FakeClock) -> None:
    old = 0
    for size in (1, 3, 3, 8, 40):
        reply = cosigning.add_checkpoint(asked(old, size))
        assert signed(reply, head(size)), reply
        assert reply.kind == "text/plain"
        at = cosignature(tree.read_checkpoint(head(size) + reply.data), OWN.vkey)
        assert at == clock().replace(microsecond=0)
        old = size
        clock.pass_(seconds=10)
    assert cosigning.troubles() == []


def test_it_takes_heads_that_others_have_signed_as_well(cosigning: Cosigner) -> None:
    note = r.cosigned(head(4), "somebody", 0)
    assert signed(cosigning.add_checkpoint(submission(0, [], note)), note)


def test_what_it_signed_survives_a_restart(cosigning: Cosigner, database: Database, clock: FakeClock) -> None:
    assert cosigning.add_checkpoint(asked(0, 8)).status == 200
    again = Cosigner(database, OWN, clock, [ASKING.vkey])
    assert again.add_checkpoint(asked(0, 9)) == cosigner.Reply(409, b"8\n", "text/x.tlog.size")
    assert signed(again.add_checkpoint(asked(8, 9)), head(9))


# --- what it refuses


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (submission(0, [], head(3, origin="vivavoce/00000000-0000-4000-8000-000000000000")), 404),
        (submission(0, [], head(3, log="another")), 403),
        (submission(0, [], head(3) + head(3).splitlines(keepends=True)[-1]), 403),
        (submission(0, [], tree.read_checkpoint(head(3)).text + b"\n" + r.cosigned(b"", "x", 0)), 403),
        (submission(4, [], head(3)), 400),
        (submission(2, [], head(3)), 409),
        (submission(0, [bytes(32)], head(3)), 422),
        (submission(0, [], head(0)), 200),
    ],
)
def test_each_refusal_has_its_status(cosigning: Cosigner, body: bytes, status: int) -> None:
    assert cosigning.add_checkpoint(body).status == status


def test_a_proof_that_does_not_hold_is_refused_and_noticed(cosigning: Cosigner) -> None:
    assert cosigning.add_checkpoint(asked(0, 8)).status == 200
    proof = tree.consistency(LEAVES[:20], 8)
    for wrong in (proof[:-1], proof[::-1], [*proof, bytes(32)], []):
        assert cosigning.add_checkpoint(submission(8, wrong, head(20))).status == 422
    assert [one.kind for one in cosigning.troubles()] == [Finding.UNPROVEN]
    assert signed(cosigning.add_checkpoint(asked(8, 20)), head(20)), "it still continues"


def test_a_fork_is_never_signed_and_is_kept_as_evidence(cosigning: Cosigner, clock: FakeClock) -> None:
    assert cosigning.add_checkpoint(asked(0, 8)).status == 200
    assert cosigning.add_checkpoint(asked(8, 8, OTHERS)).status == 409
    assert cosigning.add_checkpoint(asked(0, 8, OTHERS)).status == 409, "whatever its old size"
    assert cosigning.add_checkpoint(asked(8, 20, OTHERS)).status == 422
    (told,) = cosigning.troubles()
    assert told.sentence == (f"a.example/cosign signed two different heads over 8 entries of {r.ORIGIN}.")
    assert (told.note, told.shown, told.noticed) == (head(8), head(8, OTHERS), clock())
    assert all(tree.signed_by(tree.read_checkpoint(one), r.vkey()) for one in (told.note, told.shown))
    assert signed(cosigning.add_checkpoint(asked(8, 9)), head(9))


def test_an_older_head_is_never_signed_again_and_is_noticed(cosigning: Cosigner) -> None:
    assert cosigning.add_checkpoint(asked(0, 20)).status == 200
    for body in (asked(0, 8), asked(8, 8), asked(8, 9), asked(5, 19)):
        assert cosigning.add_checkpoint(body) == cosigner.Reply(409, b"20\n", "text/x.tlog.size")
    (told,) = cosigning.troubles()
    assert told.kind == Finding.UNPROVEN
    assert "rolled back" in told.sentence
    assert cosigning.add_checkpoint(asked(20, 20, OTHERS)).status == 409
    assert [one.kind for one in cosigning.troubles()] == [Finding.FORKED], (
        "what is worse is told in its stead"
    )


def test_a_lost_answer_is_no_trouble(cosigning: Cosigner) -> None:
    """Kept, and not answered: whoever asks again as before hears the size, and then gets it."""
    assert cosigning.add_checkpoint(asked(0, 8)).status == 200
    assert cosigning.add_checkpoint(asked(0, 8)).data == b"8\n"
    assert signed(cosigning.add_checkpoint(asked(8, 8)), head(8))
    assert cosigning.troubles() == []


def test_killed_before_it_was_kept_nothing_is_kept(
    cosigning: Cosigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failed, and not done."""
    assert cosigning.add_checkpoint(asked(0, 8)).status == 200
    original = Cosigner._taken

    def killed(*given: Any) -> None:
        original(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Cosigner, "_taken", killed)
        with pytest.raises(KeyboardInterrupt):
            cosigning.add_checkpoint(asked(8, 20))
    assert signed(cosigning.add_checkpoint(asked(8, 9)), head(9))


def test_killed_before_it_was_signed_it_is_kept(cosigning: Cosigner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed, but done: a smaller one is never signed after it, and it is signed when it is asked for again."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tree, "cosigned_line", killed)
        with pytest.raises(KeyboardInterrupt):
            cosigning.add_checkpoint(asked(0, 20))
    assert cosigning.add_checkpoint(asked(0, 9)).data == b"20\n"
    assert signed(cosigning.add_checkpoint(asked(20, 20)), head(20))


def test_what_is_known_to_be_wrong_makes_nobody_write(cosigning: Cosigner, database: Database) -> None:
    """Whoever has an old package could otherwise keep the database of a court busy."""
    cosigning.add_checkpoint(asked(0, 20))
    for body in (asked(8, 9), asked(20, 20, OTHERS), asked(0, 20)):
        cosigning.add_checkpoint(body)
    begun = []

    def begins(connection: Connection) -> None:
        begun.append(connection.get_execution_options().get("writes", False))

    event.listen(database.engine, "begin", begins)
    for body in (asked(8, 9), asked(20, 20, OTHERS), asked(0, 20), submission(20, [], head(30))):
        assert cosigning.add_checkpoint(body).status in {409, 422}
    assert begun
    assert not any(begun)


def test_of_two_at_once_that_do_not_continue_each_other_one_passes(cosigning: Cosigner) -> None:
    """The race that C2SP tlog-witness describes, and its worse sister."""
    assert cosigning.add_checkpoint(asked(0, 5)).status == 200
    bodies = [asked(5, size, leaves) for size in (20, 30) for leaves in (LEAVES, OTHERS)]
    for body in bodies:
        assert read_submission(body)
    gate, got = threading.Barrier(len(bodies)), []

    def ask(body: bytes) -> None:
        gate.wait()
        got.append(cosigning.add_checkpoint(body).status)

    threads = [threading.Thread(target=ask, args=(body,)) for body in bodies]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert got.count(200) == 1
    assert got.count(409) == 3


# --- introductions


def test_only_who_is_known_introduces(database: Database, clock: FakeClock) -> None:
    made = Cosigner(database, OWN, clock, [ASKING.vkey])
    good = introduction(r.vkey(), ASKING)
    renamed = Key(ASKING.name, STRANGER.private)
    assert made.introduce(introduction(r.vkey(), STRANGER)).status == 403
    assert made.introduce(introduction(r.vkey(), renamed)).status == 403
    assert made.introduce(good.replace(r.vkey().encode(), r.vkey("another").encode())).status == 403
    assert made.introduce(good + good.splitlines(keepends=True)[-1]).status == 403
    assert made.add_checkpoint(asked(0, 3)).status == 404
    assert [made.introduce(good).status for _ in range(2)] == [200, 200]
    assert made.add_checkpoint(asked(0, 3)).status == 200
    assert made.introduce(good).status == 200
    assert made.add_checkpoint(asked(0, 3)).data == b"3\n", "a replay of it forgets nothing"


def test_a_service_without_anybody_signs_for_nobody(database: Database, clock: FakeClock) -> None:
    made = Cosigner(database, OWN, clock, [])
    assert made.introduce(introduction(r.vkey(), ASKING)).status == 403
    assert made.introduce(introduction(r.vkey(), OWN)).status == 403


def test_another_service_cannot_take_a_journal_over(database: Database, clock: FakeClock) -> None:
    """It may be known here, and introduce a key of its own under the same origin: that is another journal."""
    made = Cosigner(database, OWN, clock, [ASKING.vkey, STRANGER.vkey])
    assert made.introduce(introduction(r.vkey("theirs"), STRANGER)).status == 200
    theirs = submission(0, [], head(30, OTHERS, "theirs"))
    assert made.add_checkpoint(theirs).status == 200
    assert made.introduce(introduction(r.vkey(), ASKING)).status == 200
    assert signed(made.add_checkpoint(asked(0, 3)), head(3))


def test_what_introduces_never_passes_for_a_cosignature(cosigning: Cosigner) -> None:
    """One key, two types of signature: neither holds as the other."""
    note = tree.read_note(introduction(r.vkey(), OWN))
    line = cosigning.add_checkpoint(asked(0, 3)).data
    as_type_one = tree.verifier_key(OWN.name, OWN.private.public_key())
    assert tree.signed_by(note, as_type_one)
    whole = tree.read_checkpoint(tree.read_checkpoint(head(3)).text + b"\n" + line)
    assert not tree.signed_by(whole, as_type_one)
    raw = whole.signatures[0].value[8:]
    with pytest.raises(InvalidSignature):
        OWN.private.public_key().verify(raw, whole.text)


def test_no_more_journals_than_fit(cosigning: Cosigner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cosigner, "MOST_LOGS", 2)
    origins = [f"vivavoce/00000000-0000-4000-8000-00000000000{n}" for n in range(3)]
    keys = [tree.verifier_key(one, Ed25519PrivateKey.generate().public_key()) for one in origins]
    assert [cosigning.introduce(introduction(key, ASKING)).status for key in keys] == [200, 403, 403]
    assert cosigning.introduce(introduction(r.vkey(), ASKING)).status == 200, "those that are known stay so"


# --- rubbish


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old",
        b"old 0\n",
        b"old 0\n\n",
        b"old x\n\n" + head(3),
        b"old 00\n\n" + head(3),
        b"old +1\n\n" + head(3),
        b"old -1\n\n" + head(3),
        "old \u0661\n\n".encode() + head(3),
        b"old 1_0\n\n" + head(30),
        b"OLD 0\n\n" + head(3),
        b"old  0\n\n" + head(3),
        b"old 0 \n\n" + head(3),
        b"old 0\r\n\r\n" + head(3),
        b"old 0\n" + head(3),
        b"old 0\nAAAA\n\n" + head(3),
        b"old 0\n" + base64.b64encode(bytes(32)).rstrip(b"=") + b"\n\n" + head(3),
        submission(1, [bytes(32)] * 64, head(3)),
        b"old %d\n\n" % 10**30 + head(3),
        b"old %b\n\n" % (b"9" * 5000) + head(3),
        b"old 0\n\n" + head(3)[:-1],
        b"old 0\n\n" + head(3) + b"\n",
        b"old 0\n\n" + head(3).replace(b"\n3\n", b"\n-3\n"),
        b"old 0\n\n" + head(3).replace(b"\n3\n", b"\n%d\n" % 2**60),
        b"old 0\n\n" + head(3).replace(b"\n\n", b"\nan extension\n\n", 1),
        b"\xff" * 100,
        b"old 0\n\n" + b"x" * cosigner.LONGEST,
    ],
)
def test_rubbish_is_refused_by_its_form(cosigning: Cosigner, body: bytes) -> None:
    assert cosigning.add_checkpoint(body).status == 400
    assert cosigning.introduce(body).status == 400


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_whatever_is_read_is_what_would_be_written(body: bytes) -> None:
    try:
        read = read_submission(body)
    except Unverifiable:
        return
    raise AssertionError(read)  # nobody comes upon a checkpoint by chance


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.booleans(), st.booleans())
def test_only_what_continues_is_signed(kept: int, old: int, size: int, forked: bool, proved: bool) -> None:
    """Whatever was kept and whatever is asked: a smaller tree, or one of another history, never passes."""
    leaves = OTHERS if forked else LEAVES
    proof = tree.consistency(leaves[:size], old) if proved and 0 < old < size else []
    sent = read_submission(submission(old, proof, head(size, leaves)))
    finding = judge(kept, tree.Tree(LEAVES[:kept]).root(), sent)
    same_history = not forked or min(kept, size) <= 5
    assert (finding is Finding.CONTINUES) == (
        old == kept <= size and same_history and (proved or kept in {0, size})
    )


def test_the_pace_is_kept_by_address(clock: FakeClock) -> None:
    now = [0.0]
    pace = Pace(3, 10, lambda: now[0])
    assert [pace.allows("a") for _ in range(5)] == [True] * 3 + [False] * 2
    assert pace.allows("b")
    now[0] = 10.0
    assert [pace.allows("a") for _ in range(4)] == [True] * 3 + [False]
    for n in range(50):
        now[0] += 10
        assert pace.allows(f"c{n}")
    assert len(pace._times) < 6, "who is gone is forgotten"


def test_its_clock_is_in_the_line(cosigning: Cosigner, clock: FakeClock) -> None:
    clock.pass_(milliseconds=999)
    line = cosigning.add_checkpoint(asked(0, 3)).data
    at = cosignature(tree.read_checkpoint(head(3) + line), OWN.vkey)
    assert at is not None
    assert timedelta(0) <= clock() - at < timedelta(seconds=1)
    with pytest.raises(Unverifiable):
        cosignature(tree.read_checkpoint(head(4) + line), OWN.vkey)
