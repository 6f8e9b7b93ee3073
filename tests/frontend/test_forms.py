"""Forms of plain HTML come through the doors of JSON; what was typed is never lost; a form is taken once."""

import asyncio
import os
import re
import time
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.forms import Presses, local, nested
from frontend.kept import Drawer, File, Kept
from frontend.rehearse import PASSWORD, Court, Hearing
from frontend.visitor import Visitor
from hearings import servicekey

PAGE = {"accept": "text/html"}
here = pytest.mark.asyncio(loop_scope="session")


# --- names to trees


def test_names_are_paths():
    fields = [("matter", "a"), ("people.1.name", "B"), ("people.0.name", "A"), ("deadline.wall", "x")]
    assert nested(fields) == {
        "matter": "a",
        "people": [{"name": "A"}, {"name": "B"}],
        "deadline": {"wall": "x"},
    }


def test_a_file_and_what_was_said_of_it_are_one_item():
    fields: list[tuple[str, Any]] = [("documents.0.kind", "letter"), ("documents.0", {"name": "a.pdf"})]
    assert nested(fields) == {"documents": [{"kind": "letter", "name": "a.pdf"}]}


@given(st.lists(st.tuples(st.text(alphabet="ab.01", max_size=12), st.text(max_size=3))))
def test_no_form_breaks_the_reading(fields: list[tuple[str, str]]):
    assert isinstance(nested(fields), dict)


@given(st.text(max_size=40))
def test_a_browser_is_sent_to_this_service_only(page: str):
    to = local(page)
    assert to.startswith("/")
    assert not to.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    "page", ["//evil.example", "https://evil.example/", "/\\evil.example", "", "x", "/a\r\nb"]
)
def test_another_address_becomes_the_front_page(page: str):
    assert local(page) == "/"


# --- the drawer


def test_what_is_kept_is_found_by_the_same_browser_alone(tmp_path: Path):
    drawer = Drawer(tmp_path / "kept", servicekey.at(tmp_path / "key"))
    kept = Kept(
        form="f", typed={"a": "b"}, files={"d.0": File(name="l.pdf", media_type="a/b", content="eA==")}
    )
    token = drawer.put("one browser", kept)
    assert drawer.get("one browser", token) == kept
    assert drawer.get("another", token) is None
    for wrong in ("", "nothing", "../key", "a/b", token[:-1]):
        assert drawer.get("one browser", wrong) is None


def test_nothing_is_kept_in_the_clear(tmp_path: Path):
    drawer = Drawer(tmp_path / "kept", servicekey.at(tmp_path / "key"))
    token = drawer.put("b", Kept(typed={"a": "Witness A was there"}))
    assert b"Witness" not in (tmp_path / "kept" / token).read_bytes()


def test_the_drawer_is_swept(tmp_path: Path):
    import os

    drawer = Drawer(tmp_path / "kept", servicekey.at(tmp_path / "key"))
    old, new = drawer.put("b", Kept(form="old")), drawer.put("b", Kept(form="new"))
    os.utime(tmp_path / "kept" / old, (0, 0))
    drawer.sweep()
    assert drawer.get("b", old) is None
    assert drawer.get("b", new) == Kept(form="new")


# --- presses


async def test_a_second_press_waits_and_goes_where_the_first_went(tmp_path: Path):
    """Also where it came to another process."""
    presses = Presses(tmp_path)
    assert await presses.begin("copy") is None
    second = asyncio.ensure_future(Presses(tmp_path).begin("copy"))
    await asyncio.sleep(0)
    assert not second.done()
    presses.end("copy", "/there")
    assert await second == "/there"
    assert await presses.begin("copy") == "/there"


async def test_after_a_refusal_the_same_copy_can_be_tried_again(tmp_path: Path):
    presses = Presses(tmp_path)
    assert await presses.begin("copy") is None
    second = asyncio.ensure_future(presses.begin("copy"))
    await asyncio.sleep(0)
    presses.end("copy", None)
    assert await second is None


async def test_what_a_killed_process_left_open_is_forgotten_after_a_minute(tmp_path: Path):
    presses = Presses(tmp_path)
    assert await presses.begin("copy") is None
    put_back(tmp_path, seconds=61)
    assert await presses.begin("copy") is None


def put_back(folder: Path, *, seconds: float) -> None:
    """Every file there is as if it had been written so long ago."""
    for path in folder.iterdir():
        os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_what_was_not_begun_is_not_ended(tmp_path: Path):
    Presses(tmp_path).end("copy", "/there")
    assert list(tmp_path.iterdir()) == []


# --- through the doors


