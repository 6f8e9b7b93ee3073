"""Verifies a package offline: eleven checks in their order, and a verdict (FORMAT.md, part 6).

Whatever the bytes are, the answer is a verdict with a sentence, never an exception. A check runs if those
that it needs have passed. Nothing here or beneath knows the database, the service, or the network.
"""

import argparse
import base64
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn, TypeVar

from hearings.container import MANIFEST, SIGNATURE, Bundle, check_bag, read_asic_manifest
from hearings.errors import Unverifiable
from hearings.events import KINDS, MediaLost
from hearings.playing import Derive
from hearings.signatures import Signed, fingerprint, read_seal, title
from hearings.tree import Checkpoint, read_checkpoint
from hearings.verify_copies import check_copies
from hearings.verify_journal import (
    Entry,
    Log,
    check_files,
    check_kept,
    cosigned_sentence,
    grow,
    read_entries,
    read_log,
    sealed_paths,
)
from hearings.verify_media import Recording, Row, check_originals, check_time, recording_of
from hearings.verify_page import page
from hearings.verify_seals import (
    LARGEST_TRUST,
    Reader,
    Trust,
    check_minutes,
    check_seals,
    key_sentence,
    read_trust,
)

T = TypeVar("T")
Rows = Mapping[tuple[str, int], Sequence[Row]]


class Outcome(StrEnum):
    OK = "ok"
    REFUSED = "refused"
    SKIPPED = "skipped"
    NOT_RUN = "not run"


class Check(NamedTuple):
    name: str
    outcome: Outcome
    sentence: str


class Verdict(NamedTuple):
    """The checks in their order, and the sentence that sums them up."""

    checks: tuple[Check, ...]
    accepted: bool
    sentence: str


class _Skipped(Exception):
    """There is nothing to check; the sentence says why."""


class _Checks:
    """Runs one check after the other and keeps what came of each."""

    def __init__(self) -> None:
        self.done: list[Check] = []

    def run(self, name: str, work: Callable[..., tuple[T, str]], *needs: object) -> T | None:
        """What `work(*needs)` gives, with its sentence kept; None if it did not pass, or a need is None."""
        if any(need is None for need in needs):
            self._keep(name, Outcome.NOT_RUN, "A check that this one needs did not pass.")
            return None
        try:
            value, sentence = work(*needs)
        except _Skipped as reason:
            self._keep(name, Outcome.SKIPPED, str(reason))
        except Unverifiable as refusal:
            self._keep(name, Outcome.REFUSED, str(refusal))
        except Exception as error:  # noqa: BLE001  # hostile bytes: the promise is a verdict, whatever they do
            self._keep(name, Outcome.REFUSED, f"This cannot be read ({type(error).__name__}).")
        else:
            self._keep(name, Outcome.OK, sentence)
            return value
        return None

    def _keep(self, name: str, outcome: Outcome, sentence: str) -> None:
        shown = "".join(letter if letter.isprintable() else "?" for letter in sentence)
        self.done.append(Check(name, outcome, shown))


class _Question(NamedTuple):
    """What came with the package; `trust` is what was read of the trust file, if there was one."""

    trust: Trust | None
    head: Checkpoint | None
    at: datetime
    derive: Derive | None


def verify(
    path: Path, *, trust: bytes | None, head: bytes | None, at: datetime, derive: Derive | None = None
) -> Verdict:
    """Checks the package at `path` as of `at`, against a trust file and a kept head if there are any; `derive`: the
    copies for playing are made again with it.
    """
    checks = _Checks()
    question = _asked(checks, trust, head, at, derive)
    with _opened(path, checks) as file:
        end = _check_all(checks, file, question)
    return _verdict(checks.done, end)


def verify_stream(file: BinaryIO, *, trust: bytes | None, at: datetime) -> Verdict:
    """As `verify`, of a package that is read from any place of `file`."""
    checks = _Checks()
    question = _asked(checks, trust, None, at, None)
    return _verdict(checks.done, _check_all(checks, file, question))


def _asked(
    checks: _Checks, trust: bytes | None, head: bytes | None, at: datetime, derive: Derive | None
) -> _Question | None:
    trusted = checks.run("trust", _trust, _Maybe(trust))
    kept = checks.run("head", _head, _Maybe(head))
    readable = (trust is None or trusted is not None) and (head is None or kept is not None)
    return _Question(trusted, kept, at, derive) if readable else None


def _check_all(checks: _Checks, file: BinaryIO | None, question: _Question | None) -> str | None:
    """Checks 1 to 11 of FORMAT.md; gives by whom the record is sealed, if that came out."""
    bundle = checks.run("zip", _bundle, file)
    container = checks.run("container", _container, bundle)
    checks.run("bag", _bag, bundle)
    log = checks.run("log", _log, bundle, question)
    leaves = checks.run("tree", _tree, bundle, log, question)
    entries = checks.run("entries", _entries, bundle, log, leaves)
    sealed = checks.run("seals", _seals, bundle, log, question, container, entries)
    recording = checks.run("files", _files, bundle, log, entries)
    checks.run("time", _time, log, recording)
    checks.run("minutes", _minutes, bundle, question, recording)
    checks.run("copies", _copies, bundle, log, question, entries, recording)
    return sealed


