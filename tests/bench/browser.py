"""Chromium joins a room of synthetic people, and says when it has decoded a picture."""

import asyncio

from playwright.async_api import async_playwright

from media.synthetic import SyntheticPeer
from tests.browser.chromium import chromium

PEOPLE = ("wa", "wb")
OFFER = """
async (lines) => {
  const connection = globalThis.connection = new RTCPeerConnection();
  for (let line = 0; line < lines; line += 1) {
    connection.addTransceiver("audio", { direction: "recvonly" });
    connection.addTransceiver("video", { direction: "recvonly" });
  }
  globalThis.shown = new Promise((resolve) => {
    connection.ontrack = ({ track }) => {
      if (track.kind !== "video") return;
      const video = document.createElement("video");
      video.muted = video.autoplay = true;
      video.srcObject = new MediaStream([track]);
      video.requestVideoFrameCallback((now) => resolve(now));
      document.body.append(video);
    };
  });
  await connection.setLocalDescription(await connection.createOffer());
  globalThis.offered = performance.now();
  return connection.localDescription.sdp;
}
"""
TAKE = "(sdp) => connection.setRemoteDescription({ type: 'answer', sdp })"
SHOWN = "() => shown.then((at) => at - offered)"


async def joins(relay, count):
    """Seconds of each join. Raises: ToolMissing."""
    await relay.open(*PEOPLE, "browser")
    peers = [SyntheticPeer(seed=seed, lines=0) for seed, _ in enumerate(PEOPLE)]
    try:
        for place, peer in zip(PEOPLE, peers, strict=True):
            answer, _ = await relay.answered(peer.offer(), place)
            await peer.connect(answer)
        async with async_playwright() as playwright:
            opened = await chromium(playwright)
            try:
                page = await opened.new_page()
                return [await _join(relay, page, number) for number in range(count)]
            finally:
                await opened.close()
    finally:
        for peer in peers:
            await peer.close()


async def _join(relay, page, number):
    await page.goto("about:blank")
    await asyncio.sleep(1.0 + number * 0.618 % 1)
    sdp = await page.evaluate(OFFER, len(PEOPLE))
    answer, _ = await relay.answered(sdp, "browser")
    await page.evaluate(TAKE, answer)
    async with asyncio.timeout(15):
        return await page.evaluate(SHOWN) / 1000
