"""Canonical bytes, the tree, disclosures and checkpoints against published vectors."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from hearings import tree
from hearings.errors import Unverifiable

# The leaves and roots of the reference implementation of RFC 6962 (certificate-transparency, merkle tree tests).
LEAVES = [bytes.fromhex(x) for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_the_reference(size: int) -> None:
    assert tree.Tree(tree.leaf_hash(leaf) for leaf in LEAVES[:size]).root().hex() == ROOTS[size]


def recursive_root(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + recursive_root(hashes[:split]) + recursive_root(hashes[split:])).digest()


def verified(old: int, new: int, proof: list[bytes], old_root: bytes, new_root: bytes) -> bool:
    """RFC 9162 section 2.1.4.2, word for word."""
    if old == new:
        return not proof and old_root == new_root
    if not proof:
        return False
    path = ([old_root] if old & (old - 1) == 0 else []) + proof
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for item in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = tree.node_hash(item, fr), tree.node_hash(item, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = tree.node_hash(sr, item)
        fn, sn = fn >> 1, sn >> 1
    return (fr, sr, sn) == (old_root, new_root, 0)


def test_every_root_and_consistency_proof_up_to_40_leaves_holds() -> None:
    hashes = [tree.leaf_hash(b"%d" % number) for number in range(40)]
    roots = [tree.Tree(hashes[:size]).root() for size in range(41)]
    assert roots == [recursive_root(hashes[:size]) for size in range(41)]
    for new in range(1, 41):
        for old in range(1, new + 1):
            proof = tree.consistency(hashes[:new], old)
            assert verified(old, new, proof, roots[old], roots[new])
            assert not verified(old, new, proof, roots[old - 1], roots[new])


# The proofs of the same reference implementation, over LEAVES.
PROOFS = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


@pytest.mark.parametrize(("old", "new"), PROOFS)
def test_the_proofs_are_those_of_the_reference_and_hold(old: int, new: int) -> None:
    proof = [bytes.fromhex(one) for one in PROOFS[old, new]]
    roots = bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new])
    assert tree.consistency([tree.leaf_hash(leaf) for leaf in LEAVES[:new]], old) == proof
    assert tree.verify_consistency(old, new, proof, *roots)
    assert not tree.verify_consistency(old, new, [*proof, roots[0]], *roots)
    assert not tree.verify_consistency(old, new, proof, roots[1], bytes(32))
    if proof:
        assert not tree.verify_consistency(old, new, proof[:-1], *roots)
        assert not tree.verify_consistency(old, new, [*proof[1:], proof[0]], *roots)
        assert not tree.verify_consistency(new, old, proof, *reversed(roots))


def test_nothing_is_continued_by_everything_and_needs_no_proof() -> None:
    assert tree.verify_consistency(0, 5, [], tree.EMPTY_ROOT, bytes(32))
    assert tree.verify_consistency(0, 0, [], tree.EMPTY_ROOT, tree.EMPTY_ROOT)
    assert not tree.verify_consistency(0, 0, [], tree.EMPTY_ROOT, bytes(32))
    assert not tree.verify_consistency(0, 5, [bytes(32)], tree.EMPTY_ROOT, bytes(32))
    assert not tree.verify_consistency(0, 5, [], bytes(32), bytes(32))
    assert not tree.verify_consistency(-1, 5, [bytes(32)], bytes(32), bytes(32))


@given(st.data())
def test_what_the_prover_proves_holds_and_nothing_else(data: st.DataObject) -> None:
    """Against RFC 9162's own words, whatever is done to the proof."""
    new = data.draw(st.integers(1, 200))
    old = data.draw(st.integers(1, new))
    hashes = [tree.leaf_hash(b"%d" % number) for number in range(new)]
    roots = tree.Tree(hashes[:old]).root(), tree.Tree(hashes).root()
    proof = tree.consistency(hashes, old)
    assert tree.verify_consistency(old, new, proof, *roots)
    forked = data.draw(st.integers(0, old - 1))
    other = tree.Tree([*hashes[:forked], bytes(32), *hashes[forked + 1 :]]).root()
    assert not tree.verify_consistency(old, new, proof, roots[0], other)
    changed = list(proof)
    match data.draw(st.sampled_from(["drop", "add", "flip", "swap", "sizes"])):
        case "drop" if proof:
            changed.pop(data.draw(st.integers(0, len(proof) - 1)))
        case "add":
            changed.insert(
                data.draw(st.integers(0, len(proof))), data.draw(st.sampled_from([*roots, bytes(32)]))
            )
        case "flip" if proof:
            at = data.draw(st.integers(0, len(proof) - 1))
            changed[at] = bytes([changed[at][0] ^ 1]) + changed[at][1:]
        case "swap":
            changed.reverse()
        case _:
            old = data.draw(st.integers(1, new))
    if old < new:
        assert tree.verify_consistency(old, new, changed, *roots) == verified(old, new, changed, *roots)
    if changed != proof:
        assert not tree.verify_consistency(old, new, changed, *roots)


