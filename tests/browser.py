"""A real browser for the tests of pages: headless Chromium, driven over its DevTools protocol.

What a test client cannot tell: which Origin a browser sends with a form, whether the content policy lets the page
work, whether anything is asked of another host. Debian has Chromium in the package `chromium`.
"""

import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--remote-debugging-port=0",
)
WAIT_S = 20.0


class Page:
    """One tab. `requests` are the addresses it asked for, `complaints` what its console said was wrong."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.requests: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def open(self, address: str) -> Self:
        self._call("Page.navigate", url=address)
        self.await_true("document.readyState == 'complete' && location.href != 'about:blank'")
        return self

    def click(self, selector: str) -> None:
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def evaluate(self, expression: str) -> Any:
        """The value; None, too, in the moment in which one page goes and the next has not come."""
        return self._call("Runtime.evaluate", expression=expression).get("result", {}).get("value")

    def text(self) -> str:
        return str(self.evaluate("document.body.innerText"))

    def await_true(self, expression: str) -> None:
        _await(lambda: bool(self.evaluate(expression)), f"{expression}; the page says: {self.text()[:500]}")

    def hosts(self) -> set[str]:
        """Hosts that were asked for anything."""
        return {urlsplit(address).hostname or "" for address in self.requests if address.startswith("http")}

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message: dict[str, Any] = json.loads(self._socket.recv(timeout=WAIT_S))
            if message.get("id") == self._number:
                result: dict[str, Any] = message.get("result", {})
                return result
            self._note(message.get("method", ""), message.get("params", {}))

    def _note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"]))


@contextmanager
def browsing() -> Iterator[Page]:
    """A fresh browser with one empty tab and a profile of its own."""
    assert PROGRAM, "there is no Chromium"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [PROGRAM, *FLAGS, f"--user-data-dir={profile}", "about:blank"], stderr=subprocess.PIPE, text=True
        )
        try:
            with connect(_address_of_tab(process), max_size=None, proxy=None) as socket:
                yield Page(socket)
        finally:
            process.terminate()
            process.communicate(timeout=WAIT_S)


def _address_of_tab(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if "DevTools listening on" in line:
            port = urlsplit(line.split()[-1]).port
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://127.0.0.1:{port}/json") as answer:
                tabs = json.load(answer)
            return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
    raise AssertionError("Chromium ended before it listened")


def _await(reached: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not reached():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
