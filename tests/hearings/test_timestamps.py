"""Timestamps of a real authority (openssl), and of one that hangs, refuses, talks rubbish or lies."""

import hashlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms, tsp
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontend.outward import Outward
from hearings import signatures
from hearings.errors import Unreachable, Unverifiable
from hearings.timestamps import Stamps
from tests.hearings import records as r
from tests.hearings.time_authority import POLICY, TimeAuthority, as_it_is, serving

CONTENT = b"what there was"


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TimeAuthority, str]]:
    authority = TimeAuthority(tmp_path_factory.mktemp("time") / "tsa")
    with serving(authority) as address:
        yield authority, address


@pytest.fixture
def authority(house: tuple[TimeAuthority, str]) -> Iterator[TimeAuthority]:
    yield house[0]
    house[0].answering = as_it_is


@pytest.fixture
def stamps(house: tuple[TimeAuthority, str]) -> Stamps:
    return Stamps(Outward(read=2, whole=2), house[1], now, roots=[house[0].root], policy=POLICY)


def refusal(stamps: Stamps) -> str:
    with pytest.raises(Unreachable) as refused:
        stamps.token(CONTENT)
    assert refused.value.sentence.endswith(".")
    return refused.value.sentence


def test_a_token_is_over_the_content_and_openssl_agrees(
    stamps: Stamps, authority: TimeAuthority, tmp_path: Path
) -> None:
    token = stamps.token(CONTENT)
    read = signatures.read_token(token, CONTENT)
    assert abs(read.time - now()) < timedelta(seconds=10)
    assert read.signer == authority.certificate
    (tmp_path / "token").write_bytes(token)
    (tmp_path / "content").write_bytes(CONTENT)
    words = ["openssl", "ts", "-verify", "-token_in", "-in", "token", "-data", "content"]
    words += ["-CAfile", str(authority.folder / "root.pem")]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "content").write_bytes(CONTENT + b"!")
    assert subprocess.run(words, cwd=tmp_path, check=False, capture_output=True).returncode != 0


def test_what_is_asked(stamps: Stamps, authority: TimeAuthority) -> None:
    asked: list[bytes] = []

    def listening(query: bytes, answer: bytes) -> tuple[int, bytes]:
        asked.append(query)
        return 200, answer

    authority.answering = listening
    stamps.token(CONTENT)
    stamps.token(CONTENT)
    first, second = (tsp.TimeStampReq.load(one, strict=True) for one in asked)
    assert first["message_imprint"]["hashed_message"].native == hashlib.sha256(CONTENT).digest()
    assert first["cert_req"].native is True
    assert first["req_policy"].dotted == POLICY
    assert first["nonce"].native != second["nonce"].native
    assert CONTENT not in asked[0]


def test_certificates_that_stand_unsorted_are_sorted(tmp_path: Path) -> None:
    """Whichever way round openssl writes them: one of the two orders is wrong."""
    authority = TimeAuthority(tmp_path / "tsa", more="certs = {folder}/root.pem")
    with serving(authority) as address:
        turned: list[bytes] = []

        def turning(query: bytes, answer: bytes) -> tuple[int, bytes]:
            first, second = sorted(
                one.public_bytes(Encoding.DER) for one in (authority.root, authority.certificate)
            )
            row = first + second if first + second in answer else second + first
            assert row in answer
            wrong = answer.replace(row, second + first)
            turned.append(tsp.TimeStampResp.load(wrong)["time_stamp_token"].dump())
            return 200, wrong

        authority.answering = turning
        token = Stamps(Outward(), address, now, roots=[authority.root]).token(CONTENT)
    assert token != turned[0]
    assert sorted(token) == sorted(turned[0])
    with pytest.raises(Unverifiable):
        signatures.read_token(turned[0], CONTENT)
    assert signatures.read_token(token, CONTENT).signer == authority.certificate


def test_one_that_is_not_there_or_hangs_or_drips_is_not_waited_for(
    stamps: Stamps, authority: TimeAuthority
) -> None:
    assert "127.0.0.1" in refusal(Stamps(Outward(), "http://127.0.0.1:9/", now))
    released = threading.Event()

    def hanging(query: bytes, answer: bytes) -> tuple[int, bytes]:
        released.wait(20)
        return 200, answer

    authority.answering = hanging
    begun = time.monotonic()
    quick = Stamps(Outward(read=0.3, whole=0.3), stamps._address, now)
    assert "does not answer" in refusal(quick)
    assert time.monotonic() - begun < 2
    released.set()


def resigned(change: Callable[[tsp.TSTInfo], None]) -> Callable[[TimeAuthority], Any]:
    return lambda authority: lambda query, answer: (200, authority.changed(answer, change))


def out(data: bytes, status: int = 200) -> Callable[[TimeAuthority], Any]:
    return lambda authority: lambda query, answer: (status, data)


def replayed(authority: TimeAuthority) -> Any:
    """An answer to the same question, asked before."""
    old = []

    def answering(query: bytes, answer: bytes) -> tuple[int, bytes]:
        old.append(answer)
        return 200, old[0]

    return answering


def of_other_bytes(authority: TimeAuthority) -> Any:
    def answering(query: bytes, answer: bytes) -> tuple[int, bytes]:
        request = tsp.TimeStampReq.load(query)
        request["message_imprint"]["hashed_message"] = bytes(32)
        return 200, authority.answer(request.dump())

    return answering


