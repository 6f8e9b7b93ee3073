"""A hearing, step by step: the facts, and the order in which they may come about.

    request     the letter arrives; the requested side accepts or declines
    schedule    a time on two clocks, moved, split, postponed or cancelled; who comes when (`plan`)
    notices     what everybody is told of it, and what they answer (`letters`, `post`)
    people      participants, their places, and the links that open them
    checklist   what the instrument demands, and what is still open: the three gates
    room        open, admit, go on the record, examine, suspend, resume, end
    recording   what was kept of sound and picture, and the account of every second
    timetable   what is due when, and fires once
    record      the minutes of the authority on the requested side, and the sealed package
    verify      reads a package back, without any of the above

A step imports earlier steps only. Everything that happened is an entry in the journal, written by
`journal` alone, in the same transaction as the change that it tells of.
"""
