"""Minutes of a long hearing, as they come from the journal: sentences of ours, and what invented people wrote."""

from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

from consent import checklist, instruments
from hearings import figures
from hearings.checklist import cited
from hearings.events import (
    LAW,
    ExaminationBegun,
    ExhibitShown,
    HearingResumed,
    HearingSuspended,
    InterpretationOpened,
    MinutesRead,
    OathTaken,
    ObjectionRaised,
    ParticipantAdmitted,
    ParticipantLost,
    ParticipantReturned,
    PrivilegeClaimed,
    RecordOff,
    RecordOn,
    RequirementConfirmed,
    SittingOpened,
    StatementNoted,
    TestHeld,
)
from hearings.minutes import (
    Connection,
    Counsel,
    Fact,
    Happening,
    Heard,
    Interpreted,
    Interruption,
    Minutes,
    Oath,
    Omission,
    Participant,
    Presence,
    Reading,
    Recording,
    Safeguard,
    Seat,
    Signatory,
    Sitting,
    Sources,
    Span,
    Technical,
    Tested,
    Warned,
    Worst,
)
from hearings.roles import OFFICE, Capacity, Role, Side
from hearings.sentences import SERVICE_STOPPED, Sentence, say

BEGIN = datetime(2026, 11, 23, 9, 2, tzinfo=UTC)
LONG = timedelta(hours=4)
PEOPLE = {
    "jjjjjjjj": "Judge J. van Sample",
    "aaaaaaaa": "Magistrada B. Muestra",
    "wwwwwwww": "Wítness Ñ",
    "iiiiiiii": "ليلى ترجمان",
    "cccccccc": "Clerk K.",
    "service": OFFICE[Role.SERVICE],
}
REMARK = (
    "The person heard says that the letter of 4 May was handed over in the yard behind the house, that nobody else "
    "was there, and that it was raining."
)
LAST_WORD = "raining."


def happenings(remark: str = REMARK) -> list:
    """One of every kind that a hearing is full of."""
    who = {"by": "jjjjjjjj"}
    return [
        SittingOpened(n=1, by="jjjjjjjj"),
        ParticipantAdmitted(participant="wwwwwwww", **who),
        InterpretationOpened(participant="iiiiiiii", language="ar", **who),
        RecordOn(stretch=1, tracks=["wwwwwwww-audio"], **who),
        RequirementConfirmed(
            requirement="identity",
            words=next(
                item.words for item in checklist.load().items if "established the identity" in item.words
            ),
            article="Directive 2014/41/EU, Article 24(5)(a)",
            proof="Passport, seen by the authority present.",
            by="aaaaaaaa",
        ),
        OathTaken(
            participant="wwwwwwww",
            taken=True,
            words="Juro decir la verdad.",
            form="oath",
            language="es",
            before="aaaaaaaa",
            by="cccccccc",
        ),
        StatementNoted(text=remark, by="cccccccc"),
        ExhibitShown(exhibit="7", shown=True, words="The letter of 4 May.", by="cccccccc"),
        PrivilegeClaimed(participant="wwwwwwww", law="both", by="wwwwwwww"),
        ObjectionRaised(words="“Uncle” became “father”.", by="iiiiiiii"),
        ParticipantLost(participant="wwwwwwww", since=BEGIN + timedelta(minutes=50)),
        HearingSuspended(reason=str(SERVICE_STOPPED), by="service"),
        ParticipantReturned(
            participant="wwwwwwww",
            since=BEGIN + timedelta(minutes=50),
            at=BEGIN + timedelta(minutes=52),
            away=120_000,
        ),
        HearingResumed(repeated="The last question was put again.", **who),
        ExaminationBegun(**who),
        RecordOff(stretch=1, reason="A pause.", **who),
    ]


def _added(article: Sentence) -> dict[str, object]:
    """The heads that other duties add."""
    stay = (Presence(entered=BEGIN, left=BEGIN + LONG),)
    seen = TestHeld(
        test="0b1c2d3e-4f50-4617-8899-aabbccddeeff",
        place="Video room 2",
        good=True,
        width=1280,
        height=720,
        heard=True,
        seconds=60,
        trip=182,
        loss=4,
        grade="good",
        way="relayed",
        by="aaaaaaaa",
    ).seen()
    read = MinutesRead(
        participant="wwwwwwww",
        whose=Side.REQUESTED,
        language="es",
        aloud=True,
        through="iiiiiiii",
        said="remark",
        words="The yard is before the house.",
        sha256="0" * 64,
        by="aaaaaaaa",
    )
    return {
        "video": (
            Fact(label=say("Purpose of the request"), value="Evidence of a theft."),
            Fact(label=say("Why this instrument"), value="Both States apply it."),
        ),
        "presided": (Fact(label=say("Presided"), value="Judge J. van Sample"),),
        "tests": (
            Tested(place="Video room 2", at=BEGIN - LONG, good=True, seen=seen, by="Magistrada B. Muestra"),
        ),
        "interpreted": (Interpreted(name="ليلى ترجمان", language="ar", begin=BEGIN, end=BEGIN + LONG),),
        "lawyers": (Counsel(name="Lawyer F", function=str(OFFICE[Role.LAWYER]), presence=stay),),
        "sight": (
            say(
                "Whoever was admitted to the room saw and heard everybody else who was. Nobody in the waiting room saw or heard anybody."
            ),
        ),
        "recorded": (Span(number=1, begin=BEGIN, end=BEGIN + LONG, sealed=True),),
        "readings": (
            Reading(
                name="Wítness Ñ",
                how=read.how(PEOPLE.__getitem__),
                said="remark",
                words=str(read.words),
                at=BEGIN + LONG,
            ),
        ),
        "omissions": (
            Omission(
                words="The accused is not named.", reason="There is none.", by="Clerk K.", at=BEGIN + LONG
            ),
        ),
    }


