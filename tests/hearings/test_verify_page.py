"""The verifier for the browser: how it is put together, and its arithmetic against published vectors (in Node)."""

import base64
import hashlib
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from hearings import answers, container, tree, verify_page
from hearings.errors import Unverifiable
from hearings.package import Contents
from hearings.verify import Verdict, verify
from tests.hearings import records as r
from tests.hearings.in_node import Ask, in_node
from tests.hearings.test_answers import Signer
from tests.hearings.test_tree import LEAVES, ROOTS

# --- the page ----------------------------------------------------------------------------------


def test_the_same_parts_give_the_same_page() -> None:
    assert verify_page.page() == verify_page.page.__wrapped__()


def test_the_policy_admits_this_script_and_this_style_and_no_connection() -> None:
    text = verify_page.page().decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["worker-src"] == "blob:"
    assert "connect-src" not in rules
    own = r"<script(?: id=\"verifier\")?>(.*?)</script>"
    for rule, found in (
        ("script-src", re.findall(own, text, re.DOTALL)),
        ("style-src", re.findall("<style>(.*?)</style>", text, re.DOTALL)),
    ):
        digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in found]
        assert rules[rule] == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert not re.search(
        r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|fetch|XMLHttpRequest)\b", text
    )
    assert not re.search(r"""(src|href)\s*=|style="|\son\w+=["']""", text)


def test_it_knows_every_type_of_the_journal() -> None:
    kinds = re.search(
        r'<script type="application/json" id="kinds">(.*?)</script>', verify_page.page().decode(), re.DOTALL
    )
    assert kinds is not None
    assert json.loads(kinds[1])["record.on"] == [False, ["by", "stretch", "tracks"]]
    assert json.loads(kinds[1])["oath.taken"][0] is True


@pytest.mark.parametrize("language", verify_page.LANGUAGES)
def test_every_sentence_is_translated_with_its_values(language: str) -> None:
    words, said = verify_page.words()[language], verify_page.sentences()
    assert set(words) == said
    for sentence, translation in words.items():
        assert sorted(re.findall(r"\{\w+\}", sentence)) == sorted(re.findall(r"\{\w+\}", translation)), (
            sentence
        )
        assert translation.strip() == translation != ""


def test_two_modules_with_one_name_would_be_seen() -> None:
    assert verify_page.names(
        "const a = 1;\nfunction b() {}\nasync function c() {}\nlet [d, e] = f;\nclass G {}"
    ) == [
        *"abcde",
        "G",
    ]


def judged(change: Callable[[Contents], Contents], folder: Path) -> Verdict:
    record = r.draft(lambda record: setattr(record, "late", change))
    (folder / "record.asice").write_bytes(r.sealed(record.contents()))
    return verify(folder / "record.asice", trust=r.trust(), head=None, at=r.NOW)


def test_it_lies_in_a_package_unless_it_is_left_out_and_the_verdict_says_whether_it_is_ours(
    tmp_path: Path,
) -> None:
    contents = r.draft().contents()
    written = Contents(**{name: value for name, value in vars(contents).items() if name != "page"})
    bundle = container.Bundle(io.BytesIO(r.sealed(written)))
    assert bundle.read("data/verify.html") == verify_page.page()
    for page, words in (
        (verify_page.page(), "is the one that this version writes"),
        (b"<p>Trust me", "is not the one that this version writes"),
        (None, "no page to check it"),
    ):
        verdict = judged(lambda contents, page=page: replace(contents, page=page), tmp_path)
        assert verdict.accepted
        assert words in next(check.sentence for check in verdict.checks if check.name == "files")


# --- its arithmetic ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    with in_node(tmp_path_factory.mktemp("verifier")) as asked:
        yield asked


LENGTHS = (0, 1, 55, 56, 63, 64, 65, 111, 112, 119, 120, 127, 128, 1000)


