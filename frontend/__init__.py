"""Screens and sockets: what comes in from outside, and what goes out to it.

A page parses, calls one verb of `hearings`, and renders; it decides nothing. `app` is the composition root:
it imports everything and is imported only by `command` and the tests.
"""
