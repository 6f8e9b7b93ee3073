"""The steps of a hearing as a person sees them: where each stands, in words, and what comes next.

Pure: from a view (`hearings.views`) to lines on the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from hearings.sentences import Day as Calendar
from hearings.sentences import Sentence, say
from hearings.states import State, Verb
from scheduling import zones

View = Mapping[str, Any]

_ON = {State.ON_RECORD, State.EXAMINING}
_OPENED = {State.OPEN, State.SUSPENDED, *_ON}
_OVER = {State.ENDED, State.CLOSED, State.DESTROYED}
_NEVER = {State.DECLINED, State.CANCELLED}
_NAMED = 2  # places that are named one by one


class Day(StrEnum):
    """The headings of the docket, in order."""

    TODAY = "today"
    COMING = "coming"
    NO_TIME = "no-time"
    TO_CLOSE = "to-close"
    TO_DESTROY = "to-destroy"
    OVER = "over"


DAYS: Mapping[Day, Sentence] = {
    Day.TODAY: say("Today"),
    Day.COMING: say("To come"),
    Day.NO_TIME: say("Without a time"),
    Day.TO_CLOSE: say("Held, to be signed and closed"),
    Day.TO_DESTROY: say("Kept long enough, to be destroyed"),
    Day.OVER: say("Over"),
}


@dataclass(frozen=True)
class Step:
    """`tone`: met, needs (somebody must do something), record (on the record), now, later, never."""

    id: str
    title: Sentence
    said: Sentence
    tone: str


@dataclass(frozen=True)
class Next:
    """What comes next, and the step where it is done; `press`: what the way there says; `yours` if it is for who
    looks at the page.
    """

    sentence: Sentence
    step: str
    yours: bool
    press: Sentence


def of(view: View) -> list[Step]:
    """The spine of a hearing's pages, in order."""
    return [
        Step("request", say("Request"), *_request(view)),
        Step("schedule", say("Time"), *_schedule(view)),
        Step("people", say("People and places"), *_people(view)),
        Step("letters", say("Letters"), *_letters(view)),
        Step("checklist", say("Safeguards"), *_checklist(view)),
        Step("declarations", say("Declarations"), *_declarations(view)),
        Step("room", say("Room"), *_room(view)),
        Step("record", say("Record"), *_record(view)),
        Step("keeping", say("Keeping"), *_keeping(view)),
        Step("journal", say("Journal"), say("{n} entries", n=view.get("leaves", 0)), "later"),
    ]


def following(view: View) -> Next:
    """The one next step of the whole hearing."""
    verbs = set(view["verbs"])
    to_know = Verb.CONFIRM_CHANGE in verbs and any(one["yours"] for one in view.get("changes", ()))
    return _TO_KNOW if to_know else _next(view, State(view["state"]), verbs)


def _next(view: View, state: State, verbs: set[str]) -> Next:
    if state is State.REQUESTED:
        return _next_answer(verbs)
    if state in {State.ACCEPTED, State.ADJOURNED}:
        return _next_time(view, verbs)
    if state is State.SCHEDULED:
        return _next_before(view, verbs)
    if state is State.ENDED:
        return _next_record(view, verbs)
    if state in _IN_THE_ROOM:
        yours = bool(verbs & {Verb.GO_ON_RECORD, Verb.GO_OFF_RECORD, Verb.RESUME})
        return Next(_IN_THE_ROOM[state], "room", yours, say("Go to the room"))
    return _TO_DESTROY if due(view) and Verb.DESTROY in verbs else _ELSE[state]


def in_the_way(view: View) -> list[Sentence]:
    """What stands in the way of a hearing that is about to be held, for a line of the docket."""
    state = State(view["state"])
    if state is State.SUSPENDED:
        return _away(view)
    if state not in {State.SCHEDULED, State.OPEN, *_ON}:
        return []
    unopened, missing = links_unopened(view), safeguards_open(view)
    told = [say("nobody is named yet")] if not _seats(view) else []
    told += [say("{n} links not opened", n=unopened)] if unopened > 1 else []
    told += [say("1 link not opened")] if unopened == 1 else []
    told += [say("{n} safeguards open", n=missing)] if missing > 1 else []
    told += [say("1 safeguard open")] if missing == 1 else []
    return told if state is State.SCHEDULED else [*told, *_away(view)]


def standing(view: View) -> Sentence:
    """Where a hearing stands, in a word or two."""
    return _DUE[0] if due(view) else _STANDS[State(view["state"])][0]


def tone(view: View) -> str:
    return _DUE[1] if due(view) else _STANDS[State(view["state"])][1]


def due(view: View) -> bool:
    """Whether a hearing has been kept for as long as the rules say, and nothing holds it."""
    return bool(view.get("keeping", {}).get("due"))


_DUE = say("due for destruction"), "needs"


