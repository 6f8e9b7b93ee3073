"""A page without a browser, for the tests of the relay: its own offer, checks, packets, and a wire capture.

It speaks through `media.adapter` as DTLS client; what goes over the wire is kept as it came (`wire`) and
as it was decrypted (`rtp`, `rtcp`), so that a test can count both.
"""

import asyncio
import contextlib
import secrets
from collections import defaultdict

from media.adapter import (
    Dtls,
    Fingerprint,
    NotProtected,
    Role,
    is_binding_request,
    read_binding_request,
    read_binding_response,
    write_binding_request,
    write_binding_response,
)
from media.rtcp import read_feedback
from media.rtp_header import (
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    MID,
    REPAIRED_RID,
    RID,
    TRANSPORT_NUMBER,
    extension_block,
    read_rtp,
)

IDS = {MID: 1, AUDIO_LEVEL: 2, ABS_SEND_TIME: 3, RID: 4, REPAIRED_RID: 5}
OPUS, VP8, RTX = 111, 96, 97
EXTENSIONS = "".join(f"a=extmap:{number} {uri}\r\n" for uri, number in IDS.items())
CODECS = {
    "audio": f"a=rtpmap:{OPUS} opus/48000/2\r\na=fmtp:{OPUS} minptime=10;useinbandfec=1\r\n",
    "video": f"a=rtpmap:{VP8} VP8/90000\r\na=rtpmap:{RTX} rtx/90000\r\na=fmtp:{RTX} apt={VP8}\r\n"
    f"a=rtcp-fb:{VP8} nack\r\na=rtcp-fb:{VP8} nack pli\r\na=rtcp-fb:{VP8} ccm fir\r\n"
    f"a=rtcp-fb:{VP8} goog-remb\r\na=rtcp-fb:{VP8} transport-cc\r\n",
}


async def until(condition, seconds=5.0, what="condition"):
    async def wait():
        while not condition():  # noqa: ASYNC110 any condition, of real sockets and processes too
            await asyncio.sleep(0.005)

    try:
        await asyncio.wait_for(wait(), seconds)
    except TimeoutError:
        raise AssertionError(f"{what} did not come true within {seconds} s") from None