@pytest.mark.parametrize("old", [0, 4, -1])
def test_a_proof_needs_an_older_tree_within(old: int) -> None:
    with pytest.raises(ValueError, match="older"):
        tree.consistency([b"a", b"b", b"c"], old)


def test_the_published_note_of_the_go_checksum_database_verifies() -> None:
    """golang.org/x/mod/sumdb/note, the example of its documentation."""
    vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    text = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    name, key_id, key = tree.public_key(vkey)
    raw = base64.b64decode(line)
    assert (name, key_id) == ("PeterNeumann", raw[:4])
    key.verify(raw[4:], text)
    assert tree.verifier_key(name, key) == vkey


def test_the_published_disclosure_has_its_digest() -> None:
    """RFC 9901, section 4.2.3."""
    disclosure = "WyI2cU1RdlJMNWhhaiIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    assert tree.disclosure_digest(disclosure) == "uutlBuYeMDyjLLTpf6Jxi7yNkEF35jdyWMn9U7b_RYY"


# --- canonical JSON ----------------------------------------------------------------------------


def test_the_published_order_of_names() -> None:
    """RFC 8785 section 3.2.3: names sort by UTF-16 code units."""
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\u00f6": 7}
    written = tree.canonical(
        tree.normal({name: number for name, number in value.items() if name != "\ufb33"})
    )
    assert list(json.loads(written).values()) == [2, 4, 6, 7, 1, 5]


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), 2**53, -(2**53), "u\u0308", {"u\u0308": 1}, "\ud800", b"x", {1: 2}, object()],
)
def test_what_is_outside_of_the_profile_is_refused(value: object) -> None:
    with pytest.raises(Unverifiable):
        tree.canonical(value)


def test_the_depth_is_limited() -> None:
    def nested(depth: int) -> object:
        return [nested(depth - 1)] if depth > 1 else []

    tree.canonical(nested(32))
    with pytest.raises(Unverifiable):
        tree.canonical(nested(33))


@pytest.mark.parametrize(
    "data",
    [
        *(
            b'{"a": 1}',
            b'{"b":1,"a":2}',
            b'{"a":1,"a":1}',
            b'"\\u0061"',
            b"1.0",
            b"1e0",
            b"-0",
            b" 1",
            b"1\n",
        ),
        *(
            b"\xef\xbb\xbf1",
            b"\xff",
            b"",
            b"[" * 100_000,
            b"1" * 5000,
            b"NaN",
            "1".encode("utf-16"),
            b'"u\xcc\x88"',
        ),
    ],
)
def test_json_that_is_not_canonical_is_refused(data: bytes) -> None:
    with pytest.raises(Unverifiable):
        tree.read_canonical(data)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_is_written_is_read_again(value: object) -> None:
    normal = tree.normal(value)
    assert tree.read_canonical(tree.canonical(normal)) == normal


# --- times -------------------------------------------------------------------------------------


def test_times_are_utc_with_three_decimals() -> None:
    moment = datetime(2026, 3, 2, 10, 0, 0, 123_999, tzinfo=timezone(timedelta(hours=1)))
    assert tree.stamp(moment) == "2026-03-02T09:00:00.123Z"
    assert tree.instant("2026-03-02T09:00:00.123Z") == datetime(2026, 3, 2, 9, 0, 0, 123_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("2026-03-02T09:00:00Z", "2026-03-02T09:00:00.12Z", "2026-03-02T09:00:00.123456Z", "", "now"),
        *("2026-03-02T09:00:60.000Z", "2026-03-02 09:00:00.000Z", "2026-03-02T09:00:00.000+00:00"),
        *("2026-02-29T09:00:00.000Z", "2026-3-2T9:00:00.000Z", "2026-03-02T09:00:00.000z"),
    ],
)
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(Unverifiable):
        tree.instant(text)


