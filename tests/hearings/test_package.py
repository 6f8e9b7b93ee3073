"""The writer: canonical bytes, and other people's tools agree with them."""

import bisect
import hashlib
import io
import json
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import bagit
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hearings import container, package, signatures
from hearings.errors import Refusal, Unverifiable
from hearings.verify import verify
from hearings.verify_seals import read_trust
from tests.hearings import records as r

TOOLS = ("unzip", "sha256sum", "openssl")


def test_bagit_finds_the_bag_whole(unpacked: Path) -> None:
    (folder,) = (path for path in unpacked.iterdir() if (path / "bagit.txt").exists())
    bag = bagit.Bag(str(folder))
    bag.validate()
    assert (bag.version, bag.info["External-Identifier"]) == ("1.0", f"urn:uuid:{folder.name}")
    path = folder / "data" / "README.txt"
    text = path.read_bytes()
    path.write_bytes(text + b".")
    try:
        assert not bag.is_valid()
    finally:
        path.write_bytes(text)


@pytest.mark.parametrize("tool", TOOLS)
def test_the_tools_that_must_agree_are_here(tool: str) -> None:
    assert shutil.which(tool), f"{tool} is needed to test packages"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    (folder / "record.asice").write_bytes(r.good())
    run(folder, "unzip", "-q", "record.asice", "-d", "all")
    return folder / "all"


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_unzip_finds_no_fault(tmp_path: Path) -> None:
    (tmp_path / "record.asice").write_bytes(r.good())
    assert "No errors detected" in run(tmp_path, "unzip", "-t", "record.asice")


def test_python_reads_the_same_files() -> None:
    with zipfile.ZipFile(io.BytesIO(r.good())) as ours:
        assert ours.testzip() is None
        assert ours.namelist()[0] == "mimetype"
        assert ours.read("mimetype") == b"application/vnd.etsi.asic-e+zip"
        names = ours.namelist()
        assert names[-2:] == ["META-INF/ASiCManifest001.xml", "META-INF/signature001.p7s"]
        assert names[1:-2] == sorted(names[1:-2])
        assert {item.compress_type for item in ours.infolist()} == {zipfile.ZIP_STORED}
        assert {ours.read(f"{r.HEARING}/{path}") for path in ("bagit.txt",)} == {container.BAGIT}


def test_the_mimetype_stands_where_file_managers_look() -> None:
    assert r.good()[30:69] == b"mimetype" + container.MIMETYPE


def test_sha256sum_agrees_with_both_manifests(unpacked: Path) -> None:
    bag = unpacked / str(r.HEARING)
    listed = run(bag, "sha256sum", "--strict", "-c", "manifest-sha256.txt").splitlines()
    assert len(listed) == sum(path.is_file() for path in (bag / "data").rglob("*"))
    assert run(bag, "sha256sum", "--strict", "-c", "tagmanifest-sha256.txt").count(": OK") == 3


@pytest.mark.parametrize(
    ("seal", "content"),
    [
        ("META-INF/signature001.p7s", "META-INF/ASiCManifest001.xml"),
        (f"{r.HEARING}/data/journal/checkpoint.court.p7s", f"{r.HEARING}/data/journal/checkpoint.txt"),
        (f"{r.HEARING}/data/trust/log-key.court.p7s", f"{r.HEARING}/data/trust/log-key.json"),
    ],
)
def test_openssl_agrees_with_every_seal(seal: str, content: str, unpacked: Path) -> None:
    words = [
        "openssl",
        "cms",
        "-verify",
        "-cades",
        "-binary",
        "-inform",
        "DER",
        "-in",
        seal,
        "-content",
        content,
    ]
    words += ["-CAfile", f"{r.HEARING}/data/trust/certs/root.pem", "-purpose", "any", "-out", "/dev/null"]
    run(unpacked, *words, "-attime", str(int(r.NOW.timestamp())))


def test_the_commands_of_the_readme_are_right(unpacked: Path) -> None:
    bag = unpacked / str(r.HEARING)
    text = (bag / "data/README.txt").read_text().replace("\\\n", " ")
    commands = [
        line.strip() for line in text.splitlines() if line.startswith(("    sha256sum", "    openssl"))
    ]
    assert len(commands) == 5
    for command in commands:
        then = f" -attime {int(r.NOW.timestamp())}" if " cms " in command else ""
        run(bag, "bash", "-o", "pipefail", "-c", command + then)
    shown = run(bag, "bash", "-o", "pipefail", "-c", commands[-1])
    assert signatures.fingerprint(r.court().certificate) in shown.lower().replace(":", "")