class BarePage(asyncio.DatagramProtocol):
    """`await BarePage.open()`, `offer()`, `connect(answer)`, then send and look. `at`: its own address."""

    def __init__(self, at="127.0.0.1"):
        self.at = at
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(16)
        self.wire = []
        self.rtp = []
        self.rtcp = []
        self.checks = []
        self.transports = []
        self.closed = False
        self.sequence = defaultdict(lambda: secrets.randbelow(60000))
        self.timestamp = defaultdict(lambda: secrets.randbelow(2**32))
        self.picture = 0
        self.dtls = Dtls(
            role=Role.CLIENT,
            send=self._send,
            on_rtp=self.rtp.append,
            on_rtcp=self.rtcp.append,
            on_closed=self._on_closed,
        )

    @classmethod
    async def open(cls, at="127.0.0.1"):
        page = cls(at)
        await page.move()
        return page

    async def move(self):
        """Takes a new local port, as after a change of network."""
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.at, 0))
        self.transports.append(self.transport)

    def _on_closed(self):
        self.closed = True

    def _send(self, data):
        self.transport.sendto(data, self.remote)

    def datagram_received(self, data, _address):
        if data[0] <= 3:
            self.stun(data)
        else:
            if data[0] >= 128:
                self.wire.append(data)
            self.dtls.receive(data)

    def stun(self, data):
        """What answers a check of ours is kept."""
        if is_binding_request(data):
            self.asked(read_binding_request(data))
        else:
            self.checks.append(data)

    def asked(self, request):
        """Answers a check of the other side, as a full agent does."""
        if request.signed_with(self.password):
            self._send(write_binding_response(request, address=self.remote, password=self.password))

    def error_received(self, _error):
        pass

    # --- the offer ---------------------------------------------------------------------------------

    def offer(
        self,
        *,
        lines=2,
        document=True,
        sends=("audio", "camera"),
        rids=(),
        ssrcs=None,
        rtx=True,
        numbered=False,
    ):
        """`numbered`: it reports the arrival of each packet of a picture, if it likes."""
        self.sends, self.rids, self.rtx, self.numbered = sends, rids, rtx, numbered
        self.mids, sections = {}, []
        self.ssrcs = ssrcs or {kind: 1 + secrets.randbelow(2**31) for kind in sends}
        for kind in sends:
            self.mids[kind] = f"s{len(self.mids)}"
            extra = f"a=ssrc:{self.ssrcs[kind]} cname:x\r\n"
            if kind == "camera" and rids:
                extra = "".join(f"a=rid:{rid} send\r\n" for rid in rids)
                extra += f"a=simulcast:send {';'.join(rids)}\r\n"
            sections.append(self._section(kind, self.mids[kind], "sendonly", extra))
        for line in range(lines):
            for kind in ("audio", "camera"):
                self.mids[kind, line] = f"r{line}{kind[0]}"
                sections.append(self._section(kind, self.mids[kind, line], "recvonly"))
        if document:
            self.mids["document", None] = "rd"
            sections.append(self._section("document", "rd", "recvonly"))
        head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE "
        return head + " ".join(self.mids.values()) + "\r\n" + "".join(sections)

    def _section(self, kind, mid, direction, extra=""):
        media = "audio" if kind == "audio" else "video"
        types = OPUS if media == "audio" else f"{VP8} {RTX}" if self.rtx else VP8
        return (
            f"m={media} 9 UDP/TLS/RTP/SAVPF {types}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\n"
            f"a=ice-ufrag:{self.ufrag}\r\na=ice-pwd:{self.password}\r\n"
            f"a=fingerprint:sha-256 {self.dtls.fingerprint.value}\r\na=setup:actpass\r\na=rtcp-mux\r\n"
            + EXTENSIONS
            + (f"a=extmap:6 {TRANSPORT_NUMBER}\r\n" if self.numbered and media == "video" else "")
            + CODECS[media]
            + extra
        )

    # --- the connection ----------------------------------------------------------------------------

    def read(self, answer):
        lines = answer.split("\r\n")
        first = {line.split(":", 1)[0]: line.split(":", 1)[1] for line in reversed(lines) if ":" in line}
        self.candidates = [line.split() for line in lines if line.startswith("a=candidate:")]
        reached = next(words for words in self.candidates if (":" in words[4]) == (":" in self.at))
        self.remote = (reached[4], int(reached[5]))
        self.remote_ufrag, self.remote_password = first["a=ice-ufrag"], first["a=ice-pwd"]
        algorithm, value = first["a=fingerprint"].split()
        self.remote_fingerprint = Fingerprint(algorithm, value)
        self.line_ssrcs = {}
        mid = ""
        for line in lines:
            mid = line[6:] if line.startswith("a=mid:") else mid
            if line.startswith("a=ssrc:"):
                self.line_ssrcs.setdefault(mid, int(line[7:].split()[0]))

    def check(self, *, nominates=True, password=None):
        _, request = write_binding_request(
            local=self.ufrag,
            remote=self.remote_ufrag,
            password=password or self.remote_password,
            nominates=nominates,
        )
        self._send(request)

    async def connect(self, answer):
        self.read(answer)
        self.check()
        await until(lambda: self.checks, what="the check answered")
        read_binding_response(self.checks[-1], password=self.remote_password)
        await self.dtls.start([self.remote_fingerprint])

    async def close(self):
        await self.dtls.close()
        for transport in self.transports:
            transport.close()

    # --- sending -----------------------------------------------------------------------------------

    def rtp_packet(self, kind, payload, *, level=None, rid=None, ssrc=None, ticks=960, extensions=True):
        ssrc = ssrc or self.ssrcs[kind]
        self.sequence[ssrc] = (self.sequence[ssrc] + 1) & 0xFFFF
        self.timestamp[ssrc] = (self.timestamp[ssrc] + ticks) & 0xFFFFFFFF
        elements = [(IDS[MID], self.mids[kind].encode())]
        elements += [(IDS[AUDIO_LEVEL], bytes([level]))] if level is not None else []
        elements += [(IDS[RID], rid.encode())] if rid else []
        number = OPUS if kind == "audio" else VP8
        head = bytes([0x90 if extensions else 0x80, 0x80 | number])
        head += self.sequence[ssrc].to_bytes(2, "big") + self.timestamp[ssrc].to_bytes(4, "big")
        head += ssrc.to_bytes(4, "big")
        return head + (extension_block(elements) if extensions else b"") + payload

    def say(self, payload=b"\x78sound", *, level=30):
        packet = self.rtp_packet("audio", payload, level=level)
        self.send(packet)
        return packet

    def vp8(self, tag=b"picture", *, key):
        self.picture = (self.picture + 1) & 0x7FFF
        descriptor = bytes([0x90, 0xC0, 0x80 | self.picture >> 8, self.picture & 0xFF, self.picture & 0xFF])
        return descriptor + bytes([0x00 if key else 0x01]) + tag

    def show(self, kind="camera", *, key=True, tag=b"picture", rid=None, ssrc=None):
        packet = self.rtp_packet(kind, self.vp8(tag, key=key), rid=rid, ssrc=ssrc, ticks=3000)
        self.send(packet)
        return packet

    def send(self, packet):
        self._send(self.dtls.protect_rtp(packet))

    def send_rtcp(self, compound):
        self._send(self.dtls.protect_rtcp(compound))

    def send_quietly(self, packet):
        """Rubbish too, where libsrtp lets it out."""
        with contextlib.suppress(NotProtected):
            self.send(packet)

    def send_rtcp_quietly(self, compound):
        with contextlib.suppress(NotProtected):
            self.send_rtcp(compound)

    # --- looking -----------------------------------------------------------------------------------

    def heard(self, kind, line=0):
        ssrc = self.line_ssrcs[self.mids[kind, line]]
        return [packet for packet in map(read_rtp, self.rtp) if packet.ssrc == ssrc]

    def sounds(self):
        """The payloads of all sound that came, of whichever line, in the order in which it came."""
        return self._payloads("audio")

    def pictures(self):
        """As `sounds`, without the descriptor and the first byte of VP8."""
        return [payload[6:] for payload in self._payloads("camera")]

    def _payloads(self, kind):
        lines = {
            self.line_ssrcs[mid]
            for key, mid in self.mids.items()
            if isinstance(key, tuple) and key[0] == kind
        }
        return [packet.payload for packet in map(read_rtp, self.rtp) if packet.ssrc in lines]

    def wire_rtp(self):
        """SRTP datagrams as captured, SRTCP left out."""
        return [data for data in self.wire if not 192 <= data[1] <= 208]

    def feedback(self):
        return [read_feedback(compound) for compound in self.rtcp]
