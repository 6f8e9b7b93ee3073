"""Gathers every sentence that a person may see into the catalogues of `locale/`: `make words`.

In English a sentence stands where it is said: `_("…")` in a template, `say("…")` in code, in the data of the
instruments, in what is said of a time. Every other language is a file that a translator edits: what is new comes
with an empty translation, what nobody says any more is gone, what is translated stays as it is.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract, extract_from_dir
from babel.messages.pofile import read_po, write_po

from consent import checklist, instruments, parties
from consent.instruments import Instrument
from consent.parties import Mark
from frontend import letters, papers
from frontend.words import DOMAIN, HERE, LANGUAGES, MOMENT
from hearings.drawing import COURSE
from hearings.events import KINDS
from scheduling import invitations, mail
from scheduling.days import Caution
from scheduling.zones import TimeRefused

SOURCE = "en"
LOCALE = HERE / "locale"
PACKAGES = ("frontend", "hearings")
METHODS = [("**/templates/*.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
TEMPLATES = {"extensions": "jinja2.ext.i18n,jinja2.ext.do", "trim_blocks": "true", "lstrip_blocks": "true"}
SAYING = {"say": None, "_": None, "gettext": None, "ngettext": (1, 2)}
OF_THE_RULE = {
    "Reason": slice(0, 2),
    "_not_both": slice(1, 2),
    "_unless_declared": slice(1, 2),
    "_why_not": slice(1, 2),
}
"""Where words and articles stand among the arguments of these, in `consent/governing.py`."""
PAPER = ("minutes_blocks.py", "minutes_documents.py", "minutes_page.py", "figures.py", "wording.py")
"""What stands on the paper of minutes alone."""
OF_THE_MINUTES = (*PAPER, "added.py", "drawing.py", "roles.py", "sentences.py")
OF_THE_CHECKLIST = ("{words} (for {name})", "{name} is in the room.")
SEEN = frozenset(
    {
        *("request.received", "request.acknowledged", "request.accepted", "instrument.chosen", "test.held"),
        *("minutes.sealed", "custody.fetched"),
    }
)
"""Entries that the course does not tell, and by which the service sees that a safeguard is met."""
DOMAINS: tuple[tuple[str, Iterable[str]], ...] = (
    (DOMAIN, LANGUAGES),
    (letters.DOMAIN, letters.LANGUAGES),
    (papers.DOMAIN, papers.LANGUAGES),
)
WIDTH = 110
HEADER = "# Viva Voce in another language. Names in {braces} and %(name)s stay as they are."


def gathered(domain: str = DOMAIN) -> Catalog:
    """Every sentence, without a translation, in the order of the places where it is said; those of letters and those of
    minutes are domains of their own.
    """
    catalog = Catalog(domain=domain, project="Viva Voce", charset="utf-8")
    everywhere: Iterable[Iterator[tuple[str, str | tuple[str, ...]]]]
    match domain:
        case letters.DOMAIN:
            everywhere = (_of_letters(),)
        case papers.DOMAIN:
            everywhere = (_of_the_minutes(), _of_the_course(), _of_the_law())
        case _:
            everywhere = (
                _said(),
                _of_the_instruments(),
                _of_the_rule(),
                _of_the_checklist(),
                _of_the_clocks(),
            )
    for place, sentence in chain(*everywhere):
        if sentence:
            catalog.add(sentence, locations=[(place, 0)])
    return catalog


def _said() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    options = {"**/templates/*.html": TEMPLATES}
    for package in PACKAGES:
        found = extract_from_dir(
            HERE.parent / package, METHODS, options, keywords=SAYING, strip_comment_tags=True
        )
        for file, _line, sentence, _comments, _context in found:
            if file not in PAPER:
                yield f"{package}/{file}", sentence


def _of_letters() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    methods, options = [("**.txt", "jinja2.ext:babel_extract")], {"**.txt": TEMPLATES}
    for file, _line, sentence, _comments, _context in extract_from_dir(
        HERE / "templates" / "letters", methods, options, keywords=SAYING, strip_comment_tags=True
    ):
        yield f"frontend/templates/letters/{file}", sentence
    yield "frontend/words.py", str(MOMENT)


def _of_the_minutes() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    for file in OF_THE_MINUTES:
        with (HERE.parent / "hearings" / file).open("rb") as source:
            for _line, sentence, _comments, _context in extract("python", source, keywords=SAYING):
                yield f"hearings/{file}", sentence


def _of_the_course() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """What the entries say that the minutes tell, and the codes and articles in them; of other entries, what is said of
    them elsewhere than in their own sentence.
    """
    untold = {
        kind.__name__
        for name, kind in KINDS.items()
        if name.partition(".")[0] not in COURSE and name not in SEEN
    }
    events = ast.parse((HERE.parent / "hearings" / "events.py").read_text(encoding="utf-8"))
    for part in events.body:
        for node in part.body if isinstance(part, ast.ClassDef) and part.name in untold else [part]:
            if isinstance(node, ast.FunctionDef) and node.name == "sentence":
                continue
            for call in ast.walk(node):
                match call:
                    case ast.Call(func=ast.Name(id="say"), args=[ast.Constant(value=str(sentence)), *_]):
                        yield "hearings/events.py", sentence


def _of_the_law() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    for one in instruments.load().values():
        for sentence in (
            *(one.title, one.short, one.authority, one.minutes, one.presence),
            one.intervention.article if one.intervention else "",
        ):
            yield "consent/instruments.toml", sentence
    yield from _of_the_checklist()
    yield from (("hearings/checklist.py", sentence) for sentence in OF_THE_CHECKLIST)


def _of_the_instruments() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    for instrument in instruments.load().values():
        for sentence in _of(instrument):
            yield "consent/instruments.toml", sentence


def _of(instrument: Instrument) -> Iterator[str]:
    yield from (
        instrument.title,
        instrument.short,
        instrument.authority,
        instrument.presence,
        instrument.minutes,
        instrument.because,
    )
    for claim in instrument.claim:
        yield from (claim.words, claim.article)
    for period in instrument.period:
        yield period.article
    if instrument.intervention is not None:
        yield from (instrument.intervention.words, instrument.intervention.article)


def _of_the_checklist() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    law = checklist.load()
    for source in law.sources.values():
        yield "consent/items.toml", source.short
    for item in law.items:
        yield "consent/items.toml", item.words
        for basis in item.basis:
            if basis.mark is not Mark.UNVERIFIED:
                yield "consent/items.toml", basis.article
                yield "consent/items.toml", basis.words or ""


def _of_the_rule() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    rule = ast.parse((HERE.parent / "consent" / "governing.py").read_text(encoding="utf-8"))
    for call in ast.walk(rule):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        for text in call.args[OF_THE_RULE.get(call.func.id, slice(0))]:
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield "consent/governing.py", text.value
    for declaration in parties.load().declarations:
        yield from (("consent/declarations.csv", text) for text in (declaration.words, declaration.article))


def _of_the_clocks() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    for refusal in TimeRefused.__subclasses__():
        yield "scheduling/zones.py", refusal.template
    for caution in Caution.__subclasses__():
        yield "scheduling/days.py", caution.template


def _of_the_mail() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    yield from (("scheduling/mail.py", sentence) for sentence in mail.SENTENCES)
    yield from (("scheduling/invitations.py", sentence) for sentence in invitations.SENTENCES)


def file_of(language: str, domain: str = DOMAIN) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{domain}.po"


def read(language: str, domain: str = DOMAIN) -> Catalog:
    """The catalogue as the translator left it; an empty one if there is none."""
    path = file_of(language, domain)
    if not path.exists():
        return Catalog(
            locale=language, domain=domain, project="Viva Voce", header_comment=HEADER, fuzzy=False
        )
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=domain)


def renewed(language: str, domain: str = DOMAIN) -> Catalog:
    """The catalogue with what is said now, and the translations there are."""
    catalog = read(language, domain)
    begun = catalog.creation_date
    catalog.update(gathered(domain), no_fuzzy_matching=True)
    catalog.creation_date = begun  # nothing changes in the file where nothing changed in the sentences
    catalog.obsolete.clear()
    return catalog


def write(language: str, domain: str = DOMAIN) -> int:
    """Renews the file; gives the number of sentences that wait for a translation."""
    catalog = renewed(language, domain)
    path = file_of(language, domain)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=WIDTH, include_lineno=False)
    return len(untranslated(catalog))


def untranslated(catalog: Catalog) -> list[str]:
    return [str(one.id) for one in catalog if one.id and not (one.string and all(one.string))]


def main() -> int:
    for domain, languages in DOMAINS:
        for language in languages:
            if language != SOURCE:
                left = write(language, domain)
                sys.stdout.write(f"{file_of(language, domain)}: {left} to translate\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