def _verdict(checks: Sequence[Check], sealed: str | None) -> Verdict:
    passed = all(check.outcome in (Outcome.OK, Outcome.SKIPPED) for check in checks)
    if passed and sealed is not None:
        return Verdict(tuple(checks), True, f"Accepted: {sealed}")
    reason = next((check for check in checks if check.outcome is Outcome.REFUSED), checks[-1])
    return Verdict(tuple(checks), False, f"Refused ({reason.name}): {reason.sentence}")


# --- the checks --------------------------------------------------------------------------------


class _Maybe(NamedTuple):
    """Bytes that need not be given."""

    data: bytes | None


def _trust(given: _Maybe) -> tuple[Trust, str]:
    if given.data is None:
        raise _Skipped("No trust file: the record is checked against its own certificates.")
    trust = read_trust(given.data)
    return trust, f"The trust file lists {len(trust.courts)} certificates and {len(trust.log_keys)} log keys."


def _head(given: _Maybe) -> tuple[Checkpoint, str]:
    if given.data is None:
        raise _Skipped("No kept head was given.")
    head = read_checkpoint(given.data)
    return head, f"The kept head is over {head.size} entries."


def _bundle(file: BinaryIO) -> tuple[Bundle, str]:
    bundle = Bundle(file)
    return bundle, f"{len(bundle.entries)} files in the canonical form."


def _container(bundle: Bundle) -> tuple[Signed, str]:
    manifest = bundle.whole(MANIFEST)
    signed = read_seal(bundle.whole(SIGNATURE), manifest)
    listed = read_asic_manifest(manifest)
    there = [
        (entry.name, base64.b64encode(bytes.fromhex(bundle.digests[entry.name])).decode())
        for entry in bundle.entries[1:-2]
    ]
    if listed != there:
        raise Unverifiable("The manifest of the container does not list the files as they are.")
    return signed, f"The container is signed by {title(signed.signer)} over every file."


def _bag(bundle: Bundle) -> tuple[bool, str]:
    return True, check_bag(bundle)


def _log(bundle: Bundle, question: _Question) -> tuple[Log, str]:
    trust = question.trust
    cosigners, quorum = (trust.cosigners, trust.quorum) if trust and trust.cosigners else (None, None)
    log = read_log(bundle, cosigners=cosigners, quorum=quorum)
    others = len(log.head.signatures) - 1 - len(log.cosigned)
    text = (
        f"The head over {log.head.size} entries and {len(log.earlier)} earlier ones are signed by the log key"
    )
    return (
        log,
        f"{text}; {len(log.cosigned)} cosignatures, {others} unknown lines; policy: {_policy(bundle, log)}.",
    )


def _policy(bundle: Bundle, log: Log) -> str:
    """policy.txt (C2SP tlog-policy) is compared, never enforced."""
    if "data/trust/policy.txt" not in bundle:
        return "none"
    words = [
        line.split() for line in bundle.read("data/trust/policy.txt").decode(errors="replace").splitlines()
    ]
    named = {word for line in words if line[:1] in (["log"], ["witness"]) for word in line[1:]}
    return "agrees" if {log.vkey, *log.key["cosigners"]} <= named else "differs from log-key.json"


def _tree(bundle: Bundle, log: Log, question: _Question) -> tuple[list[bytes], str]:
    listed = question.trust.heads if question.trust else ()
    kept = [head for head in listed if head.origin == log.head.origin]
    kept += [question.head] if question.head else []
    for head in kept:
        check_kept(head, log)
    leaves = grow(bundle, log, kept)
    return (
        leaves,
        f"{len(leaves)} leaves make the root; {len(log.earlier) + len(kept)} other heads are prefixes of it.",
    )


def _entries(bundle: Bundle, log: Log, leaves: list[bytes]) -> tuple[list[Entry], str]:
    entries = read_entries(bundle, log, leaves)
    unknown = sorted({entry.kind for entry in entries if entry.kind not in KINDS})
    concealed = sum(bool(entry.concealed) for entry in entries)
    text = f"{len(entries)} entries, {concealed} of them with concealed parts as declared"
    return entries, f"{text}; types that are not known here: {', '.join(unknown)[:200] or 'none'}."


def _seals(
    bundle: Bundle, log: Log, question: _Question, container: Signed, entries: list[Entry]
) -> tuple[str, str]:
    reader = Reader(question.trust, bundle, question.at)
    head, sentence = check_seals(reader, log, container, entries[-1].time)
    sentence += cosigned_sentence(log, entries)
    whole = _complete(log, entries)
    text = f"{whole}, unaltered, sealed by {title(head.signer)}, {key_sentence(log, head)}"
    if log.redacted:
        text += f"; container released by {title(container.signer)}, SHA-256 {fingerprint(container.signer)}"
    if reader.confirms:
        return f"{text} (listed in the trust file).", sentence
    if question.trust:
        return f"{text} (log key listed; the signers are not confirmed: compare the fingerprint).", sentence
    return f"{text} (not confirmed: compare the fingerprint).", sentence


