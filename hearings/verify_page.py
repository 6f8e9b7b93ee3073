"""Assembles the verifier for the browser: one HTML file that needs no network, no library and no service.

The parts lie in `verifier/`: modules, the page around them, its style, and its sentences in each language
(`words/*.json`, by their English). The same parts give the same bytes. A content policy admits this very script and
style, by their digests, and nothing else: no connection, no picture, no other script.
"""

import base64
import hashlib
import json
import re
from functools import cache
from pathlib import Path

from hearings.events import KINDS

PARTS = Path(__file__).parent / "verifier"
MODULES = (
    "bytes",
    "digests",
    "curves",
    "json",
    "entry",
    "zip",
    "manifest",
    "log",
    "course",
    "entries",
    "media",
    "verify",
)
"""In the order of their needs: what is imported stands before."""
LANGUAGES = ("ar", "es", "fr", "ru", "zh")
VALUE = "{value}"
"""Is said in no language."""
_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_TOP = re.compile(r"^(?:async )?(?:function\*?|class|const|let) (\[[^\]]*\]|\w+)", re.MULTILINE)
_SAID = re.compile(r"(?:\bsaid|\bRefusal|\bSkipped|\btranslated)\(\s*\"((?:[^\"\\]|\\.)*)\"")
_SHOWN = re.compile(r"<(\w+)[^>]* data-say[^>]*>([^<]+)</\1>")


@cache
def page() -> bytes:
    """`data/verify.html` as this version writes it."""
    verifier, around = script(), _joined("page")
    style = _text("page.css")
    named = [name for part in (verifier, around) for name in names(part)]
    if len(set(named)) != len(named):
        raise ValueError("two modules of the verifier have the same name for something")
    parts = {
        "policy": _policy(style, verifier, around),
        "style": style,
        "words": _data(words()),
        "kinds": _data(kinds()),
        "verifier": verifier,
        "page": around,
    }
    return re.sub(r"\{(\w+)\}", lambda found: parts[found[1]], _text("page.html")).encode()


def script() -> str:
    """The verifier without the page: what a browser runs beside it, or Node in a test."""
    return _joined(*MODULES)


def kinds() -> dict[str, tuple[bool, list[str]]]:
    """Of every leaf type, whether it carries `participant`, and its required names."""
    return {kind: (one.about_someone(), sorted(one.names())) for kind, one in KINDS.items()}


def words() -> dict[str, dict[str, str]]:
    """What translators wrote, by language and English sentence."""
    return {language: json.loads(_text(f"words/{language}.json")) for language in LANGUAGES}


def sentences() -> set[str]:
    """Everything that the page may say, in English."""
    code = "".join(_text(f"{module}.js") for module in (*MODULES, "page"))
    said = {json.loads(f'"{found}"') for found in _SAID.findall(code)}
    return (said - {VALUE}) | {text for _, text in _SHOWN.findall(_text("page.html"))}


def names(code: str) -> list[str]:
    """What stands at the top of joined modules, which have one scope."""
    return [name for found in _TOP.findall(code) for name in re.findall(r"\w+", found)]


def _joined(*modules: str) -> str:
    code = "\n".join(_text(f"{module}.js") for module in modules)
    whole = '"use strict";\n' + _EXPORT.sub("", _IMPORT.sub("", code))
    if "</script" in whole.lower() or "<!--" in whole:
        raise ValueError("the verifier's script would end the element that it stands in")
    return whole


def _text(name: str) -> str:
    return (PARTS / name).read_text(encoding="utf-8")


def _data(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).replace(
        "<", "\\u003c"
    )


def _policy(style: str, *scripts: str) -> str:
    allowed = " ".join(map(_source, scripts))
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_source(style)}; "
        "worker-src blob:; base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
