"""The `vivavoce` command: serve, demo, rehearse, verify, worker.

Each loads what it needs when it runs: who checks a package does not wait for the whole service.
"""

import argparse
import gc
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from frontend import settings as settings_
from frontend.settings import Settings
from hearings import verify
from hearings.errors import Refusal
from hearings.playing import Making
from media.addresses import Implausible, check_here, is_loopback

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    match given:
        case ["verify", *rest]:
            return verify.main(rest, _made_again)
        case ["worker", *rest]:
            from media import worker

            return worker.main(rest)
    parsed = _parser().parse_args(given)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        return int(parsed.run(parsed))
    except ValidationError as error:
        for part in error.errors():
            told = part["msg"].removeprefix("Value error, ")
            name = settings_.PREFIX + "_".join(str(step) for step in part["loc"]).upper()
            print(f"{name}: {told}" if part["loc"] else told, file=sys.stderr)
    except Implausible as error:
        print(f"VIVAVOCE_MEDIA_LISTEN: {error}", file=sys.stderr)
    except Refusal as error:
        print(str(error), file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def _made_again(making: Making) -> str:
    from media.deriver import made_again

    return made_again(making.originals, since=making.since, until=making.until, marks=making.marks)


def serve(parsed: argparse.Namespace) -> int:
    """Runs the service until it is stopped; prints where to go."""
    run(settings_.read(**({"media_listen": parsed.listen} if parsed.listen else {})))
    return 0


def run(settings: Settings) -> None:
    import uvicorn

    from frontend.app import create_app
    from frontend.patience import MOST_CONNECTIONS, Punctual
    from media.signalling import LARGEST

    check_here(settings.media_ways)
    app = create_app(settings)
    parts = app.state.service
    # Each makes the one before worthless, so of several processes one prints it.
    invitation = parts.accounts.first_invitation() if parts.conductor.conducts else None
    if invitation is not None:
        print(f"First administrator, once: {settings.origin}/invitations/{invitation}")
    if settings.secure and not settings.trusted_proxies:
        log.warning(
            "VIVAVOCE_PROXIES names no proxy: all browsers behind it count as one when passwords are tried"
        )
    if settings.secure and all(is_loopback(way.announce) for way in settings.media_ways):
        log.warning("VIVAVOCE_MEDIA_LISTEN is this machine alone: no browser elsewhere will be heard or seen")
    print(f"Viva Voce is at {settings.origin}", flush=True)
    gc.collect()
    gc.freeze()  # the collector of garbage passes over what stays to the end, and holds up nobody for it
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,  # addresses hold personal links
        ws_max_size=LARGEST,
        http=Punctual,
        limit_concurrency=MOST_CONNECTIONS,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def demo(parsed: argparse.Namespace) -> int:
    """A docket with a hearing in session, until it is stopped; prints how to sign in and to join."""
    from frontend.demo import Demo, DemoFailed

    try:
        Demo(data=parsed.data, seconds=parsed.seconds, tell=partial(print, flush=True)).run()
    except DemoFailed as failed:
        return _told(failed)
    return 0


def rehearse(parsed: argparse.Namespace) -> int:
    """A whole hearing without a page; the package's path is the last line printed."""
    from frontend.rehearse import Rehearsal, RehearsalFailed

    try:
        rehearsal = Rehearsal(Path(parsed.out), seconds=parsed.seconds, participants=parsed.participants)
        print(rehearsal.run())
    except RehearsalFailed as failed:
        return _told(failed)
    return 0


def _told(failed: Exception) -> int:
    print(str(failed), file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vivavoce", description="Hearings by video link between two States."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serving = commands.add_parser("serve", help="run the service (settings: VIVAVOCE_… in the environment)")
    serving.add_argument(
        "--listen", metavar="ADDRESS,…", help="addresses for sound and picture; loopback by default"
    )
    serving.set_defaults(run=serve)
    showing = commands.add_parser(
        "demo", help="run the service with a docket of invented hearings to try it on"
    )
    showing.add_argument("--data", type=Path, metavar="DIR", help="an empty folder to keep it in")
    showing.add_argument(
        "--seconds", type=float, metavar="N", help="stop by itself so long after it is ready"
    )
    showing.set_defaults(run=demo)
    rehearsing = commands.add_parser("rehearse", help="conduct a whole hearing with synthetic participants")
    rehearsing.add_argument("--out", required=True, metavar="DIR", help="where the package and trust.json go")
    rehearsing.add_argument("--seconds", type=int, default=20, metavar="N", help="time on the record")
    rehearsing.add_argument("--participants", type=int, default=4, metavar="N", help="people in the room")
    rehearsing.set_defaults(run=rehearse)
    commands.add_parser(
        "verify", help="check a package offline: verify PACKAGE [--trust FILE] [--copies]", add_help=False
    )
    commands.add_parser("worker", help="a media worker for another machine", add_help=False)
    return parser


if __name__ == "__main__":
    sys.exit(main())