def test_the_readme_says_what_this_cannot_show(unpacked: Path) -> None:
    text = (unpacked / str(r.HEARING) / "data/README.txt").read_text()
    assert "What this cannot show" in text
    assert "shorter record" in text
    assert "AB 12/2026" in text
    assert not any(line == "" for line in text.splitlines())


def test_the_same_contents_under_the_same_seals_are_the_same_bytes_but_for_the_signatures() -> None:
    contents = r.draft().contents()
    one, other = r.parts(r.sealed(contents)), r.parts(r.sealed(contents))
    assert {path for path in one if one[path] != other[path]} <= {
        "data/journal/checkpoint.court.p7s",
        "data/trust/log-key.court.p7s",
        "bag-info.txt",  # a signature in DER may be a byte longer
        "manifest-sha256.txt",
        "tagmanifest-sha256.txt",
    }


def test_what_was_sealed_before_is_not_sealed_again() -> None:
    contents = r.draft().contents()
    full = r.parts(r.sealed(contents))
    seals = {
        "log_key_seal": full["data/trust/log-key.court.p7s"],
        "checkpoint_seal": full["data/journal/checkpoint.court.p7s"],
    }
    again = r.parts(r.sealed(replace(contents, **seals), seal=r.court("Prosecutor General")))
    same = {path for path in full if path.startswith(("data/journal/", "data/media/", "data/minutes/"))}
    assert all(full[path] == again[path] for path in same)
    assert full["data/trust/log-key.court.p7s"] == again["data/trust/log-key.court.p7s"]


