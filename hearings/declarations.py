"""Notices of rights and declarations: put before the person heard, answered yes or no, taken back at any time.

Each question stands by itself, and nothing is presumed: without an answer there is none. Every question and every answer
stays in the journal, a no as well as a yes. Whoever said no may be asked again; a yes stands until it is taken back, in
one step, which on the record suspends the hearing.

An answer is given in one of three ways of equal rank: in a browser, signed there with a key that the page made, on a
device that no official shares; on paper, whose scan is filed as a document; or by word of mouth before the authority
present, the judge or the clerk. An answer from a browser that cannot sign is not taken: that person answers in one of
the other two ways.

Who is suspected, accused or sought says yes after a lawyer's advice, or after it was offered and declined (Directive
2013/48/EU, Articles 3 and 9; Regulation (EU) 2023/2844, Article 6(2)); to say no takes nothing. A text that is not in the person's language is
read to them by an interpreter, who is named.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from consent import notices
from consent.notices import DEFENDED, Text, Wording, spoken
from hearings import answers, approvals
from hearings.actors import Actor, Self
from hearings.acts import Act, Acts
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotValid
from hearings.events import DECLARED, ConsentAsked, ConsentDeclared, ConsentRevoked
from hearings.journal import urn
from hearings.request import NewDocument, file_within
from hearings.roles import COURT, Capacity, Role
from hearings.said import Said
from hearings.sentences import ANSWER_TAKEN_BACK, say
from hearings.states import ON, Verb
from hearings.store import LARGEST, Store
from hearings.story import Declared, Person, Question, Story
from hearings.tree import stamp

WITNESSES = frozenset({Role.AUTHORITY, Role.PRESIDING, Role.CLERK})
"""Before whom an answer can be given by word of mouth."""

Handle = Annotated[str, Field(pattern=r"^[a-z2-7]{8}$")]
What = Annotated[str, Field(pattern=r"^[a-z-]{1,40}$")]


class NewQuestion(Said):
    """`text`: the id of a text; `language`: in which it is put, the person's own if left out."""

    person: Handle
    text: str = Field(min_length=1, max_length=100)
    language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$")


class _Answer(Said):
    """`advised`: whether a lawyer's advice was `had`, or `declined` when it was offered; `through`: the interpreter who
    read the text to the person.
    """

    person: Handle
    what: What
    answer: Literal["yes", "no"]
    advised: Literal["had", "declined"] | None = None
    through: Handle | None = None


class OwnAnswer(_Answer):
    """Of the person heard, from their browser. `asked`, `sha256`: the question and the words that are answered; `key` and
    `signature` as in `ConsentDeclared`, left out by a browser that cannot sign.
    """

    asked: str = Field(min_length=1, max_length=40)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    key: str | None = Field(default=None, max_length=100)
    signature: str | None = Field(default=None, max_length=100)


