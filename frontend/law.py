"""The law in plain words: what a hearing is for, what a claim is about, and how far it may be relied on."""

from collections.abc import Mapping

from consent.governing import Purpose
from consent.instruments import About
from consent.parties import Mark
from hearings.roles import Capacity
from hearings.sentences import Sentence, say

AIM: Mapping[Purpose, Sentence] = {
    Purpose.EVIDENCE: say("to take evidence from somebody"),
    Purpose.TRIAL: say("to let somebody take part in their own trial"),
    Purpose.RECOGNITION: say("to hear somebody about surrender, or another decision to be recognised"),
    Purpose.EXTRADITION: say("to hear somebody about extradition"),
}
CAPACITY: Mapping[Capacity, Sentence] = {
    Capacity.WITNESS: say("witness"),
    Capacity.EXPERT: say("expert"),
    Capacity.VICTIM: say("victim"),
    Capacity.SUSPECT: say("suspect"),
    Capacity.ACCUSED: say("accused"),
    Capacity.SOUGHT: say("person sought"),
}
MARK: Mapping[Mark, Sentence] = {
    Mark.SEEN: say("read in the text"),
    Mark.SEEN_IN_PART: say("read in part"),
    Mark.RECALLED: say("from memory, to be checked"),
    Mark.UNVERIFIED: say("not verified"),
}
ABOUT: Mapping[About, Sentence] = {
    About.REQUEST: say("Request"),
    About.REFUSAL: say("Agreeing and refusing"),
    About.TIME: say("Time limits"),
    About.COSTS: say("Costs"),
    About.DIRECTS: say("Who conducts"),
    About.PRESENCE: say("Who is present"),
    About.IDENTITY: say("Identity"),
    About.CONSENT: say("Who can be heard, and consent"),
    About.RIGHTS: say("Rights"),
    About.PRIVILEGE: say("Right not to testify"),
    About.INTERPRETER: say("Interpreter"),
    About.OATH: say("Oath"),
    About.PERJURY: say("False statements"),
    About.PROTECTION: say("Protection"),
    About.MINUTES: say("Minutes"),
    About.RECORDING: say("Recording"),
}