_STANDS: Mapping[State, tuple[Sentence, str]] = {
    State.REQUESTED: (say("requested"), "needs"),
    State.ACCEPTED: (say("accepted"), "needs"),
    State.DECLINED: (say("declined"), "never"),
    State.SCHEDULED: (say("time is fixed"), "met"),
    State.CANCELLED: (say("cancelled"), "never"),
    State.OPEN: (say("room open, not on the record"), "now"),
    State.ON_RECORD: (say("on the record"), "record"),
    State.EXAMINING: (say("on the record"), "record"),
    State.SUSPENDED: (say("suspended"), "needs"),
    State.ADJOURNED: (say("adjourned"), "needs"),
    State.ENDED: (say("the sitting has ended"), "needs"),
    State.CLOSED: (say("closed and sealed"), "met"),
    State.DESTROYED: (say("destroyed"), "never"),
}


def _away(view: View) -> list[Sentence]:
    away = [place["name"] for place in _seats(view) if not place["connected"]]
    if len(away) > _NAMED:
        return [say("{n} places are not connected", n=len(away))]
    return [say("{place} is not connected", place=name) for name in away]


def _seats(view: View) -> list[Mapping[str, Any]]:
    return [place for place in view.get("places", ()) if place["in_room"]]


def day_of(view: View, today: date) -> Day:
    """Under which heading of the docket a hearing stands. `today`: in the zone of who reads it."""
    state = State(view["state"])
    if state in _OPENED:
        return Day.TODAY
    if due(view):
        return Day.TO_DESTROY
    if state in {*_NEVER, State.CLOSED, State.DESTROYED}:
        return Day.OVER
    if state is State.ENDED:
        return Day.TO_CLOSE
    if state is State.SCHEDULED and view["start"]:
        when = zones.on_clock(
            datetime.fromisoformat(view["start"]["instant"]), view["zones"][_side(view)]
        ).date
        return Day.TODAY if when <= today else Day.COMING
    return Day.NO_TIME


_IN_THE_ROOM = {
    State.OPEN: say("The judge admits who waits, and goes on the record."),
    State.ON_RECORD: say("Identity, rights and oath come before the examination."),
    State.EXAMINING: say("The examination is under way."),
    State.SUSPENDED: say("The judge resumes, adjourns or ends the hearing."),
}
_TO_DESTROY = Next(
    say("The time for which it is kept has passed. It is to be destroyed."),
    "keeping",
    yours=True,
    press=say("See what is to be destroyed"),
)
_ELSE = {
    State.CLOSED: Next(
        say("Download the package and keep it."), "record", yours=True, press=say("Download the package")
    ),
    State.DESTROYED: Next(
        say("Nothing of it is kept but the certificate."),
        "certificate",
        yours=False,
        press=say("Read the certificate"),
    ),
    State.DECLINED: Next(
        say("Nothing more is to be done here."), "request", yours=False, press=say("Read the reason")
    ),
    State.CANCELLED: Next(
        say("Nothing more is to be done here."), "journal", yours=False, press=say("Read the journal")
    ),
}


_TO_KNOW = Next(
    say("The other side changed the plan; your side confirms that it knows."),
    "schedule",
    yours=True,
    press=say("Look at the time"),
)


def _next_answer(verbs: set[str]) -> Next:
    if Verb.ACCEPT in verbs:
        sentence = say("Your side accepts or declines the request.")
        return Next(sentence, "request", yours=True, press=say("Answer the request"))
    sentence = say("The requested side accepts or declines the request.")
    return Next(sentence, "request", yours=False, press=say("Look at the request"))


def _next_record(view: View, verbs: set[str]) -> Next:
    if "minutes" in view.get("unsigned", ()):
        sentence = say("The authority present reads and signs the minutes.")
        yours = Verb.SIGN_MINUTES in verbs and _side(view) == "requested"
        return Next(sentence, "record", yours, say("Read the minutes"))
    if "record" in view.get("unsigned", ()):
        sentence = say("The requesting court reads and signs its own record.")
        yours = Verb.SIGN_MINUTES in verbs and _side(view) == "requesting"
        return Next(sentence, "record", yours, say("Read the record"))
    return Next(say("The clerk closes the file."), "record", Verb.CLOSE in verbs, say("Go to the record"))


def links_unopened(view: View) -> int:
    return sum(1 for place in _seats(view) if place.get("link") != "opened")


def safeguards_open(view: View) -> int:
    """What blocks and is not met, of all that comes before the file is closed."""
    return sum(1 for item in view.get("checklist", ()) if _holds_up(item))


def _holds_up(item: Mapping[str, Any]) -> bool:
    return item["blocks"] and not item["met"] and item["stage"] in {"request", "before", "opening"}


def _proposed_to(view: View) -> bool:
    """Whether the other side proposes a time."""
    return any(slot["side"] != _side(view) for slot in view.get("proposals", ()))


def _next_proposed(verbs: set[str]) -> Next:
    sentence = say("The other side proposes a time.")
    return Next(sentence, "schedule", Verb.SCHEDULE in verbs, say("Look at the time"))


