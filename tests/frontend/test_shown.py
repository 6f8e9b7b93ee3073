"""A step that was done is done, also when there is no room to tell what it answered."""

import errno
from pathlib import Path
from types import SimpleNamespace

from frontend.forms import Form, Presses
from frontend.kept import Kept
from frontend.shown import Done


class FullDrawer:
    def put(self, browser: str, kept: Kept) -> str:
        raise OSError(errno.ENOSPC, "no space left")


class Drawer:
    def put(self, browser: str, kept: Kept) -> str:
        assert kept.told == {"link": "secret"}
        return "token"


def sent_to(drawer: FullDrawer | Drawer, folder: Path) -> str:
    """Where a browser is sent after a step that answers a link."""
    form = Form(page="/hearings/1/people", form="link", once="copy", typed={}, files={})
    state = SimpleNamespace(drawer=drawer, presses=Presses(folder))
    request = SimpleNamespace(sent=form, copy="copy", browser="b", app=SimpleNamespace(state=state))
    done = Done({"link": "secret"}, show=True).to_asgi_response(None, request)
    assert done.status_code == 303
    return dict(done.encoded_headers)[b"location"].decode()


def test_what_a_step_answered_is_told_on_the_page_of_the_form(tmp_path: Path):
    assert sent_to(Drawer(), tmp_path) == "/hearings/1/people?kept=token#link"


def test_a_full_disk_takes_nothing_back(tmp_path: Path):
    assert sent_to(FullDrawer(), tmp_path) == "/hearings/1/people"