class Scan(Said):
    """A paper as a file; `content` is base64."""

    name: str = Field(min_length=1, max_length=200)
    media_type: str = Field(pattern=r"^[a-z]+/[A-Za-z0-9.+-]+$", max_length=100)
    content: str = Field(min_length=1, max_length=LARGEST * 4 // 3 + 4)


class RecordedAnswer(_Answer):
    """Written down for the person: given on paper, with its scan, or spoken."""

    method: Literal["paper", "spoken"]
    paper: Scan | None = None


class TakingBack(Said):
    person: Handle
    what: What


class Declarations:
    def __init__(self, acts: Acts, store: Store) -> None:
        self._acts = acts
        self._store = store

    def ask(self, actor: Actor, new: NewQuestion) -> None:
        """Puts a notice or a question before a person heard. Raises: NotFound, NotValid, AlreadyDone."""
        with self._acts.act(actor, Verb.ASK_CONSENT) as act:
            act.refuse_after_signing()
            person = _heard(act.story, new.person)
            text = _text(new.text, person)
            language = _language(text, person, new.language)
            of = text.what, person.handle
            if of in act.story.questions:
                raise AlreadyDone(say("This is before {name} already.", name=person.name))
            standing = act.story.declarations.get(of)
            if standing is not None and standing.answer == "yes":
                raise AlreadyDone(say("{name} has said yes, and that stands.", name=person.name))
            act.write(
                ConsentAsked(
                    participant=person.handle,
                    what=text.what,
                    text=text.id,
                    version=text.version,
                    language=language,
                    words=text.wording[language].canonical,
                    sha256=notices.digest(text, language),
                    sample=not approvals.holds(act.tx, act.hearing, text, language),
                    by=act.who.handle,
                )
            )

    def answer(self, actor: Actor, said: OwnAnswer) -> None:
        """Of the person themself, signed in their browser. Raises: NotFound, NotAllowed, NotNow, NotValid."""
        with self._acts.act(actor, Verb.DECLARE) as act:
            act.refuse_after_signing()
            act.who = _themself(actor, said.person)
            question = _question(act.story, said)
            if (said.asked, said.sha256) != (stamp(question.time), question.asked.sha256):
                raise NotNow(say("The text that you answered is not the one before you now. Read it again."))
            if said.key is None or said.signature is None:
                raise NotAllowed(
                    say(
                        "This browser cannot sign. Say your answer to the official or the court, or give it on paper: "
                        "it counts the same."
                    )
                )
            event = ConsentDeclared(
                **_told(act.story, question, said),
                method="browser",
                key=said.key,
                signature=said.signature,
                by=act.who.handle,
            )
            data = answers.signed(urn(act.hearing.id), said.person, event.members())
            if not answers.holds(said.key, said.signature, data):
                raise NotValid(
                    say(
                        "The signature does not hold, so nothing was written down. Answer again, or tell the official."
                    )
                )
            act.write(event)

    def record(self, actor: Actor, said: RecordedAnswer) -> None:
        """An answer on paper or by word of mouth, by whoever conducts the hearing or looks after it.

        Raises: NotFound, NotAllowed, NotNow, NotValid, Unreachable.
        """
        with self._acts.act(actor, Verb.DECLARE) as act:
            act.refuse_after_signing()
            act.who = _officer(act, actor)
            question = _question(act.story, said)
            witness = act.who.handle if act.who.role in WITNESSES else None
            if said.method == "spoken" and witness is None:
                raise NotAllowed(
                    say("What is spoken is recorded by the authority present, the judge or the clerk.")
                )
            told = _told(act.story, question, said)
            act.write(
                ConsentDeclared(
                    **told,
                    method=said.method,
                    witnessed=witness,
                    document=self._file(act, said),
                    by=act.who.handle,
                )
            )

    def revoke(self, actor: Actor, said: TakingBack) -> None:
        """Takes an answer back, in one step; on the record it suspends the hearing. Raises: NotFound, NotAllowed, NotNow."""
        with self._acts.act(actor, Verb.REVOKE_CONSENT) as act:
            act.refuse_after_signing()
            person = _heard(act.story, said.person)
            act.who = _revoker(act, actor, person)
            if (said.what, person.handle) not in act.story.declarations:
                raise NotNow(say("There is no answer to be taken back."))
            act.write(ConsentRevoked(participant=person.handle, what=said.what, by=act.who.handle))
            if act.hearing.state in ON:
                act.write_suspended(ANSWER_TAKEN_BACK)

    def _file(self, act: Act, said: RecordedAnswer) -> str | None:
        """Files the scan; gives its digest."""
        if said.method == "spoken":
            return None
        if said.paper is None:
            raise NotValid(say("Add the scan of the paper."), field="paper")
        new = NewDocument(kind="declaration", **said.paper.model_dump())
        return file_within(act, self._store, new, new.data()).sha256


# --- who, what, in which language


def _heard(story: Story, handle: str) -> Person:
    person = story.people.get(handle)
    if person is None or person.capacity is None:
        raise NotFound(say("There is no such person in this hearing."))
    return person


def _text(name: str, person: Person) -> Text:
    text = notices.load().get(name)
    if text is None:
        raise NotFound(say("There is no such text."))
    if not text.concerns(str(person.capacity)):
        raise NotValid(say("This text is not for {name}.", name=person.name), field="text")
    return text


def _language(text: Text, person: Person, wanted: str | None) -> str:
    """Raises: NotValid where the person's own is missing and no other was chosen."""
    language = wanted or text.language(person.language)
    if language is None:
        raise NotValid(
            say("This text is not in that person's language. Choose one that an interpreter reads to them."),
            field="language",
        )
    if language not in text.wording:
        raise NotValid(say("This text is not in that language."), field="language")
    return language


def _question(story: Story, said: _Answer) -> Question:
    _heard(story, said.person)
    question = story.questions.get((said.what, said.person))
    if question is None:
        raise NotNow(say("No such question is open. It has been answered, or was not put."))
    return question


def _told(story: Story, question: Question, said: _Answer) -> dict[str, Any]:
    """What every answer tells, once it may be given. Raises: NotValid."""
    asked, person = question.asked, story.people[said.person]
    if said.answer == "yes" and said.advised is None and needs_advice(asked.text, person.capacity):
        raise NotValid(
            say("Say first whether {name} has spoken with a lawyer, or did not want one.", name=person.name),
            field="advised",
        )
    reader = story.people.get(said.through) if said.through else None
    if said.through and (reader is None or reader.role is not Role.INTERPRETER):
        raise NotValid(say("Choose the interpreter who read the text."), field="through")
    if reader is None and foreign(asked.language, person):
        raise NotValid(
            say(
                "This text is not in the language of {name}: say which interpreter read it.", name=person.name
            ),
            field="through",
        )
    return {
        "participant": person.handle,
        "what": asked.what,
        "answer": said.answer,
        "asked": question.time,
        "text": asked.text,
        "version": asked.version,
        "language": asked.language,
        "sha256": asked.sha256,
        "sample": asked.sample,
        "advised": said.advised,
        "through": said.through,
    }


def needs_advice(text: str, capacity: Capacity | None) -> bool:
    """Whether a lawyer's advice comes before the answer."""
    found = notices.load().get(text)
    return str(capacity) in DEFENDED and (found is None or found.needs_advice)


def foreign(language: str, person: Person) -> bool:
    """Whether a text in this language must be read to the person."""
    return spoken(person.language) != spoken(language)


def _themself(actor: Actor, person: str) -> Self:
    """The person heard, at a device that no official shares: there anybody could press. Raises: NotAllowed."""
    own = next((one for one in actor.people if one.handle == person and one.role is Role.HEARD), None)
    if own is None or COURT.intersection(actor.roles):
        raise NotAllowed(
            say(
                "Only the person heard answers in a browser, on a device of their own. "
                "What they say or sign is recorded for them."
            )
        )
    return own


def _officer(act: Act, actor: Actor) -> Self:
    """Who of this place records an answer, a witness first. Raises: NotAllowed."""
    people = actor.people if actor.place else (act.who,)
    found = sorted((one for one in people if one.role in COURT), key=lambda one: one.role not in WITNESSES)
    if not found:
        raise NotAllowed(say("An answer is recorded by the authority present, the court or a coordinator."))
    return found[0]


def _revoker(act: Act, actor: Actor, person: Person) -> Self:
    """The person; or for them an official, their lawyer, or the defence counsel of who is defended. Raises: NotAllowed."""
    people = actor.people if actor.place else (act.who,)
    themself = [one for one in people if one.handle == person.handle]
    officers = [one for one in people if one.role in WITNESSES]
    theirs = [one for one in people if _counsels(one.role, person)]
    found = [*officers, *themself, *theirs]
    if not found:
        raise NotAllowed(say("Only {name}, their lawyer, or the court takes this back.", name=person.name))
    return found[0]


def _counsels(role: Role, person: Person) -> bool:
    return role is Role.LAWYER or (role is Role.DEFENCE and person.capacity in DEFENDED)


# --- what is shown


def own(actor: Actor, story: Story) -> dict[str, list[dict[str, Any]]]:
    """For the persons heard at a place: the questions that are open, and the answers that stand, the first one first.
    Where an official shares the device these look after the answers.
    """
    mine = {one.handle for one in actor.people if one.role is Role.HEARD}
    signs = not COURT.intersection(actor.roles)
    return {
        "questions": [
            _asked(one, story, signs=signs) for (_, person), one in story.questions.items() if person in mine
        ],
        "answers": [
            _answered(one, story)
            for (_, person), one in story.declarations.items()
            if signs and person in mine
        ],
    }


def of_clients(actor: Actor, story: Story) -> list[dict[str, Any]]:
    """For counsel: the answers that stand of those for whom they may take them back."""
    return [
        _answered(one, story)
        for (_, handle), one in story.declarations.items()
        if any(_counsels(role, story.people[handle]) for role in actor.roles)
    ]


def of_all(story: Story) -> list[dict[str, Any]]:
    """For whoever oversees: each person heard, with what can be asked, what was, and how it was answered."""
    return [_of(person, story) for person in story.people.values() if person.capacity is not None]


def _of(person: Person, story: Story) -> dict[str, Any]:
    return {
        "person": person.handle,
        "name": person.name,
        "capacity": person.capacity,
        "language": person.language,
        "texts": [_offered(text, person, story) for text in notices.for_capacity(str(person.capacity))],
        "history": [
            {"time": stamp(time), "sentence": event.sentence(story.named)}
            for time, event in story.consents
            if event.participant == person.handle
        ],
    }


def _offered(text: Text, person: Person, story: Story) -> dict[str, Any]:
    of = text.what, person.handle
    question, standing = story.questions.get(of), story.declarations.get(of)
    return {
        "text": text.id,
        "what": text.what,
        "said": DECLARED[text.what],
        "languages": list(text.wording),
        "own": text.language(person.language),
        "question": _asked(question, story, signs=False) if question else None,
        "answer": _answered(standing, story) if standing else None,
    }


def _asked(question: Question, story: Story, *, signs: bool) -> dict[str, Any]:
    asked = question.asked
    person = story.people[asked.participant]
    return {
        **_named(asked, story),
        "asked": stamp(question.time),
        "sample": asked.sample,
        **_words(asked.words, asked.language),
        "advice": needs_advice(asked.text, person.capacity),
        "foreign": foreign(asked.language, person),
        "interpreters": list(_interpreters(story)),
        "signs": signs,
    }


def _answered(standing: Declared, story: Story) -> dict[str, Any]:
    said = standing.said
    words = next(
        event.words
        for time, event in story.consents
        if isinstance(event, ConsentAsked)
        and (event.what, event.participant, time) == (said.what, said.participant, said.asked)
    )
    return {
        **_named(said, story),
        "answer": standing.answer,
        "time": stamp(standing.time),
        "by": story.named(standing.by),
        "method": said.method,
        "advised": said.advised,
        "through": story.named(said.through) if said.through else None,
        **_words(words, said.language),
    }


def _words(canonical: str, language: str) -> dict[str, dict[str, Any]]:
    """The text as it stands in the journal, and what stands around it."""
    return {
        "wording": Wording.read(canonical).model_dump(mode="json"),
        "phrases": notices.phrases()[language].model_dump(mode="json"),
    }


def _named(said: ConsentAsked | ConsentDeclared, story: Story) -> dict[str, Any]:
    return {
        "person": said.participant,
        "name": story.named(said.participant),
        "what": said.what,
        "said": DECLARED.get(said.what, say(said.what)),
        "text": said.text,
        "version": said.version,
        "language": said.language,
        "sha256": said.sha256,
    }


def _interpreters(story: Story) -> Iterator[dict[str, str]]:
    for person in story.people.values():
        if person.role is Role.INTERPRETER:
            yield {"handle": person.handle, "name": person.name}
