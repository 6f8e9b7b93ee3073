"""What the house says of itself is true: arrows, tables, settings, sentences."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

from sqlmodel import SQLModel

from frontend import settings
from hearings.events import KINDS
from media import control, signalling

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "ARCHITECTURE.md").read_text()


def section(title: str) -> dict[str, str]:
    """The table below a heading that begins so: first column to second."""
    body = TEXT.split(f"## Frozen: {title}", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in body.splitlines() if line.startswith("| ")][1:]
    return {row[0].strip(): row[1].strip() for row in rows}


def test_the_arrows_point_one_way() -> None:
    checked = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_the_leaf_types_are_as_frozen() -> None:
    told = section("leaf types")
    assert [name.removesuffix(" †") for name in told] == list(KINDS)
    for name, members in told.items():
        kind = KINDS[name.removesuffix(" †")]
        fields = {field.alias or key for key, field in kind.model_fields.items() if key != "participant"}
        listed = members.split(", ")
        assert {one.removesuffix("?") for one in listed} == fields, name
        assert {one for one in listed if not one.endswith("?")} == kind.names(), name
        assert name.endswith("†") == kind.about_someone()


def messages(union: Any) -> dict[str, set[str]]:
    """Each message of a union by its tag, with its members."""
    told = {}
    for message in get_args(get_args(union)[0]):
        tag = "type" if "type" in message.model_fields else "fact"
        told[message.model_fields[tag].default] = set(message.model_fields) - {"type", "fact"}
        if tag == "type" and "fact" in message.model_fields:
            told[message.model_fields[tag].default].discard("fact")
    return told


def listed(cell: str) -> dict[str, set[str]]:
    return {
        name: set(filter(None, members.split(", ")))
        for name, members in re.findall(r"([a-z-]+)\{([^}]*)\}", cell)
    }


def test_the_control_messages_are_as_frozen() -> None:
    told = section("control messages")
    assert listed(told["to the worker"]) == messages(control.ToWorker)
    assert listed(told["from the worker"]) == messages(control.FromWorker)
    assert listed(told["facts in a report"]) == messages(control.Fact)


def test_the_signalling_messages_are_as_frozen() -> None:
    told = section("signalling messages")
    assert listed(told["from the page"]) == messages(signalling.FromPage)
    assert listed(told["to the page"]) == messages(signalling.ToPage)


def test_the_tables_are_as_frozen() -> None:
    told = {name: columns.split(", ") for name, columns in section("tables").items()}
    tables = {
        table.name: [column.name for column in table.columns] for table in SQLModel.metadata.sorted_tables
    }
    assert told == tables


def test_every_setting_is_explained() -> None:
    explained = set(re.findall(r"\| VIVAVOCE_([A-Z_]+) \|", settings.__doc__ or ""))
    assert explained == {name.upper() for name in settings.Settings.model_fields}


def test_settings_are_read_in_one_place() -> None:
    readers = [
        path.name
        for folder in ("consent", "scheduling", "media", "hearings", "frontend")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"os\.environ|getenv", path.read_text())
    ]
    assert sorted(readers) == ["rehearse.py", "settings.py"], "rehearse only hands its own on to the service"


def test_what_is_explained_is_short() -> None:
    """The frozen lists after it are as long as they must be."""
    assert len(TEXT.partition("## Frozen")[0].splitlines()) < 100
