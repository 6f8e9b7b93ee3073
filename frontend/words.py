"""Pages in the reader's language: the catalogues, the templates, dates and clocks.

English is what stands in the code; every other language is a gettext catalogue in `locale/`. A sentence of
ours that carries names is looked up by its template, and the names are isolated, so that a Latin name stands
right in an Arabic sentence (UAX #9, FSI and PDI).
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import jinja2
import segno
from babel import Locale, UnknownLocaleError, dates, units
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from markupsafe import Markup

from frontend import steps, voices
from hearings import tokens
from hearings.roles import OFFICE, Role
from hearings.sentences import Code, Country, Day, Moment, Sentence, Tongue, Zone, say
from scheduling import zones

HERE = Path(__file__).parent
DOMAIN = "vivavoce"
LANGUAGES = {"en": "English", "ar": "العربية"}
ZONES = tuple(
    sorted(
        name
        for name in zones.names()
        if name.partition("/")[0]
        in {"Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
    )
)
TONGUES = (
    *("ar", "bg", "bs", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "ga", "he"),
    *("hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "ko", "lb", "lt", "lv", "mk", "mt", "nl"),
    *("no", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "th", "tr", "uk", "ur", "vi", "zh"),
)
"""Those that can be chosen for a person, a court or an authority."""
_ISOLATE, _END = "\u2068", "\u2069"
_MINUS = "\u2212"
"""No line ends after it, as one may after a hyphen."""
REMEMBERED = 4096  # dates and lengths, as they are said
_DAY_IN_ENGLISH, _DATE_IN_ENGLISH = "EEEE d MMMM y", "d MMMM y"
"""As courts of both sides of the ocean read it alike; other languages have their own order."""
MOMENT, HOUR = say("{day}, {time} ({city}, {offset})"), say("{time} ({city}, {offset})")


T = TypeVar("T")


class Kept(dict[str, T]):
    """What was made for each language; what is missing is made."""

    def __init__(self, make: Callable[[str], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, language: str) -> T:
        return self.setdefault(language, self._make(language))


class Words:
    """All languages; each is read when it is first spoken."""

    def __init__(self, locale: Path = HERE / "locale") -> None:
        self._readers = Kept(lambda language: Reader(language, catalogue_of(locale, language)))

    def reader(self, wanted: str = "", accepted: str = "") -> "Reader":
        """The language asked for, else the first one that the browser accepts, else English."""
        for tag in (wanted, *(part.partition(";")[0] for part in accepted.split(","))):
            language = tag.strip().partition("-")[0].lower()
            if language in LANGUAGES:
                return self._readers[language]
        return self._readers["en"]


@dataclass(frozen=True)
class Reader:
    """One language: what the templates call."""

    language: str
    catalogue: NullTranslations

    def render(self, page: str, context: Mapping[str, Any]) -> str:
        return self._pages.get_template(page).render(context)

    def tell(self, sentence: object, zone: str = "UTC") -> str:
        """A sentence of ours in this language; anything else as it is. `zone`: for instants that name none."""
        if sentence is None:
            return ""
        if isinstance(sentence, Sentence) and sentence.values:
            values = {name: self._value(value, zone) for name, value in sentence.values.items()}
            return str(self.catalogue.gettext(sentence.template)).format(**values)
        text = str(sentence)
        return str(self.catalogue.gettext(text)) if text else ""

    def ours(self, sentence: object) -> str:
        """As `tell`, where people may have typed it: their words are never translated."""
        return self.tell(sentence) if isinstance(sentence, Sentence) else str(sentence)

    def _value(self, value: object, zone: str) -> str:
        match value:
            case Sentence():
                return self.tell(value, zone)
            case Code():
                return self.tell(value.meaning)
            case Moment() | Day():
                return self._when(value, zone)
            case Zone():
                return self.city(value)
            case Tongue() | Country():
                return self.tongue(value.tag) if isinstance(value, Tongue) else self.country(value.code)
        return str(value) if self.language == "en" else f"{_ISOLATE}{value}{_END}"

    def _when(self, value: Moment | Day, zone: str) -> str:
        return self.dated(value.date) if isinstance(value, Day) else self.moment(value.at, value.zone or zone)

    # --- times: an instant and a zone, always both

    def clock(self, instant: str | datetime, zone: str) -> str:
        """`10:26 (Amsterdam)`."""
        shown = zones.on_clock(_instant(instant), zone)
        return f"{_ISOLATE}{shown.time:%H:%M}{_END} ({self.city(zone)})"

    def moment(self, instant: str | datetime, zone: str) -> str:
        """Day, date, time, city and offset."""
        return self._told(MOMENT, instant, zone)

    def hour(self, instant: str | datetime, zone: str) -> str:
        """The same without the day, where that is said already."""
        return self._told(HOUR, instant, zone)

    def _told(self, words: str, instant: str | datetime, zone: str) -> str:
        shown = zones.on_clock(_instant(instant), zone)
        return str(self.catalogue.gettext(words)).format(
            day=self.day(shown.date),
            time=f"{_ISOLATE}{shown.time:%H:%M}{_END}",
            city=self.city(zone),
            offset=f"{_ISOLATE}UTC{shown.offset.replace('-', _MINUS)}{_END}",
        )

    def wall(self, instant: str | datetime, zone: str) -> str:
        """As a field for day and time takes it (HTML, local date and time)."""
        shown = zones.on_clock(_instant(instant), zone)
        return f"{shown.date.isoformat()}T{shown.time:%H:%M}"

    def day(self, day: date) -> str:
        """`Monday 23 November 2026`."""
        return _date(day, _DAY_IN_ENGLISH if self.language == "en" else "full", self.language)

    def dated(self, day: date | str) -> str:
        """`23 November 2026`."""
        shown = date.fromisoformat(day) if isinstance(day, str) else day
        return _date(shown, _DATE_IN_ENGLISH if self.language == "en" else "long", self.language)

    def on_day(self, instant: str | datetime, zone: str) -> str:
        return self.day(zones.on_clock(_instant(instant), zone).date)

    def city(self, zone: str) -> str:
        """The city that names a zone, in this language where it is known."""
        return _city(zone, self.language)

    def country(self, code: str) -> str:
        """A State by its two letters (ISO 3166-1)."""
        return str(self._locale.territories.get(code, code))

    def tongue(self, tag: str) -> str:
        """A language by its tag (BCP 47)."""
        return str(self._locale.languages.get(tag.partition("-")[0].lower(), tag))

    def tongues(self) -> list[tuple[str, str]]:
        """Every language that can be chosen, by its tag and its name, in the order of the names."""
        return named(TONGUES, self.tongue)

    def length(self, minutes: int) -> str:
        """`1 hour 30 minutes`."""
        return _length(minutes, self.language)

    def bytes(self, size: int) -> str:
        """`1.2 MB`, in powers of ten."""
        for unit, one in (("megabyte", 10**6), ("kilobyte", 10**3)):
            if size >= one:
                return str(
                    units.format_unit(round(size / one, 1), f"digital-{unit}", "short", locale=self._locale)
                )
        style: Literal["long", "short"] = "short" if self.language == "ar" else "long"  # CLDR has no long one
        return str(units.format_unit(size, "digital-byte", style, locale=self._locale))

    # --- the templates

    @cached_property
    def _locale(self) -> Locale:
        return Locale.parse(self.language)

    @property
    def direction(self) -> str:
        return str(self._locale.text_direction)

    @cached_property
    def _pages(self) -> jinja2.Environment:
        made = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
            auto_reload=False,
        )
        made.install_gettext_translations(self.catalogue, newstyle=True)  # type: ignore[attr-defined]
        made.filters["tell"] = self.tell
        made.filters["ours"] = self.ours
        made.globals.update(
            language=self.language,
            languages=LANGUAGES,
            direction=self.direction,
            way=way_of,
            clock=self.clock,
            moment=self.moment,
            hour=self.hour,
            wall=self.wall,
            dated=self.dated,
            day_of=self.day,
            on_day=self.on_day,
            length=self.length,
            minutes=minutes,
            bytes=self.bytes,
            city=self.city,
            country=self.country,
            tongue=self.tongue,
            tongues=self.tongues,
            now=lambda: datetime.now(UTC).isoformat(),
            qr=qr,
            once=tokens.handle,
            steps=steps,
            all_zones=ZONES,
            office=lambda role: OFFICE[Role(role)],
            quote=quote,
            words=voices.words,
            lines=voices.lines,
        )
        return made


@cache
def _city(zone: str, language: str) -> str:
    zones.on_clock(datetime(2026, 1, 1, tzinfo=UTC), zone)
    return str(dates.get_timezone_location(zone, locale=language, return_city=True))


@lru_cache(maxsize=REMEMBERED)
def _date(day: date, pattern: str, language: str) -> str:
    return str(dates.format_date(day, pattern, locale=language))


@lru_cache(maxsize=REMEMBERED)
def _length(minutes: int, language: str) -> str:
    hours, rest = divmod(minutes, 60)
    parts = [(hours, "duration-hour"), (rest, "duration-minute")]
    style: Literal["long", "short"] = "short" if language == "zh" else "long"  # CLDR has no long one
    return " ".join(units.format_unit(n, unit, style, locale=language) for n, unit in parts if n)


def way_of(tag: str) -> str:
    """The direction in which a language is written, by its tag (BCP 47); left to right where it is not known."""
    try:
        return str(Locale.parse(tag, sep="-").text_direction)
    except (ValueError, UnknownLocaleError):
        return "ltr"


def minutes(seconds: float) -> str:
    """How far into a recording: minutes and seconds, with hours where there are any."""
    whole = int(seconds)
    hours, left = divmod(whole, 3600)
    return f"{hours}:{left // 60:02}:{left % 60:02}" if hours else f"{left // 60}:{left % 60:02}"


def named(codes: Iterable[str], name: Callable[[str], str]) -> list[tuple[str, str]]:
    """Codes with their names in the reader's language, in the order of the names, accents aside."""
    return sorted(((code, name(code)) for code in codes), key=lambda pair: _plain(pair[1]))


def _plain(name: str) -> str:
    """Without case and accents, for the order of a list."""
    return "".join(
        one for one in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(one)
    )


def qr(address: str) -> Markup:
    """An address as an inline SVG to be photographed by a phone."""
    drawn = segno.make(address, error="m", micro=False)
    # Drawn by our own library from a checked address: nothing in it was typed.
    return Markup(drawn.svg_inline(scale=4, border=2, svgclass="qr", lineclass=None, omitsize=False))  # noqa: S704


def _instant(value: str | datetime) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def catalogue_of(folder: Path, language: str, domain: str = DOMAIN) -> NullTranslations:
    """Of what is said in one language; without a file everything is said in English."""
    path = folder / language / "LC_MESSAGES" / f"{domain}.po"
    if not path.exists():
        return NullTranslations()
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(fp=compiled, domain=domain)