def long_minutes(entries: int = 24, remark: str = REMARK, **changes: object) -> Minutes:
    """A hearing of four hours with so many entries in its course."""
    eio = instruments.load()["eio"]
    article = cited(eio, eio.minutes)
    step = LONG / max(entries, 1)
    course = [
        Happening(at=BEGIN + n * step, sentence=event.sentence(PEOPLE.__getitem__))
        for n, event in enumerate(islice(cycle(happenings(remark)), entries))
    ]
    worst = Worst(
        begin=BEGIN, end=BEGIN + timedelta(seconds=10), grade="weak", score=61, lost=31, jitter=12, trip=190
    )
    law = checklist.load().items
    facts = {
        "hearing": "urn:uuid:0b1c2d3e-4f50-4617-8899-aabbccddeeff",
        "drawn_up": BEGIN + LONG + timedelta(minutes=20),
        "drawn_up_by": "Magistrada B. Muestra, Court of Samplia",
        "matter": "Matter 12/2026",
        "basis": (say(eio.title), article),
        "sources": Sources(
            date_and_place=article,
            person_heard=article,
            participants=article,
            oaths=article,
            technical=article,
        ),
        "requesting": Seat(
            side=Side.REQUESTING,
            authority="Court of Exampleton",
            place="Courtroom 4, Exampleton",
            state="NL",
            zone="Europe/Amsterdam",
            reference="13/998877-26",
        ),
        "requested": Seat(
            side=Side.REQUESTED,
            authority="Court of Samplia",
            place="Video room 2, Samplia",
            state="ES",
            zone="Europe/Madrid",
            reference="00412-2026-0",
        ),
        "sittings": (Sitting(begin=BEGIN, end=BEGIN + LONG),),
        "heard": (
            Heard(
                name="Wítness Ñ",
                capacity=Capacity.WITNESS,
                identified_how="Passport",
                identified_by="Magistrada B. Muestra",
                identified_at=BEGIN,
            ),
        ),
        "participants": (
            Participant(
                name="Magistrada B. Muestra",
                function=str(OFFICE[Role.AUTHORITY]),
                side=Side.REQUESTED,
                presence=(Presence(entered=BEGIN),),
            ),
            Participant(
                name="ليلى ترجمان",
                function=str(OFFICE[Role.INTERPRETER]),
                side=Side.REQUESTED,
                presence=(Presence(entered=BEGIN, left=BEGIN + LONG),),
            ),
            Participant(
                name="Judge J. van Sample",
                function=str(OFFICE[Role.PRESIDING]),
                side=Side.REQUESTING,
                presence=(Presence(entered=BEGIN),),
            ),
        ),
        "oaths": (
            Oath(
                name="Wítness Ñ",
                taken=True,
                form="oath",
                formula="Juro decir la verdad, toda la verdad y nada más que la verdad.",
                language="es",
                administered_by="Magistrada B. Muestra",
                at=BEGIN + timedelta(minutes=7),
            ),
            Oath(name="ليلى ترجمان", taken=False, reason="Sworn once for all."),
        ),
        "technical": Technical(
            platform="Viva Voce",
            version="0.1.0",
            codecs=(say("Opus (sound)"), say("VP8 (picture)")),
            encryption=say("DTLS-SRTP between each participant and the service"),
            further=(
                Fact(
                    label=say("On the record"),
                    value=say("{times}×, {seconds} s in all", times=1, seconds="14400.0"),
                ),
            ),
            recordings=tuple(
                Recording(path=f"data/media/wwwwwwww-{kind}-1.pcapng", sha256=f"{n}a" * 32)
                for n, kind in enumerate(("audio", "camera"))
            ),
            interruptions=(
                Interruption(
                    begin=BEGIN + timedelta(minutes=50),
                    end=BEGIN + timedelta(minutes=52, seconds=3),
                    what=say("The hearing was suspended"),
                    reason=SERVICE_STOPPED,
                ),
            ),
            connections=tuple(
                Connection(
                    name="Wítness Ñ",
                    what=figures.WHAT[kind],
                    good=14_000_000,
                    weak=300_000,
                    bad=0,
                    lost=3,
                    trip=182,
                    stops=stops,
                    stopped=None if stops is None else 4300,
                    worst=worst,
                )
                for kind, stops in (("audio", 2), ("camera", 1), ("heard", None))
            ),
            measured=figures.METHOD,
        ),
        "safeguards": tuple(
            Safeguard(
                requirement=say(item.words),
                article=article,
                outcome="met",
                by="Magistrada B. Muestra",
                at=BEGIN,
            )
            for item in law[78:84]
        ),
        "warnings": (
            Warned(
                name="Wítness Ñ",
                law=LAW["requested"],
                words="Quien falta a la verdad comete delito de falso testimonio.",
                by="Magistrada B. Muestra",
                at=BEGIN + timedelta(minutes=9),
            ),
        ),
        **_added(article),
        "course": course,
        "signatory": Signatory(
            name="Magistrada B. Muestra",
            function=str(OFFICE[Role.AUTHORITY]),
            authority="Court of Samplia",
            place="Samplia",
        ),
    }
    return Minutes.model_validate({**facts, **changes})
