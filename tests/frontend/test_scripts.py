"""Scripts, styles and templates keep what the house promises: types, little weight, and nothing from elsewhere."""

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = sorted((ROOT / "frontend/static").rglob("*.js"))
STYLES = sorted((ROOT / "frontend/static").rglob("*.css"))
PICTURES = sorted((ROOT / "frontend/static").rglob("*.svg"))
TEMPLATES = sorted((ROOT / "frontend/templates").rglob("*.html"))
TYPESCRIPT = ROOT / "tests/node_modules/typescript/bin/tsc"

HEAVIEST = 100_000  # bytes of all scripts together
NAMESPACE = "http://www.w3.org/2000/svg"  # a name, not an address that anything is fetched from
ELSEWHERE = re.compile(r"""(?:https?|wss?)://[^\s"'`<>)]*|["'`(]//[\w.]+""")
TEXT_AS_PROGRAM = re.compile(
    r"\beval\s*\(|\bnew\s+Function\b|\b(?:setTimeout|setInterval)\s*\(\s*[\"'`]"
    r"|\b(?:inner|outer)HTML\s*\+?=(?!=)|\binsertAdjacentHTML\b|\bdocument\.write\b"
)
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
ATTRIBUTE_IN_JINJA = re.compile(r"""["'](?:style|on[a-z]+)["']\s*:""")


def of(path: Path) -> str:
    return str(path.relative_to(ROOT / "frontend"))


class Inline(HTMLParser):
    """Finds what our content policy forbids: programs and styles inside a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in told):
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name == "style" or name.startswith("on") or (value or "").lower().startswith("javascript:"):
                self.found.append(f"<{tag} {name}={value!r}>")


def inline(template: str) -> list[str]:
    """The programs and styles inside a template, and the attributes that its macros are given for such."""
    page = Inline()
    page.feed(JINJA.sub("", template))
    page.close()
    return page.found + [
        found for part in JINJA.findall(template) for found in ATTRIBUTE_IN_JINJA.findall(part)
    ]


def elsewhere(text: str) -> list[str]:
    return [found for found in ELSEWHERE.findall(text) if found != NAMESPACE]


def test_the_scripts_have_the_types_they_say() -> None:
    assert TYPESCRIPT.exists(), "TypeScript is not installed. Run tests/tools.sh."
    checked = subprocess.run(
        ["node", TYPESCRIPT, "--pretty", "false", "-p", ROOT / "tests/tsconfig.json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_all_scripts_together_are_light() -> None:
    assert SCRIPTS
    assert sum(path.stat().st_size for path in SCRIPTS) <= HEAVIEST


@pytest.mark.parametrize("path", SCRIPTS, ids=of)
def test_a_script_never_takes_text_for_a_program_or_a_page(path: Path) -> None:
    assert not TEXT_AS_PROGRAM.findall(path.read_text())


@pytest.mark.parametrize("path", [*SCRIPTS, *STYLES, *PICTURES, *TEMPLATES], ids=of)
def test_nothing_comes_from_another_host(path: Path) -> None:
    assert not elsewhere(path.read_text())


@pytest.mark.parametrize("path", TEMPLATES, ids=of)
def test_a_template_has_no_program_and_no_style_inside(path: Path) -> None:
    assert not inline(path.read_text())


@pytest.mark.parametrize(
    "text",
    [
        "eval(text)",
        "new Function('a', text)",
        "setTimeout('go()', 10)",
        "part.innerHTML = text",
        "part.innerHTML += text",
        "part.outerHTML=text",
        "part.insertAdjacentHTML('beforeend', text)",
        "document.write(text)",
    ],
)
def test_text_as_program_is_found(text: str) -> None:
    assert TEXT_AS_PROGRAM.search(text)


@pytest.mark.parametrize(
    "text", ["retrieval(text)", "if (part.innerHTML === text) go()", "setTimeout(() => go(), 10)"]
)
def test_other_programs_are_not_suspected(text: str) -> None:
    assert not TEXT_AS_PROGRAM.search(text)


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://elsewhere.example/a.js"></script>',
        '<img src="//elsewhere.example/a.png">',
        "body { background: url(//elsewhere.example/a.png) }",
        'new WebSocket("wss://elsewhere.example/socket")',
    ],
)
def test_another_host_is_found(text: str) -> None:
    assert elsewhere(text)


@pytest.mark.parametrize("text", ['location.href.replace(/^http/, "ws") // and on', f'xmlns="{NAMESPACE}"'])
def test_our_own_host_is_not_suspected(text: str) -> None:
    assert not elsewhere(text)


@pytest.mark.parametrize(
    "template",
    [
        '<p style="color: red">',
        "<style>p { color: red }</style>",
        "<script>go()</script>",
        '<button class="{{ kind }}" onclick="go()">',
        '<a href="javascript:go()">',
        '{{ m.text("a", attributes={"style": "color: red"}) }}',
        '{{ m.text("a", attributes={"oninput": "go()"}) }}',
    ],
)
def test_programs_and_styles_inside_a_template_are_found(template: str) -> None:
    assert inline(template)


@pytest.mark.parametrize(
    "template",
    [
        '{% set one = "a > b" %}<p class="{{ one }}" {% block more %}{% endblock %}>',
        '<script type="module" src="/static/page.js"></script>',
        "{# <style> is not allowed #}",
    ],
)
def test_other_templates_are_not_suspected(template: str) -> None:
    assert not inline(template)