def test_the_writer_never_seeks_and_takes_files_and_streams(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:
            self.data += bytes(data)
            return len(data)

    contents = r.draft().contents()
    on_disk = {}
    for number, (path, data) in enumerate(contents.media.items()):
        assert isinstance(data, bytes)
        file = tmp_path / path.rpartition("/")[2]
        file.write_bytes(data)
        on_disk[path] = file if number % 2 else (lambda data=data: io.BytesIO(data))
    out = Pipe()
    package.write(out, replace(contents, media=on_disk), seal=r.court(), at=r.at(3_600_000))
    path = tmp_path / "record.asice"
    path.write_bytes(out.data)
    assert verify(path, trust=r.trust(), head=None, at=r.NOW).accepted


def test_a_recording_that_changes_meanwhile_makes_no_package() -> None:
    contents = r.draft().contents()
    readings = iter([b"first", b"other"])
    media = {**contents.media, f"data/media/{r.AUDIO}-1.webm": lambda: io.BytesIO(next(readings))}
    with pytest.raises(Refusal, match="changed"):
        r.sealed(replace(contents, media=media))


def test_a_recording_is_read_twice_and_no_more() -> None:
    contents = r.draft().contents()
    opened: list[int] = []

    def source() -> io.BytesIO:
        opened.append(1)
        return io.BytesIO(b"same")

    r.sealed(replace(contents, media={**contents.media, f"data/media/{r.AUDIO}-1.webm": source}))
    assert len(opened) == 2


@pytest.mark.parametrize(
    "path", ["data/media/odd name.webm", "data/other.txt", "data/../x", "data/minutes/x.pdf"]
)
def test_what_the_layout_has_no_place_for_makes_no_package(path: str) -> None:
    contents = r.draft().contents()
    with pytest.raises(Unverifiable):
        r.sealed(replace(contents, media={**contents.media, path: b"x"}))


def test_the_log_key_says_what_must_be_there() -> None:
    contents = replace(r.draft().contents(), timestamps=True, cosigners=[r.cosigner("peer")], quorum=1)
    said = json.loads(package.log_key(contents))
    assert said == {
        "v": 1,
        "hearing": r.URN,
        "origin": r.ORIGIN,
        "vkey": r.vkey(),
        "timestamps": True,
        "cosigners": [r.cosigner("peer")],
        "quorum": 1,
    }


def test_a_trust_file_lists_the_seal_and_what_else_is_given() -> None:
    head = r.checkpoint([b"x"])
    made = package.trust(
        r.court(), log_keys=[r.vkey()], cosigners=[r.cosigner("peer")], quorum=1, heads=[head],
        timestamp_roots=[r.court().root],
    )  # fmt: skip
    read = read_trust(made)
    assert [one.certificate for one in read.courts] == [r.court().certificate]
    assert read.courts[0].roles == {"seal", "release"}
    assert (read.log_keys, read.cosigners, read.quorum) == ((r.vkey(),), (r.cosigner("peer"),), 1)
    assert read.timestamp_roots == (r.court().root,)
    assert [one.size for one in read.heads] == [1]
    assert r.court().certificate.public_bytes(Encoding.PEM).decode() in json.loads(made)["courts"][0]["cert"]


# --- ZIP64 -------------------------------------------------------------------------------------


class Sparse(io.RawIOBase):
    """A file of zeros as long as one likes, without a byte in memory."""

    def __init__(self, parts: list[tuple[int, bytes]], length: int) -> None:
        self._parts, self._length, self._place = parts, length, 0
        self._starts = [start for start, _ in parts]

    def seek(self, place: int, whence: int = 0) -> int:
        self._place = place if whence == 0 else self._length + place
        return self._place

    def read(self, size: int = -1) -> bytes:
        end = self._length if size < 0 else min(self._length, self._place + size)
        data = bytearray(max(0, end - self._place))
        first = max(0, bisect.bisect(self._starts, self._place) - 1)
        for start, part in self._parts[first : bisect.bisect_left(self._starts, end)]:
            low, high = max(start, self._place), min(start + len(part), end)
            if low < high:
                data[low - self._place : high - self._place] = part[low - start : high - start]
        self._place = end
        return bytes(data)


def sparse(sizes: list[int]) -> tuple[Sparse, list[container.Entry]]:
    place, parts, entries = 0, [], []
    for number, size in enumerate(sizes):
        entry = container.Entry(f"file{number}", size, 0, place)
        parts.append((place, container.local_header(entry)))
        entries.append(entry)
        place += len(parts[-1][1]) + size
    parts.append((place, container.directory(entries, place)))
    return Sparse(parts, place + len(parts[-1][1])), entries


@pytest.mark.parametrize(
    "sizes",
    [
        [10],
        [2**32 - 2, 5],
        [2**32 - 1, 5],
        [2**32, 5],
        [5, 2**33, 7],
        [2**31, 2**31, 2**31],
        [0] * 65_534,
        [0] * 65_535,
    ],
)
def test_large_files_and_many_files_are_read_back(sizes: list[int]) -> None:
    file, entries = sparse(sizes)
    assert container.entries_of(file) == entries  # type: ignore[arg-type]


@pytest.mark.parametrize("sizes", [[2**32 - 2, 5], [2**32 - 1, 5], [5, 2**33, 7], [0] * 65_535])
def test_python_reads_the_zip64_directory(sizes: list[int]) -> None:
    file, entries = sparse(sizes)
    file.seekable = lambda: True  # type: ignore[method-assign]
    file.tell = lambda: file._place  # type: ignore[method-assign]
    with zipfile.ZipFile(file) as theirs:  # type: ignore[arg-type]
        found = [(one.filename, one.file_size, one.header_offset) for one in theirs.infolist()]
    assert found == [(one.name, one.size, one.offset) for one in entries]


def test_zip64_fields_hold_only_what_does_not_fit() -> None:
    file, entries = sparse([5, 2**33, 7])
    assert [container._version(one) for one in entries] == [20, 45, 45]
    assert [len(container._central_field(one)) for one in entries] == [0, 20, 12]
    assert [len(container.local_header(one)) - 30 - 5 for one in entries] == [0, 20, 0]
    assert file.read(4) == b"PK\x03\x04"


def test_digests_are_those_of_the_files(unpacked: Path) -> None:
    bundle = container.Bundle(io.BytesIO(r.good()))
    for path in bundle.paths:
        data = (unpacked / str(r.HEARING) / path).read_bytes()
        assert bundle.sha256(path) == hashlib.sha256(data).hexdigest()
        assert (bundle.size(path), bundle.read(path)) == (len(data), data)