class Fields(HTMLParser):
    """The forms of a page: id to action and fields as a browser would send them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self.actions: dict[str, str] = {}
        self._form = ""
        self._area = ""
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = has.get("id", "")
            self.forms[self._form] = {}
            self.actions[self._form] = has.get("action", "")
        elif tag == "input" and "name" in has and self._form:
            if has.get("type") not in {"radio", "checkbox"} or "checked" in has:
                self.forms[self._form][has["name"]] = has.get("value", "")
        elif tag == "textarea":
            self._area = has["name"]
            self.forms[self._form][self._area] = ""
        elif tag == "select":
            self._select = has["name"]
        elif (
            tag == "option"
            and self._select
            and ("selected" in has or self._select not in self.forms[self._form])
        ):
            self.forms[self._form][self._select] = has.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[self._form][self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._select = ""
        elif tag == "form":
            self._form = ""


async def look(visitor: Visitor, path: str) -> str:
    answer = await visitor.http.get(path, headers=PAGE, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer.text


async def send(visitor: Visitor, page: str, form: str, typed: Mapping[str, str]) -> Any:
    """Fills in a form of a page and sends it; the answer is what a browser shows then."""
    fields = Fields(page)
    return await visitor.http.post(
        fields.actions[form], data={**fields.forms[form], **typed}, headers=PAGE, follow_redirects=True
    )


@here
async def test_signing_in_by_a_form(court: Court):
    async with Visitor(court.origin) as visitor:
        page = await look(visitor, "/hearings")
        assert 'name="password"' in page
        wrong = await send(visitor, page, "sign-in", {"login": "coordinator", "password": "not this one"})
        assert "do not go together" in wrong.text
        assert Fields(wrong.text).forms["sign-in"]["login"] == "coordinator"
        assert "not this one" not in wrong.text
        right = await send(visitor, wrong.text, "sign-in", {"password": PASSWORD})
        assert right.url.path == "/hearings"


@here
async def test_a_refused_form_keeps_what_was_typed_and_says_what_is_wrong(hearing: Hearing):
    await hearing.request()
    coordinator = hearing.court.coordinator
    page = await look(coordinator, f"/hearings/{hearing.id}/people?adding=abroad")
    typed = {"people.0.name": "Witness A", "people.1.name": "Magistrate B", "people.1.email": "nowhere"}
    answer = await send(coordinator, page, "seat", typed)
    again = Fields(answer.text).forms["seat"]
    assert {name: again[name] for name in typed} == typed
    assert 'id="seat-people.1.email" name="people.1.email" aria-invalid="true"' in re.sub(
        r"\s+", " ", answer.text
    )
    assert 'href="#seat-name"' in answer.text
    placed = await send(
        coordinator, answer.text, "seat", {"name": "Room 2", "people.1.email": "b@samplia.invalid"}
    )
    assert placed.url.path == f"/hearings/{hearing.id}/people"
    assert "Room 2" in placed.text


@here
async def test_what_was_typed_outlives_the_login(hearing: Hearing):
    await hearing.request()
    async with Visitor(hearing.court.origin) as visitor:
        await visitor.post("/sign-in", {"login": "coordinator", "password": PASSWORD})
        page = await look(visitor, f"/hearings/{hearing.id}/people?adding=presiding")
        visitor.http.cookies.delete("staff")
        stopped = await send(visitor, page, "seat", {"people.0.name": "Judge A", "name": "Bench"})
        assert stopped.url.path == "/sign-in"
        back = await send(visitor, stopped.text, "sign-in", {"login": "coordinator", "password": PASSWORD})
        assert back.url.path == f"/hearings/{hearing.id}/people"
        assert Fields(back.text).forms["seat"]["people.0.name"] == "Judge A"
        done = await send(visitor, back.text, "seat", {})
        assert "Bench" in done.text


@here
async def test_pressing_twice_does_once(hearing: Hearing):
    await hearing.request()
    coordinator = hearing.court.coordinator
    page = await look(coordinator, f"/hearings/{hearing.id}/people?adding=presiding")
    typed = {"people.0.name": "Judge A", "name": "Bench once"}
    both = await asyncio.gather(*(send(coordinator, page, "seat", typed) for _ in range(2)))
    assert {answer.url.path for answer in both} == {f"/hearings/{hearing.id}/people"}
    assert (await look(coordinator, f"/hearings/{hearing.id}/people")).count(
        "<h3><bdi>Bench once</bdi></h3>"
    ) == 1


@here
async def test_a_form_of_another_site_is_refused(court: Court):
    answer = await court.coordinator.http.post(
        "/sign-out", data={"x": "y"}, headers={**PAGE, "origin": "https://evil.example"}
    )
    assert answer.status_code == 403


@here
async def test_the_language_is_chosen_and_kept(court: Court):
    async with Visitor(court.origin) as visitor:
        assert 'dir="ltr"' in await look(visitor, "/sign-in")
        page = await look(visitor, "/language?language=ar&page=/sign-in")
        assert '<html lang="ar" dir="rtl"' in page
        assert '<html lang="ar" dir="rtl"' in await look(visitor, "/sign-in")
        away = await visitor.http.get("/language?language=en&page=//evil.example", headers=PAGE)
        assert away.headers["location"] == "/"