def refusing(authority: TimeAuthority) -> Any:
    def answering(query: bytes, answer: bytes) -> tuple[int, bytes]:
        request = tsp.TimeStampReq.load(query)
        request["req_policy"] = "1.2.3.9"
        return 200, authority.answer(request.dump())

    return answering


def without_certificates(authority: TimeAuthority) -> Any:
    def answering(query: bytes, answer: bytes) -> tuple[int, bytes]:
        request = tsp.TimeStampReq.load(query)
        request["cert_req"] = False
        return 200, authority.answer(request.dump())

    return answering


@pytest.mark.parametrize(
    ("answering", "reason"),
    [
        (out(b"", 503), "status 503"),
        (out(b"", 302), "status 302"),
        (out(b""), "cannot be read"),
        (out(b"rubbish"), "cannot be read"),
        (out(b"x" * (2**20 + 1)), "does not answer"),
        (refusing, "refuses"),
        (of_other_bytes, "other bytes"),
        (without_certificates, "certificates"),
        (resigned(lambda info: info.__setitem__("nonce", 5)), "another question"),
        (resigned(lambda info: info.__delitem__("nonce")), "another question"),
        (resigned(lambda info: info.__setitem__("policy", "1.2.3.9")), "policy"),
        (resigned(lambda info: info.__setitem__("gen_time", now() - timedelta(seconds=400))), "our clock"),
        (resigned(lambda info: info.__setitem__("gen_time", now() + timedelta(seconds=400))), "our clock"),
    ],
)
def test_an_answer_that_does_not_hold_is_refused(
    stamps: Stamps, authority: TimeAuthority, answering: Any, reason: str
) -> None:
    authority.answering = answering(authority)
    assert reason in refusal(stamps)


def test_an_old_answer_is_refused(stamps: Stamps, authority: TimeAuthority) -> None:
    authority.answering = replayed(authority)
    stamps.token(CONTENT)
    assert "another question" in refusal(stamps)


def test_what_is_signed_again_without_a_change_is_taken(stamps: Stamps, authority: TimeAuthority) -> None:
    authority.answering = resigned(lambda info: None)(authority)
    stamps.token(CONTENT)


def test_every_part_of_an_answer_counts(stamps: Stamps, authority: TimeAuthority) -> None:
    """A byte changed anywhere but in what no signature covers: refused, or as good as before."""
    good: list[bytes] = []
    step = 97
    for place in range(0, 1000, step):

        def altered(query: bytes, answer: bytes, place: int = place) -> tuple[int, bytes]:
            good.append(answer)
            changed = bytearray(answer)
            changed[place % len(answer)] ^= 1 << place % 8
            return 200, bytes(changed)

        authority.answering = altered
        try:
            token = stamps.token(CONTENT)
        except Unreachable:
            continue
        signatures.read_token(token, CONTENT)


def test_one_of_a_root_that_is_not_named_is_refused(house: tuple[TimeAuthority, str]) -> None:
    assert "not among" in refusal(Stamps(Outward(), house[1], now, roots=[r.court().root]))
    assert Stamps(Outward(), house[1], now).token(CONTENT)


def test_one_that_may_not_give_timestamps_is_refused(tmp_path: Path) -> None:
    from cryptography.x509.oid import ExtendedKeyUsageOID

    from tests.hearings.time_authority import certified

    authority = TimeAuthority(tmp_path / "tsa")
    root = (authority.root, authority._root_key)
    wrong = certified("Web", authority.key, issuer=root, usage=ExtendedKeyUsageOID.SERVER_AUTH)

    def answering(query: bytes, answer: bytes) -> tuple[int, bytes]:
        changed = tsp.TimeStampResp.load(answer)
        own = cms.CertificateChoices("certificate", wrong_asn1)
        changed["time_stamp_token"]["content"]["certificates"] = cms.CertificateSet([own])
        return 200, changed.dump()

    from asn1crypto import x509 as asn1_x509

    wrong_asn1 = asn1_x509.Certificate.load(wrong.public_bytes(Encoding.DER))
    authority.answering = answering
    with serving(authority) as address:
        assert "gave none" in refusal(Stamps(Outward(), address, now))


def test_many_threads_may_ask_at_once(stamps: Stamps) -> None:
    tokens: list[bytes] = []
    threads = [threading.Thread(target=lambda: tokens.append(stamps.token(CONTENT))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({signatures.read_token(one, CONTENT).signature for one in tokens}) == 6


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_no_bytes_are_an_error_of_another_kind(data: bytes) -> None:
    class Rubbish:
        def post(self, *words: Any, **more: Any) -> Any:
            from hearings.web import Answer

            return Answer(200, data)

    with pytest.raises(Unreachable):
        Stamps(Rubbish(), "http://localhost/", now).token(CONTENT)  # type: ignore[arg-type]


def test_a_seal_bears_the_timestamp_or_is_made_without(stamps: Stamps, authority: TimeAuthority) -> None:
    seal = r.court()
    with_one = signatures.read_seal(seal.sign(CONTENT, r.NOW, stamps), CONTENT)
    assert with_one.token is not None
    assert signatures.read_token(with_one.token, with_one.signature).signer == authority.certificate
    authority.answering = out(b"", 500)(authority)
    assert signatures.read_seal(seal.sign(CONTENT, r.NOW, stamps), CONTENT).token is None