# --- leaves ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("members", "digests"), [(0, 4), (1, 4), (3, 4), (4, 8), (7, 8), (8, 12)])
def test_a_leaf_hides_how_many_members_it_has(members: int, digests: int) -> None:
    leaf = tree.write_leaf({"v": 1}, {f"m{number}": number for number in range(members)})
    concealed = json.loads(leaf.data)["_sd"]
    assert len(concealed) == len(set(concealed)) == digests
    assert concealed == sorted(concealed)
    assert all(len(base64.urlsafe_b64decode(digest + "=")) == 32 for digest in concealed)
    assert len(leaf.disclosures) == (members + 1 if members else 0)
    assert {tree.disclosure_digest(one) for one in leaf.disclosures} <= set(concealed)


def test_a_leaf_names_its_members_and_is_never_the_same_twice() -> None:
    one, other = (tree.write_leaf({"v": 1}, {"b": "u\u0308", "a": 1}) for _ in range(2))
    read = dict(tree.read_disclosure(item) for item in one.disclosures)
    assert read == {"a": 1, "b": "\u00fc", "names": ["a", "b"]}
    assert set(one.disclosures).isdisjoint(other.disclosures)
    assert one.data != other.data
    assert b"\xc3\xbc" not in one.data


# --- checkpoints -------------------------------------------------------------------------------

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VKEY = tree.verifier_key("vivavoce/x", KEY.public_key())
NOTE = tree.checkpoint("vivavoce/x", tree.Tree([tree.leaf_hash(b"a")]), KEY)


def test_a_checkpoint_has_fixed_bytes() -> None:
    root = base64.b64encode(hashlib.sha256(b"\x00a").digest()).decode()
    text, _, line = NOTE.decode().partition("\n\n")
    assert text == f"vivavoce/x\n1\n{root}"
    assert line.startswith("— vivavoce/x ")
    assert line.endswith("\n")
    key_id = hashlib.sha256(b"vivavoce/x\n\x01" + KEY.public_key().public_bytes_raw()).digest()[:4]
    assert VKEY.split("+")[1] == key_id.hex()
    raw = base64.b64decode(line.split(" ")[2])
    assert raw[:4] == key_id
    KEY.public_key().verify(raw[4:], f"{text}\n".encode())


def test_a_checkpoint_is_read_as_it_was_written() -> None:
    read = tree.read_checkpoint(NOTE)
    assert (read.origin, read.size, read.root) == ("vivavoce/x", 1, tree.leaf_hash(b"a"))
    assert tree.signed_by(read, VKEY)
    other = tree.verifier_key("vivavoce/x", Ed25519PrivateKey.generate().public_key())
    assert not tree.signed_by(read, other)


def changed(old: bytes, new: bytes) -> bytes:
    assert old in NOTE
    return NOTE.replace(old, new)


@pytest.mark.parametrize(
    "note",
    [
        *(b"", b"\n", b"\n\n", b"x" * 70_000, NOTE[:-1], NOTE + b"\n", NOTE + b"x\n", b"\xff" + NOTE),
        changed(b"\n1\n", b"\n01\n"),
        changed(b"\n1\n", b"\n-1\n"),
        changed(b"\n1\n", b"\n1_0\n"),
        changed(b"\n1\n", "\n١\n".encode()),
        changed(b"\n1\n", b"\n" + b"1" * 9999 + b"\n"),
        changed(b"\n\n", b"\nextension\n\n"),
        changed(b"=\n\n", b"\n\n"),
        changed("— ".encode(), b"- "),
        changed("— ".encode(), "—  ".encode()),
        NOTE.replace(b"\n", b"\r\n"),
    ],
)
def test_other_notes_are_no_checkpoints(note: bytes) -> None:
    with pytest.raises(Unverifiable):
        tree.read_checkpoint(note)


@given(st.integers(0, len(NOTE) - 1), st.integers(0, 7))
def test_a_bit_that_is_flipped_is_found(place: int, bit: int) -> None:
    note = bytearray(NOTE)
    note[place] ^= 1 << bit
    try:
        read = tree.read_checkpoint(bytes(note))
    except Unverifiable:
        return
    assert not tree.signed_by(read, VKEY)


@pytest.mark.parametrize(
    "vkey",
    [
        *("", "a+b", "a+00000000+", VKEY + "=", VKEY.upper(), VKEY.replace("+A", "+B"), "x" + VKEY),
        VKEY.replace(VKEY.split("+")[1], VKEY.split("+")[1].upper()) + " ",
        VKEY.replace(VKEY.split("+")[1], " ".join(bytes.fromhex(VKEY.split("+")[1]).hex(" ").split())),
    ],
)
def test_other_texts_are_no_keys(vkey: str) -> None:
    with pytest.raises(Unverifiable):
        tree.public_key(vkey)
