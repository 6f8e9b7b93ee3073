"""Words for paper: what is ours in one language or in two beside each other, what people wrote as they wrote it.

- A `Sentence` of ours is said in each language of the paper; any other text stands once, untouched.
- What a language has no translation for is said in English, and tagged as English.
- Days, cities, States and languages are named as each language names them (CLDR). Figures are the same in all of
  them, in European digits, so that both columns can be compared by whoever reads only one.
- A name within a sentence is isolated wherever a script that runs the other way meets it, so that punctuation
  and figures stay where they belong.
- A character that has no shape, or that would turn the reading order of a line, becomes its number (‹U+202E›):
  what was written is neither lost nor able to deceive.

Sources: Unicode 9 (UAX 9) 2.1, 2.2 (characters that turn the line), 2.4 (isolates); BCP 47 (tags).
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache, partial
from string import Formatter
from typing import Any

from babel import Locale, UnknownLocaleError, dates, numbers

from hearings.sentences import Code, Country, Day, Moment, Sentence, Tongue, Zone, say
from scheduling.zones import Clock, on_clock

Wording = Callable[[str, str], str | None]
"""A language and the English template of a sentence give the template in that language, or None where it has none."""

Run = dict[str, str]
"""`text`, and the tag `lang` of its language, empty where it is that of what is around it."""

Voice = dict[str, Any]
"""What is said in one language: `lang`, `region`, `dir` (empty: as around it) and `runs`."""


MOMENT = say("{day}, {time} ({city}, {offset})")
SOURCE = "en"
REMEMBERED = 8192
TAIL = 60
"""What people wrote at the end of a sentence stands once, under both languages, from so many characters on."""

_COMMA = {"ar": "، ", "zh": " "}
"""Between a day and a time."""
_HOLE = "\ufffc"
_ISOLATE, _END = "\u2068", "\u2069"
_MINUS = "\u2212"
_WAY = {"L": "ltr", "R": "rtl", "AL": "rtl"}
_CLOSING = frozenset(f"”»\"’'.。」{_ISOLATE}{_END}")
_TURNS_THE_LINE = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_DAY_IN_ENGLISH = {"full": "EEEE d MMMM y", "long": "d MMMM y", "short": "d MMM"}
"""As courts of both sides of the ocean read it alike; other languages have their own order."""


class Text(tuple[Voice, ...]):
    """A voice for each language of the paper, or a single one for what stands once."""

    __slots__ = ()


def english(language: str, template: str) -> str | None:
    """The wording of who has no catalogue."""
    return template if language == SOURCE else None


@dataclass(frozen=True)
class Scribe:
    """Writes in `languages`, one or two; `zones` are those of the seats, that of the requested side last.

    `numbered`: characters that no font can draw, and that are shown by their Unicode number.
    """

    languages: tuple[str, ...]
    wording: Wording
    zones: tuple[str, ...]
    numbered: frozenset[str] = frozenset()

    @property
    def twofold(self) -> bool:
        return len(self.languages) > 1

    # --- sentences

    def text(self, said: object, *, capital: bool = False) -> Text:
        """A sentence of ours in every language; anything else once. `capital`: it begins with one."""
        if isinstance(said, Sentence):
            told = self._both([self._said(said, language) for language in self.languages])
        else:
            told = Text([self._written(self._visible(str(said)))])
        if capital:
            for run in (voice["runs"][0] for voice in told if voice["runs"]):
                run["text"] = run["text"][:1].upper() + run["text"][1:]
        return told

    def _written(self, text: str) -> Voice:
        """What people wrote: at length it runs as its own script does, in brief it is isolated from what is around it."""
        base, own = direction(self.languages[0]), _strong(text)
        if len(text) >= TAIL and own not in {"", base}:
            return {**self._voice("", [("", text)]), "dir": own}
        lines = (_apart(line, self.languages[0]) if line else line for line in text.split("\n"))
        return self._voice("", [("", "\n".join(lines))])

    def lines(self, said: str) -> list[Text]:
        """As `text`; what people wrote at length at the end of a sentence stands once, below it."""
        if not self.twofold or not isinstance(said, Sentence):
            return [self.text(said)]
        name = next((name for _, name, _, _ in reversed(_parts(said.template)) if name), "")
        value = said.values.get(name)
        if type(value) is not str or len(value) < TAIL:
            return [self.text(said)]
        head = self._before(said, name)
        return [head, self.text(value)] if head else [self.text(said)]

    def worded(self, said: object, words: Mapping[str, str]) -> Text:
        """A sentence, which somebody put into other words in some of the languages."""
        if not isinstance(said, Sentence):
            return self.text(said)
        return Text(
            self._voice(language, [("", self._visible(words[language]))])
            if language in words
            else self._voice(*self._said(said, language))
            for language in self.languages
        )

    def quoted(self, said: str, language: str) -> Text:
        """What was said, in its own language."""
        return Text([self._voice(language, [("", self._visible(said))])])

    def each(self, written: Callable[[str], str]) -> Text:
        """What only a calendar or an atlas puts into words."""
        return self._both([(language, [("", written(language))]) for language in self.languages])

    def once(self, written: Callable[[str], str]) -> Text:
        """The same in the first language alone."""
        first = self.languages[0]
        return Text([self._voice(first, [("", written(first))])])

    # --- times

    def moment(self, at: datetime) -> list[Text]:
        """In full, on the clock of each seat."""
        return [self.each(partial(self._moment, at, zone)) for zone in self.zones]

    def brief(self, at: datetime, form: str = "%H:%M") -> list[Text]:
        """With the city and without the year, on the clock of each seat."""
        return [self.once(partial(self._in_brief, on_clock(at, zone), form)) for zone in self.zones]

    def short(self, clock: Clock, form: str = "%H:%M") -> list[Text]:
        """For a column of one clock."""
        if self.twofold:
            return [self.once(lambda _: clock.date.isoformat()), self.once(lambda _: f"{clock.time:{form}}")]
        return [self.once(lambda language: self._on_the_day(clock, "short", language, form))]

    def dated(self, clock: Clock) -> Text:
        """Date, time and offset."""
        offset = f"UTC{clock.offset.replace('-', _MINUS)}"
        return self.once(
            lambda language: f"{self._on_the_day(clock, 'long', language)} ({_apart(offset, language)})"
        )

    def city(self, zone: str) -> Text:
        return self.each(lambda language: city(zone, language))

    def once_city(self, zone: str) -> Text:
        return self.once(lambda language: city(zone, language))

    def stay(self, entered: datetime, left: datetime | None, zone: str) -> Text:
        """From when to when somebody was there."""
        begin = on_clock(entered, zone)
        if left is None:
            return self.text(
                say(
                    "{begin} – the end",
                    begin=_Shown(lambda language: self._in_brief(begin, "%H:%M", language)),
                )
            )
        end = on_clock(left, zone)

        def written(language: str) -> str:
            until = f"{end.time:%H:%M}"
            if end.date != begin.date:
                until = self._on_the_day(end, "short", language)
            return f"{self._in_brief(begin, '%H:%M', language)} – {until}"

        return self.once(written)

    def _in_brief(self, clock: Clock, form: str, language: str) -> str:
        return f"{city(clock.zone, language)} {self._on_the_day(clock, 'short', language, form)}"

    def _on_the_day(self, clock: Clock, width: str, language: str, form: str = "%H:%M") -> str:
        """Where it stands once for two languages, with a date that is the same in all of them (ISO 8601)."""
        if self.twofold:
            return _apart(f"{clock.date.isoformat()} {clock.time:{form}}", language)
        return f"{day(clock.date, width, language)}{_COMMA.get(language, ', ')}{clock.time:{form}}"

    def _moment(self, at: datetime, zone: str, language: str) -> str:
        clock = on_clock(at, zone)
        return (self.wording(language, MOMENT.template) or MOMENT.template).format(
            day=day(clock.date, "long" if self.twofold else "full", language),
            time=f"{clock.time:%H:%M}",
            city=city(zone, language),
            offset=_apart(f"UTC{clock.offset.replace('-', _MINUS)}", language),
        )

    # --- how a sentence is put together

    def _said(self, said: Sentence, language: str) -> tuple[str, list[tuple[str, str]]]:
        """Its language, and its runs."""
        template = self.wording(language, said.template)
        if template is None:
            own, written = SOURCE, said.template if said.values else self._visible(said.template)
        else:
            own, written = language, template
        return own, list(self._runs(written, said.values, own))

    def _runs(self, template: str, values: dict[str, Any], language: str) -> Iterator[tuple[str, str]]:
        if not values:
            yield "", template
            return
        for fixed, name, form, _ in _parts(template):
            if fixed:
                yield "", fixed
            if name:
                yield from self._value(values[name], form or "", language)

    def _value(self, value: object, form: str, language: str) -> Iterator[tuple[str, str]]:
        match value:
            case Sentence():
                own, runs = self._said(value, language)
                yield from ((lang or ("" if own == language else own), text) for lang, text in runs)
            case Code():
                yield from self._value(value.meaning, form, language)
            case Moment():
                yield "", self._moment(value.at, value.zone or self.zones[-1], language)
            case Day():
                yield "", day(value.date, "long", language)
            case Zone():
                yield "", city(value, language)
            case Tongue():
                yield "", tongue(value.tag, language)
            case Country():
                yield "", country(value.code, language)
            case _Shown():
                yield "", value.written(language)
            case _:
                yield "", _apart(self._visible(format(value, form)), language)

    def _before(self, said: Sentence, name: str) -> Text | None:
        """The sentence up to the value at its end; None if it is not at the end in every language."""
        hollow = Sentence(said.template, {**said.values, name: _HOLE})
        heads = []
        for language in self.languages:
            own, runs = self._said(hollow, language)
            before, _, after = "".join(text for _, text in runs).partition(_HOLE)
            if not set(after.strip()) <= _CLOSING:
                return None
            heads.append((own, [*_up_to(runs, len(before.rstrip(f'“«„"‘「{_ISOLATE} ')))]))
        return self._both(heads)

    def _both(self, said: list[tuple[str, list[tuple[str, str]]]]) -> Text:
        """What is the same in both languages stands once."""
        first, *others = said
        told = said if any(runs != first[1] for _, runs in others) else [first]
        return Text(self._voice(language, runs) for language, runs in told)

    def _voice(self, language: str, runs: list[tuple[str, str]]) -> Voice:
        primary, *more = language.split("-") if language else ("",)
        return {
            "lang": primary.lower(),
            "region": next((part.upper() for part in more if len(part) == 2), ""),
            "dir": direction(language) if language else "",
            "runs": [{"text": text, "lang": lang} for lang, text in _joined(runs)],
        }

    def _visible(self, text: str) -> str:
        """With every character that cannot or must not be drawn as its number."""
        if text.isascii() and text.isprintable() and not self.numbered:
            return text
        return "".join(char if char == "\n" else self._seen(char) for char in text)

    def _seen(self, char: str) -> str:
        hidden = unicodedata.category(char) in {"Cc", "Cn", "Co", "Cs"} or ord(char) in _TURNS_THE_LINE
        return f"‹U+{ord(char):04X}›" if hidden or char in self.numbered else char


@dataclass(frozen=True)
class _Shown:
    """A value that each language writes in its own way."""

    written: Callable[[str], str]

    def __format__(self, form: str) -> str:
        return self.written(SOURCE)


def in_words(said: object, language: str, wording: Wording, zone: str) -> str:
    """A sentence in one language, as somebody may go on writing it: without marks of direction."""
    scribe = Scribe((language,), wording, (zone,))
    written = "".join(run["text"] for voice in scribe.text(said) for run in voice["runs"])
    return written.translate({ord(mark): None for mark in (_ISOLATE, _END)})


# --- calendars and atlases -----------------------------------------------------------------------


@lru_cache(maxsize=REMEMBERED)
def day(shown: date, width: str, language: str) -> str:
    """`full`: with the day of the week; `long`; `short`: day and month alone."""
    if language == SOURCE:
        return str(dates.format_date(shown, _DAY_IN_ENGLISH[width], locale=SOURCE))
    if width == "short":
        return str(dates.format_skeleton("MMMd", shown, locale=language))
    return str(dates.format_date(shown, width, locale=language))


@lru_cache(maxsize=REMEMBERED)
def city(zone: str, language: str) -> str:
    """The city that names a zone. Raises: UnknownZone."""
    on_clock(datetime.fromisoformat("2026-01-01T00:00Z"), zone)
    return str(dates.get_timezone_location(zone, locale=language, return_city=True))


def country(code: str, language: str) -> str:
    """A State by its two letters (ISO 3166-1)."""
    return str(Locale.parse(language).territories.get(code, code))


def tongue(tag: str, language: str) -> str:
    """A language by its tag."""
    return str(Locale.parse(language).languages.get(tag.partition("-")[0].lower(), tag))


def decimal(value: float, digits: int, language: str) -> str:
    """With so many digits after the mark."""
    form = f"0.{'0' * digits}" if digits else "0"
    return str(numbers.format_decimal(value, form, locale=language))


@lru_cache(maxsize=REMEMBERED)
def direction(tag: str) -> str:
    """In which a language is written; left to right where it is not known."""
    try:
        return str(Locale.parse(tag, sep="-").text_direction)
    except (ValueError, UnknownLocaleError):
        return str(Locale.parse(tag.partition("-")[0]).text_direction) if _known(tag) else "ltr"


def _known(tag: str) -> bool:
    try:
        return bool(Locale.parse(tag.partition("-")[0]))
    except (ValueError, UnknownLocaleError):
        return False


# --- runs ----------------------------------------------------------------------------------------


@lru_cache(maxsize=REMEMBERED)
def _parts(template: str) -> tuple[tuple[str, str | None, str | None, str | None], ...]:
    return tuple(Formatter().parse(template))


def _apart(text: str, language: str) -> str:
    """Isolated, where one script runs against the other."""
    if direction(language) == "rtl" or any(unicodedata.bidirectional(char) in {"R", "AL"} for char in text):
        return f"{_ISOLATE}{text}{_END}"
    return text


def _strong(text: str) -> str:
    """The direction of its first letter (UAX 9, P2); empty where it has none."""
    return next((_WAY[way] for way in map(unicodedata.bidirectional, text) if way in _WAY), "")


def _joined(runs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbours of one language are one run."""
    told: list[tuple[str, str]] = []
    for lang, text in runs:
        if told and told[-1][0] == lang:
            told[-1] = lang, told[-1][1] + text
        else:
            told.append((lang, text))
    return told


def _up_to(runs: Iterable[tuple[str, str]], length: int) -> Iterator[tuple[str, str]]:
    for lang, text in runs:
        if length <= 0:
            return
        yield lang, text[:length]
        length -= len(text)
