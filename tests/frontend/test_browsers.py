"""Browsers and systems in words, of what they really send."""

import pytest

from frontend.browsers import browser_of

MOZILLA = "Mozilla/5.0"
KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
SENT = {
    f"{MOZILLA} (X11; Linux x86_64) {KIT} Chrome/156.0.0.0 Safari/537.36": "Chrome 156, Linux",
    f"{MOZILLA} (Linux; Android 10; K) {KIT} Chrome/156.0.0.0 Mobile Safari/537.36": "Chrome 156, Android",
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {KIT} Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0": "Edge 156, Windows",
    f"{MOZILLA} (Linux; Android 14; SM) {KIT} SamsungBrowser/29.0 Chrome/140.0 Mobile Safari/537.36": "Samsung Internet 29, Android",
    f"{MOZILLA} (Android 15; Mobile; rv:153.0) Gecko/153.0 Firefox/153.0": "Firefox 153, Android",
    f"{MOZILLA} (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1": "Safari 18, iOS",
    f"{MOZILLA} (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/156.0 Mobile/15E148 Safari/604.1": "Chrome 156, iOS",
    f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15": "Safari 19, macOS",
    "curl/8.0": "",
    "": "",
}


@pytest.mark.parametrize("agent", SENT)
def test_a_browser_is_named_as_people_name_it(agent: str) -> None:
    assert browser_of(agent) == SENT[agent]
