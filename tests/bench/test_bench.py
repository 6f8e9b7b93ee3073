"""The benchmark itself runs: otherwise it would be found broken on the day its figures are wanted."""

import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "media")]

import janus  # noqa: E402
import parts  # noqa: E402
from served import Relay  # noqa: E402


async def test_the_load_reaches_every_listener_of_a_real_worker():
    cost = await parts.cost(Relay, 2, 3, 0.5)
    assert cost.expected > 0
    assert cost.lost == cost.ended == 0
    assert cost.each > 0


async def test_a_hearing_of_six_is_measured_off_the_record_and_on():
    run = await parts.recording(0.5)
    assert 0 < run.off < run.on * 2


def test_what_recording_costs_is_told_of_a_record_that_verifies():
    told = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "recording.py"), "--seconds", "40"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told.count("CPU s") == 5
    assert "verification of" in told


def test_what_the_paper_costs_is_told():
    told = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).parent / "minutes.py"),
            "--entries",
            "40",
            "--languages",
            "fr,ar",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told.startswith("fr+ar")
    assert "CPU s" in told


def test_what_is_killed_loses_at_most_a_segment_of_each_track():
    told = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "kills.py"), "--kills", "3", "--seed", "7"],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.endswith("as it must be\n")
    assert {line.split()[1] for line in told.stdout.splitlines() if line[:4].strip().isdigit()} >= {
        "worker",
        "web",
        "both",
    }


def test_the_same_clients_open_for_other_servers():
    assert janus.FullClient("127.0.0.1").controls


async def test_the_floor_is_measured_with_the_relays_own_keys():
    floor = await parts.floor()
    assert floor.both > floor.protect > 0
