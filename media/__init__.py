"""Packets and recorded bytes: connections, who hears whom, recording.

The path of a packet, file by file: a browser's datagram reaches one of the worker's `addresses`, is read from its
socket (`datagrams`) by the agent `ice_lite`, where sound goes before picture, is decrypted by the DTLS transport of
`adapter`, and goes to its `peer` and the `publisher` there, which learns what `stream` it is of. `fanout` offers it to
the listeners that the table of `channels` allows; `outlet` rewrites it with a fresh header for each; the agent seals
and sends it, and what came together leaves together. The `recorder` is a listener like any other: `account` decides
what each second is, `originals` and `pcapng` write it, `locked` so that only the registry can read it, into `storage`.

Whether there is sound in it is found by `living`, which has `ears` decode some of it in a process of its own; whether the
disk lasts, by `provision`.

From the originals of a stretch `deriver`, another process, makes copies for playing: `derivation` puts packets in
order, `oneclock` places them on one clock, `webm` writes the file.

Which of a camera's two layers a listener is given, if any, and which are sent at all, is decided by `pictures` with
the rule of `allotment`, from what the listener's `downlink` is measured to bear. `tally` counts how each stream
comes, `measuring` brings it together, `score` says how good that is.

`description` reads a page's offer and `answer` writes ours; `room` holds the peers of one hearing; `worker` holds the
rooms, in a process of its own, and `load` says how busy that is; `control` is the only way in, and `spool` keeps what
is to be told until it is acknowledged. `synthetic`, with `loops` and `offering`, is a participant without a person.

This folder knows no hearing, no database and no web. It is told the desired state of a room and answers
with reports.
"""