@pytest.mark.parametrize("length", LENGTHS)
def test_its_digests_are_those_of_everybody(length: int, ask: Ask) -> None:
    data = bytes(n * n % 251 for n in range(length))
    assert ask("sha256", data) == hashlib.sha256(data).hexdigest()
    assert ask("sha256", data, length // 3, length // 2) == hashlib.sha256(data).hexdigest()
    assert ask("sha512", data) == hashlib.sha512(data).hexdigest()
    assert ask("crc32", data, length // 3) == zlib.crc32(data)


def test_its_digests_are_those_of_the_standards(ask: Ask) -> None:
    """FIPS 180-4's examples, and the check value of CRC-32."""
    assert ask("sha256", b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert ask("sha512", b"abc").startswith("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea2")
    assert ask("crc32", b"123456789", 0) == 0xCBF43926


RFC_8032 = [  # section 7.1: key, message, signature
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_ed25519_holds_as_rfc_8032_has_it(key: str, message: str, signature: str, ask: Ask) -> None:
    point, text, value = bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)
    assert ask("ed25519", point, value, text) is True
    assert ask("ed25519", point, value, text + b"x") is False
    for place in (0, 31, 32, 63):
        bent = bytearray(value)
        bent[place] ^= 1
        assert ask("ed25519", point, bytes(bent), text) is False
    s = int.from_bytes(value[32:], "little") + ORDER
    assert ask("ed25519", point, value[:32] + s.to_bytes(32, "little"), text) is False
    assert ask("ed25519", point, value[:-1], text) is False
    assert ask("ed25519", b"\xff" * 32, value, text) is False


@settings(max_examples=20, deadline=None)
@given(secret=st.binary(min_size=32, max_size=32), message=st.binary(max_size=300))
def test_ed25519_agrees_with_another(secret: bytes, message: bytes, ask: Ask) -> None:
    key = Ed25519PrivateKey.from_private_bytes(secret)
    assert ask("ed25519", key.public_key().public_bytes_raw(), key.sign(message), message) is True


def test_ecdsa_agrees_with_another(ask: Ask) -> None:
    signer = Signer()
    key, signature = (base64.urlsafe_b64decode(one + "==") for one in (signer.key, signer.sign(b"yes")))
    assert ask("p256", key, signature, b"yes") is True
    assert ask("p256", key, signature, b"no") is False
    assert ask("p256", key, bytes(32) + signature[32:], b"yes") is False
    assert ask("p256", key[:-1] + bytes([key[-1] ^ 1]), signature, b"yes") is False
    assert answers.holds(signer.key, signer.sign(b"yes"), b"yes")


@pytest.mark.parametrize("size", range(9))
def test_the_tree_has_the_roots_of_the_reference(size: int, ask: Ask) -> None:
    assert ask("root", *LEAVES[:size]) == ROOTS[size]


CANONICAL = [
    '{"\\r":1,"1":2,"\x80":3,"ö":4,"€":5,"😀":6,"\ufb33":7}',  # RFC 8785, 3.2.3, but for what is not in NFC
    '{"a":[null,true,false,0,-1,9007199254740991],"b":"\\b\\t\\n\\f\\r\\"\\\\/\\u0000\\u001f\x7f"}',
    '{"__proto__":1,"constructor":{"10":1,"2":2}}',
    "[" * 31 + "1" + "]" * 31,
    '""',
    "-5",
]
OTHER = [
    *("", " 1", "1 ", "01", "-0", "1.0", "1e2", "9007199254740992", "NaN", "tru", "{}x", "[1,]", '{"a":1,}'),
    *('{"b":1,"a":2}', '{"a":1,"a":1}', '"\\/"', '"\\u0041"', '"\\u001F"', '"\\u000a"', '"\\ud800"', '"\t"'),
    *('"e\u0301"', '{"e\u0301":1}', "[" * 32 + "1" + "]" * 32, "[" * 100_000, "'a'", "\ufeff1", '{"a" :1}'),
    '{"\ufb33":1,"😀":2}',  # in the order of code points, which is not that of UTF-16
]


@pytest.mark.parametrize("text", [*CANONICAL, *OTHER])
def test_canonical_json_is_read_as_we_read_it(text: str, ask: Ask) -> None:
    ours = read(text.encode())
    assert (ours is not None) == (text in CANONICAL and "\ufb33" not in text)
    assert ask("canonical", text.encode()) == ours


def read(data: bytes) -> str | None:
    try:
        tree.read_canonical(data)
    except Unverifiable:
        return None
    return data.decode()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**54), 2**54) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(value=VALUES, data=st.data())
def test_any_json_is_read_as_we_read_it(value: Any, data: st.DataObject, ask: Ask) -> None:
    try:
        text = tree.canonical(tree.normal(value))
    except Unverifiable:
        text = json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")
    place = data.draw(st.integers(0, len(text) - 1))
    for one in (text, text[:place] + data.draw(st.binary(max_size=2)) + text[place + 1 :]):
        assert ask("canonical", one) == read(one)


@pytest.mark.parametrize(
    "text",
    [
        *("2026-03-02T09:00:00.000Z", "2026-02-29T09:00:00.000Z", "2024-02-29T23:59:59.999Z"),
        *("2026-03-02T09:00:60.000Z", "2026-03-02T24:00:00.000Z", "2026-03-02T09:00:00.0000Z"),
        *("2026-03-02t09:00:00.000z", "2026-3-2T09:00:00.000Z", "0999-03-02T09:00:00.000Z", "x"),
        *("9999-12-31T23:59:59.999Z", "1000-01-01T00:00:00.000Z", "2026-03-02T09:00:00.000+00:00"),
    ],
)
def test_times_are_read_as_we_read_them(text: str, ask: Ask) -> None:
    try:
        ours = int(tree.instant(text).timestamp() * 1000)
    except Unverifiable:
        ours = None
    assert ask("instant", text.encode()) == ours
