"""Packets and recorded bytes: connections, who hears whom, recording.

The path of a packet, file by file: a browser's datagram reaches `ice_lite` (one UDP socket a worker),
is decrypted by the DTLS transport of `adapter`, counted by `peer`, offered by `fanout` to the listeners
that `channels`' table allows, rewritten with a fresh header for each, and sent. The recorder is a
listener like any other. `worker` holds the rooms in a process of its own; `control` is the only way in.

This folder knows no hearing, no database and no web. It is told the desired state of a room and
answers with reports.
"""