def _complete(log: Log, entries: Sequence[Entry]) -> str:
    lacks = [f"{len(log.record['withheld'])} parts withheld"] if log.redacted else []
    losses = sum(entry.kind == MediaLost.type for entry in entries)
    if losses:
        lacks.append(
            f"{losses} parts of the recording that were lost from disk, as its entries media.lost tell"
        )
    return f"complete but for {' and '.join(lacks)}" if lacks else "complete"


def _files(bundle: Bundle, log: Log, entries: list[Entry]) -> tuple[tuple[Recording, Rows], str]:
    sealed = sealed_paths(entries)
    check_files(bundle, log, sealed)
    told = recording_of(entries)
    rows = check_originals(bundle, log, told)
    text = f"{len(sealed)} files are sealed by entries, {len(log.withheld('path'))} of them withheld"
    text = f"{text}; {sum(map(len, rows.values()))} segments match"
    return (told, rows), f"{text}; {_page(bundle)}."


def _page(bundle: Bundle) -> str:
    """Whose page for the browser lies in the package: information only, for no page vouches for what it came with."""
    if "data/verify.html" not in bundle:
        return "no page to check it in a browser"
    ours = bundle.read("data/verify.html") == page()
    return f"the page to check it in a browser is {'' if ours else 'not '}the one that this version writes"


def _time(log: Log, recording: tuple[Recording, Rows]) -> tuple[bool, str]:
    told, rows = recording
    if not told.stretches:
        raise _Skipped("Nothing was on the record.")
    return True, check_time(log, told, rows)


def _minutes(bundle: Bundle, question: _Question, _: object) -> tuple[bool, str]:
    if not any(path.startswith("data/minutes/") for path in bundle.paths):
        raise _Skipped("The record holds no minutes.")
    return True, check_minutes(Reader(question.trust, bundle, question.at))


def _copies(
    bundle: Bundle,
    log: Log,
    question: _Question,
    entries: list[Entry],
    recording: tuple[Recording, Rows],
) -> tuple[bool, str]:
    if question.derive is None:
        raise _Skipped("The copies for playing are made again only on request.")
    return True, check_copies(bundle, log, recording[0], entries, question.derive)


# --- files and the command line ----------------------------------------------------------------


@contextmanager
def _opened(path: Path, checks: _Checks) -> Iterator[BinaryIO | None]:
    """The file if it is a plain one, None (and a refused check) if not; a FIFO is not waited for."""
    try:
        file = _plain(path)
    except (OSError, ValueError) as error:
        checks.done.append(Check("file", Outcome.REFUSED, f"The package cannot be opened: {_why(error)}."))
        yield None
        return
    with file:
        yield file


def _plain(path: Path) -> BinaryIO:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ValueError("it is not a plain file")
    return os.fdopen(handle, "rb")


def _why(error: Exception) -> str:
    return (error.strerror or "it cannot be read").lower() if isinstance(error, OSError) else str(error)


def _read_small(path: Path | None) -> bytes | None:
    """A trust file or head; one byte more than allowed is read, and then refused."""
    if path is None:
        return None
    with _plain(path) as file:
        return file.read(LARGEST_TRUST + 1)


class _Words(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(1, f"{message}\n")


def main(argv: Sequence[str], derive: Derive | None = None) -> int:
    """`vivavoce verify PACKAGE [--trust FILE] [--head FILE] [--copies]`: a line for each check; 0 iff accepted.

    `derive`: what makes copies for playing, where that is installed.
    """
    words = _Words(prog="vivavoce verify", description="Checks a sealed package offline.")
    words.add_argument("package", type=Path, help="the package, an .asice file")
    words.add_argument("--trust", type=Path, help="a trust file (JSON) that lists courts or log keys")
    words.add_argument("--head", type=Path, help="a checkpoint that was kept, which must be a prefix")
    if derive is not None:
        words.add_argument("--copies", action="store_true", help="make the copies for playing again")
    asked = words.parse_args(argv)
    try:
        trust, head = _read_small(asked.trust), _read_small(asked.head)
    except (OSError, ValueError) as error:
        sys.stdout.write(f"Refused: the trust file or the head cannot be opened: {_why(error)}.\n")
        return 1
    verdict = verify(
        asked.package,
        trust=trust,
        head=head,
        at=datetime.now(UTC),
        derive=derive if getattr(asked, "copies", False) else None,
    )
    for check in verdict.checks:
        sys.stdout.write(f"{check.name:<10} {check.outcome:<8} {check.sentence}\n")
    sys.stdout.write(f"{verdict.sentence}\n")
    return 0 if verdict.accepted else 1