def _next_time(view: View, verbs: set[str]) -> Next:
    if _proposed_to(view):
        return _next_proposed(verbs)
    if view.get("proposals"):
        sentence = say("The other side confirms the time that is proposed.")
        return Next(sentence, "schedule", yours=False, press=say("Look at the time"))
    return Next(say("A time is to be proposed."), "schedule", Verb.PROPOSE in verbs, say("Propose a time"))


def _next_before(view: View, verbs: set[str]) -> Next:
    if not _seats(view):
        sentence = say("The people and their places are to be named.")
        return Next(sentence, "people", Verb.SEAT in verbs, say("Add people and places"))
    if _proposed_to(view):
        return _next_proposed(verbs)
    unopened = links_unopened(view)
    before = [item for item in view.get("checklist", ()) if _holds_up(item) and item["stage"] != "opening"]
    if unopened:
        sentence = say("The links are to be sent and opened: {n} are not opened yet.", n=unopened)
        if unopened == 1:
            sentence = say("One link is still to be sent and opened.")
        return Next(sentence, "people", Verb.LINK in verbs, say("See to the links"))
    if before:
        yours = any(item["yours"] for item in before)
        sentence = say("Safeguards are to be met before the record can begin: {n}.", n=len(before))
        return Next(sentence, "checklist", yours, say("See to the safeguards"))
    sentence = say("Everything is prepared. The room opens half an hour before.")
    return Next(sentence, "room", yours=False, press=say("Look into the room"))


def _request(view: View) -> tuple[Sentence, str]:
    match State(view["state"]):
        case State.REQUESTED:
            return say("waits for an answer"), "needs"
        case State.DECLINED:
            return say("declined"), "never"
        case _:
            return say("accepted"), "met"


def _schedule(view: View) -> tuple[Sentence, str]:
    state = State(view["state"])
    if state is State.CANCELLED:
        return say("cancelled"), "never"
    if state in {State.REQUESTED, State.DECLINED}:
        return say("later"), "later"
    if view.get("proposals"):
        return say("proposed, not confirmed"), "needs"
    if state is State.ADJOURNED:
        return say("adjourned, no new time"), "needs"
    if view["start"] is None:
        return say("not fixed"), "needs"
    return say("fixed"), "met"


def _people(view: View) -> tuple[Sentence, str]:
    seats = _seats(view)
    people = sum(len(place["people"]) for place in seats)
    if not seats:
        return say("nobody yet"), "later" if view["state"] in {State.REQUESTED, *_NEVER} else "needs"
    unopened = links_unopened(view)
    if unopened and State(view["state"]) not in _OVER | _NEVER:
        if unopened == 1:
            return say("{people} people, 1 link not opened", people=people), "needs"
        return say("{people} people, {links} links not opened", people=people, links=unopened), "needs"
    return say("{people} people in {places} places", people=people, places=len(seats)), "met"


def letters_in_trouble(view: View) -> Sentence | None:
    """What a coordinator has to see to, in one line."""
    n = view.get("letters", 0)
    if not n:
        return None
    return say("1 letter did not arrive") if n == 1 else say("{n} letters did not arrive", n=n)


def _letters(view: View) -> tuple[Sentence, str]:
    trouble = letters_in_trouble(view)
    return (trouble, "needs") if trouble else (say("none came back"), "later")


def _checklist(view: View) -> tuple[Sentence, str]:
    items = view.get("checklist", ())
    if not items:
        return say("known when somebody is named"), "later"
    missing = safeguards_open(view)
    return (say("{n} open", n=missing), "needs") if missing else (say("all met"), "met")


def _declarations(view: View) -> tuple[Sentence, str]:
    texts = [text for person in view.get("declarations", ()) for text in person["texts"]]
    open_ = sum(1 for text in texts if text["question"])
    if open_:
        return say("{n} not answered", n=open_), "needs"
    given = sum(1 for text in texts if text["answer"])
    return (say("{n} answered", n=given), "met") if given else (say("nothing asked"), "later")


def _room(view: View) -> tuple[Sentence, str]:
    state = State(view["state"])
    if state in _ON:
        return say("on the record"), "record"
    if state is State.SUSPENDED:
        return say("suspended"), "needs"
    if state is State.OPEN:
        return say("open, not on the record"), "now"
    if state in _OVER:
        return say("the sitting has ended"), "met"
    return say("not open"), "later"


def _record(view: View) -> tuple[Sentence, str]:
    state = State(view["state"])
    if state is State.CLOSED:
        return say("closed and sealed"), "met"
    if state is not State.ENDED:
        return say("later"), "later"
    return (
        (say("file to be closed"), "needs")
        if not view.get("unsigned")
        else (say("minutes to be signed"), "needs")
    )


def _keeping(view: View) -> tuple[Sentence, str]:
    told = view.get("keeping", {})
    if State(view["state"]) is not State.CLOSED:
        return say("later"), "later"
    if due(view):
        return _DUE
    if told["holds"]:
        return say("held"), "needs"
    if told["until"] is None:
        return say("without an end"), "met"
    return say("until {day}", day=Calendar(date.fromisoformat(told["until"]))), "met"


def _side(view: View) -> str:
    people = view["you"]["people"]
    return str(people[0]["side"]) if people else ""
