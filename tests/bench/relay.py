"""What the relay costs, adds and holds, beside its targets, in one run on one machine.

    python tests/bench/relay.py [--only PART,…] [--seconds 6] [--soak MINUTES]

Server and clients have a core each. The server is the real worker process; the clients (`load`) behave as
browsers do as far as it costs a server. Sound is 50 packets a second of 100 bytes, a picture 30 frames of
4 packets of 1100 bytes, a key frame every two seconds. Everything stays in a network that leads nowhere.
Each line says how much others used the server's core meanwhile; on a machine that is in use, root may begin
the command with `chrt --rr 1`.

    cost        CPU time of the server for each RTP packet that a listener received, at three sizes
    floor       SRTP protection and sendto of the same packets alone, on the server's core
    janus       the same load and clients on Janus VideoRoom, where it is installed
    delay       what the relay adds to a packet's way at half load
    join        from sending the offer to the first whole key frame; in Chromium, to the first decoded frame
    growth      CPU and memory of one hearing of six people, and of several
    recording   CPU of one hearing of six people, on the record against off it
    saturation  the worker starved by busy loops on its core: what is shed, and whether sound is
    soak        the slope of the worker's memory while people come and go; only with --soak
"""

import argparse
import asyncio
import os
import sys
from functools import partial
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "media"), str(ROOT / "tests" / "bench")]

import janus  # noqa: E402
import network  # noqa: E402
import parts  # noqa: E402
from load import CLIENT_CORE, SERVER_CORE  # noqa: E402
from parts import percentile  # noqa: E402
from served import Relay  # noqa: E402

from tests.browser.chromium import ToolMissing  # noqa: E402

PARTS = ("cost", "floor", "janus", "delay", "join", "growth", "recording", "saturation", "soak")
SIZES = ((2, 10), (4, 16), (8, 16))
LARGEST = SIZES[-1]
HALF = (4, 8)
HEARINGS = (1, 2, 5, 10)
JOINS, BROWSER_JOINS = 12, 5
OF_JANUS, OF_FLOOR = 0.4, 2.0
DELAY_MS, JOIN_SECONDS, SLOPE_MIB = 5.0, 1.0, 1.0


def say(text=""):
    print(text, flush=True)


def met(value, target, unit="", form=".2f"):
    return "met" if value <= target else f"missed by {value - target:{form}}{unit}"


def ended(count):
    return f", {count} CONNECTIONS ENDED" if count else ""


def told(name, cost):
    """One run in a line, with what tells whether it can be relied on."""
    counted = cost.counted
    late = " - THE CLIENTS DID NOT KEEP UP" if cost.late > parts.LATE_SECONDS else ""
    return (
        f"{name:<18}{cost.each:6.1f} µs a packet, {100 * cost.share:.0f} % of a core;"
        f" {sum(counted.sent.values())} sent, {sum(counted.received.values())} of {cost.expected} received,"
        f" {cost.lost} lost, {counted.repeats} repeats{ended(cost.ended)}; others on this core {100 * cost.others:.0f} %;"
        f" clients {100 * cost.client:.0f} % of theirs, sent at most {1000 * cost.late:.0f} ms late{late};"
        f" {cost.profile}"
    )


