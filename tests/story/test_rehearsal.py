"""The rehearsal as its user runs it: one command, then the package judged by us and by others."""

import datetime as dt
import json
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hearings import verify
from hearings.tree import read_canonical, read_disclosure
from tests.media.extract import write_ivf, write_ogg
from tests.story.telling import verified, verify_command

SECONDS = 18
FLIPS = 500
TOOLS = ("ffmpeg", "ffprobe", "unzip", "sha256sum", "openssl")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rehearsal")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "frontend.command", "rehearse"),
            *("--out", str(out), "--seconds", str(SECONDS), "--participants", "4"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.splitlines()[-1])
    assert path.parent == out
    return path


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    run("unzip", "-q", str(package), "-d", str(folder))
    (bag,) = (one for one in folder.iterdir() if one.is_dir() and one.name != "META-INF")
    return bag


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_tools_of_others_are_here() -> None:
    assert [tool for tool in TOOLS if shutil.which(tool) is None] == []


def test_the_verifier_accepts_it(package: Path) -> None:
    assert verified(package).accepted
    told = verify_command(package, "--trust", package.parent / "trust.json")
    assert told.returncode == 0, told.stdout


def test_others_accept_it(package: Path, unpacked: Path) -> None:
    run("unzip", "-tq", str(package))
    run("sha256sum", "-c", "--quiet", "manifest-sha256.txt", cwd=unpacked)
    run("sha256sum", "-c", "--quiet", "tagmanifest-sha256.txt", cwd=unpacked)
    for signed, seal in (
        (unpacked / "data/journal/checkpoint.txt", unpacked / "data/journal/checkpoint.court.p7s"),
        (unpacked / "data/trust/log-key.json", unpacked / "data/trust/log-key.court.p7s"),
        (unpacked.parent / "META-INF/ASiCManifest001.xml", unpacked.parent / "META-INF/signature001.p7s"),
    ):
        run(
            *("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any"),
            *("-in", str(seal), "-content", str(signed), "-out", "/dev/null"),
            *("-CAfile", str(unpacked / "data/trust/certs/root.pem")),
        )


def test_the_person_heard_can_be_heard_and_seen_by_others(unpacked: Path, tmp_path: Path) -> None:
    handle = handle_of_the_person_heard(unpacked)
    write_ogg(unpacked / f"data/media/{handle}-audio-1.pcapng", tmp_path / "heard.ogg")
    write_ivf(unpacked / f"data/media/{handle}-camera-1.pcapng", tmp_path / "seen.ivf")

    sound = decoded(tmp_path / "heard.ogg", "-f", "s16le", "-ac", "1", "-ar", "8000")
    picture = decoded(tmp_path / "seen.ivf", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "32x24")
    samples = [abs(one) for one in memoryview(sound).cast("h")]
    frames = [picture[at : at + 32 * 24] for at in range(0, len(picture), 32 * 24)]

    assert len(samples) / 8000 >= 15
    assert sum(samples) / len(samples) > 300, "it is sound, not silence"
    assert len(frames) / 15 >= 15
    assert len(set(frames)) > 20, "it moves"


def handle_of_the_person_heard(bag: Path) -> str:
    leaves = (bag / "data/journal/leaves.jsonl").read_bytes().splitlines()
    for line in (bag / "data/journal/disclosures.jsonl").read_text().splitlines():
        row = json.loads(line)
        if ("role", "heard") in [read_disclosure(item) for item in row["d"]]:
            return str(read_canonical(leaves[row["seq"]])["participant"])
    raise AssertionError("nobody was heard")


def decoded(media: Path, *form: str) -> bytes:
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-xerror", "-i", str(media), *form, "-"],
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert not done.stderr, done.stderr.decode()
    return done.stdout


def test_five_hundred_flipped_bytes_are_each_refused_with_a_reason(package: Path, tmp_path: Path) -> None:
    trust = (package.parent / "trust.json").read_bytes()
    altered = tmp_path / package.name
    shutil.copy(package, altered)
    size = package.stat().st_size
    chance = random.Random(2026)
    now = dt.datetime.now(dt.UTC)
    with altered.open("r+b", buffering=0) as file:
        for at in chance.sample(range(size), FLIPS):
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ chance.randint(1, 255)]))
            verdict = verify.verify(altered, trust=trust, head=None, at=now)
            assert not verdict.accepted, at
            assert verdict.sentence, at
            file.seek(at)
            file.write(bytes([byte]))
    assert verify.verify(altered, trust=trust, head=None, at=now).accepted


def test_the_package_is_one_zip_that_anybody_opens(package: Path) -> None:
    with zipfile.ZipFile(package) as opened:
        names = opened.namelist()
    assert names[0] == "mimetype"
    assert any(name.endswith("data/minutes/requested.pdf") for name in names)
    assert any(name.endswith("README.txt") for name in names)
