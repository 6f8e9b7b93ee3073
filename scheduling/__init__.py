"""Time: what a clock shows in each seat, invitations, timers, and the mail that carries them.

- `zones`: wall time to instant and back; refuses hours that a clock change leaves out or repeats.
- `days`: working hours, night, weekend and public holidays of a State; what to know of a time, and which suits best.
- `invitations`: a hearing as an entry for somebody's calendar (iCalendar), and its cancellation.
- `timers`: calls something at an instant, or again and again.
- `mail`: composes a letter and hands it to a folder or to a mail server.

A leaf: it knows no hearing, no database and no web. It is told what to send and when to call.
"""