class Run:
    """The parts that were asked for, their figures, and the table at the end."""

    def __init__(self, only, seconds, minutes):
        self._only, self._seconds, self._minutes = only, seconds, minutes
        self._rows = []

    def row(self, name, figure, target="", verdict=""):
        self._rows.append((name, figure, target, verdict))

    def wants(self, part):
        return part in self._only if self._only else part != "soak" or self._minutes > 0

    async def all(self):
        if any(map(self.wants, ("cost", "floor", "janus"))):
            await self.costs()
        for part in ("delay", "join", "growth", "recording", "saturation", "soak"):
            if self.wants(part):
                await getattr(self, part)()
        say()
        widths = [max((len(row[at]) for row in self._rows), default=0) for at in range(3)]
        for row in [("", "measured", "target", ""), *self._rows]:
            say("  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)).rstrip())

    # --- cost, beside the floor and Janus ----------------------------------------------------------

    async def costs(self):
        compares = self.wants("janus") and self._janus_is_there()
        floors, relay, other = [], {}, {}
        for size in SIZES:
            name = f"{size[0]}×{size[1]}"
            if self.wants("floor"):
                floors.append(await parts.floor())
                one = floors[-1]
                say(
                    f"{'floor':<18}{one.both:6.1f} µs a packet: protect {one.protect:.1f},"
                    f" sendto {one.both - one.protect:.1f}; {one.profile}"
                )
            if self.wants("cost"):
                relay[size] = await parts.cost(Relay, *size, self._seconds)
                say(told(f"relay {name}", relay[size]))
            if compares:
                other[size] = await parts.cost(janus.Janus, *size, self._seconds)
                say(told(f"Janus {name}", other[size]))
        floor = median(one.both for one in floors) if floors else None
        if floor:
            self.row("floor: protect and sendto alone", f"{floor:.1f} µs a packet")
        by_feed = None
        if compares:
            by_feed = await parts.cost(partial(janus.Janus, by_feed=True), *LARGEST, self._seconds)
            say(told("Janus, by feed", by_feed))
        for size in SIZES:
            self._compare(size, relay.get(size), other.get(size), floor)
        if by_feed:
            self.row("Janus 8×16, a connection a feed", f"{by_feed.each:.1f} µs a packet")
            if LARGEST in relay:
                self._beside_janus(relay[LARGEST].each / by_feed.each, judged=True)

    def _janus_is_there(self):
        if not janus.installed():
            missing = f"not installed; {janus.INSTALL}"
        elif not network.inside():
            missing = "no network could be made for it (unshare, ip), and it takes no loopback address"
        else:
            say(f"Janus {janus.version()}")
            return True
        say(f"Janus: {missing}")
        self.row("Janus", missing, f"≤ {OF_JANUS} × Janus", "not measured")
        return False

    def _compare(self, size, relay, other, floor):
        name, largest = f"{size[0]}×{size[1]}", size == LARGEST
        if relay:
            self.row(f"relay {name}", f"{relay.each:.1f} µs a packet, {relay.lost} lost")
        if relay and floor:
            ratio = relay.each / floor
            self.row(
                "  beside the floor",
                f"{ratio:.2f} × floor",
                f"≤ {OF_FLOOR} × floor" if largest else "",
                met(ratio, OF_FLOOR) if largest else "",
            )
        if other:
            self.row(f"Janus {name}", f"{other.each:.1f} µs a packet")
        if relay and other:
            self._beside_janus(relay.each / other.each, judged=largest)

    def _beside_janus(self, ratio, *, judged):
        self.row(
            "  the relay beside it",
            f"{ratio:.2f} × Janus",
            f"≤ {OF_JANUS} × Janus" if judged else "",
            met(ratio, OF_JANUS) if judged else "",
        )

    # --- the other parts ---------------------------------------------------------------------------

    async def delay(self):
        bare = await parts.bare_delays(self._seconds)
        delays, late = await parts.delays(*HALF, 1.5 * self._seconds)
        everything = delays["audio"] + delays["camera"]
        for name, values in (
            ("bare echo", bare),
            ("relay", everything),
            ("  sound", delays["audio"]),
            ("  pictures", delays["camera"]),
        ):
            say(f"{'delay, ' + name:<18}{spread(values)} of {len(values)} packets")
        if late > parts.LATE_SECONDS:
            say("THE CLIENTS DID NOT KEEP UP")
        self.row("delay, bare echo", spread(bare))
        worst = 1000 * percentile(everything, 99)
        target = f"99th ≤ {DELAY_MS:.0f} ms"
        self.row(
            f"delay, relay {HALF[0]}×{HALF[1]}",
            spread(everything),
            target,
            met(worst, DELAY_MS, " ms", ".1f"),
        )

    async def join(self):
        joins = await parts.joins(HALF[0], JOINS)
        connected, first, every = (median(each) for each in (joins.connected, joins.first, joins.all))
        say(
            f"{'join':<18}connected {connected:.2f} s, first key frame {first:.2f} s, all {HALF[0]} pictures"
            f" {every:.2f} s (medians of {JOINS}; slowest {max(joins.all):.2f} s)"
        )
        target = f"≤ {JOIN_SECONDS:.0f} s"
        self.row("join to first key frame", f"{first:.2f} s", target, met(first, JOIN_SECONDS, " s"))
        self.row("join to all key frames", f"{every:.2f} s", target, met(every, JOIN_SECONDS, " s"))
        try:
            shown = await parts.joins_of_chromium(BROWSER_JOINS)
        except ToolMissing as missing:
            say(f"join in Chromium: {missing}")
            self.row("join in Chromium", "not installed", target, "not measured")
            return
        listed = ", ".join(f"{each:.2f}" for each in shown)
        say(f"{'join, Chromium':<18}first decoded frame after {listed} s")
        self.row("join in Chromium", f"{median(shown):.2f} s", target, met(median(shown), JOIN_SECONDS, " s"))

    async def growth(self):
        def step(grown):
            name = f"{grown.hearings} hearing{'s' if grown.hearings > 1 else ''} of 6"
            say(told(name, grown.run))
            stops = "" if grown.carried else " (not carried: here it stops)"
            self.row(
                name,
                f"{100 * grown.run.share:.0f} % of a core, {grown.resident:.0f} MiB"
                f" ({grown.idle:.0f} when empty){stops}",
            )

        await parts.growth(HEARINGS, self._seconds / 2, step)

    async def recording(self):
        run = await parts.recording(self._seconds)
        figure = (
            f"{run.off:.2f} CPU s a minute off the record, {run.on:.2f} on it: {run.ratio:.2f} times,"
            f" {run.lost_off} and {run.lost_on} packets lost"
        )
        say(f"{'recording':<18}{figure}")
        self.row("recording a hearing of 6", figure)

    async def saturation(self):
        shed = await parts.saturation(*LARGEST, 2 * self._seconds)
        lost = shed.expected("audio") - shed.counted.received["audio"]
        shown = 100 * shed.counted.received["camera"] / shed.expected("camera")
        say(
            f"{'saturation':<18}needs {100 * shed.need:.0f} % of its core, got {100 * shed.got:.0f} % beside"
            f" {shed.loops} busy loops{ended(shed.ended)}; sound lost {lost} of {shed.expected('audio')}, by"
            f" {sum(count > 0 for count in shed.lost.values())} of {shed.listeners} listeners, at most"
            f" {max(shed.lost.values())} by one; pictures received {shown:.0f} %; sound delayed"
            f" {spread(shed.delays['audio'])}, pictures {spread(shed.delays['camera'])}"
        )
        verdict = met(lost, 0, " packets", "d")
        if lost and not shed.suffices:
            verdict = f"not to be judged: {100 * shed.got:.0f} % of a core is too little for sound alone"
        self.row("sound lost while starved", f"{lost} of {shed.expected('audio')}", "0", verdict)
        self.row("  sound delayed", spread(shed.delays["audio"]))
        self.row("  pictures", f"{shown:.0f} % received, delayed {spread(shed.delays['camera'])}")

    async def soak(self):
        def sample(soaked):
            at, size = soaked.samples[-1]
            say(f"soak {at / 60:5.1f} min   {size:.1f} MiB, {soaked.joins} joins")

        soaked = await parts.soak(self._minutes, sample)
        sizes = [size for _, size in soaked.samples]
        self.row(
            f"memory over {self._minutes:g} minutes",
            f"{soaked.slope:+.2f} MiB an hour, {sizes[0]:.1f} to {sizes[-1]:.1f} MiB, {soaked.joins} joins,"
            f" {soaked.failed} failed",
            f"≤ {SLOPE_MIB:.0f} MiB an hour",
            met(soaked.slope, SLOPE_MIB, " MiB an hour"),
        )


def spread(values):
    """Median, 99th percentile and largest, in milliseconds."""
    if not values:
        return "nothing came"
    middle, most, largest = percentile(values, 50), percentile(values, 99), max(values)
    return f"{1000 * middle:.2f} ms median, {1000 * most:.2f} ms 99th, {1000 * largest:.1f} ms at most"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", metavar="PARTS", help=f"of {','.join(PARTS)}")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each run that is measured")
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES", help="30 for the record")
    arguments = parser.parse_args()
    only = {part for part in arguments.only.split(",") if part}
    if only - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(only - set(PARTS)))}")
    if "soak" in only and not arguments.soak:
        parser.error("--soak says how many minutes")
    network.enter()
    os.sched_setaffinity(0, {CLIENT_CORE})
    if SERVER_CORE == CLIENT_CORE:
        say("One core only: server and clients share it, and the figures are worth little.")
    asyncio.run(Run(only, arguments.seconds, arguments.soak).all())


if __name__ == "__main__":
    main()
