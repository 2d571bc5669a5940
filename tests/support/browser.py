"""A real browser, driven as a person would: Chromium by its own driver, over the WebDriver protocol.

https://www.w3.org/TR/webdriver2/
"""

import base64
import subprocess
import time
from pathlib import Path
from typing import Any

import requests

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
MISSING = "needs Chromium: apt-get install chromium chromium-driver"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--window-size=1400,900",
)
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "ArrowDown": "\ue015", "ArrowUp": "\ue013"}
START_SECONDS, ANSWER_SECONDS = 120.0, 120.0


def is_installed() -> bool:
    """Whether there is a browser with its driver."""
    return CHROMIUM.exists() and DRIVER.exists()


class Browser:
    """One window with a profile of its own; ``close`` ends it."""

    def __init__(self, port: int, profile: Path) -> None:
        self._driver = subprocess.Popen(
            [str(DRIVER), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._http = requests.Session()
        self._http.trust_env = False
        self._at = f"http://127.0.0.1:{port}"
        try:
            self._await_driver()
            chromium = {"binary": str(CHROMIUM), "args": [*QUIET, f"--user-data-dir={profile}"]}
            logs = {"browser": "ALL"}
            wanted = {"browserName": "chrome", "goog:chromeOptions": chromium, "goog:loggingPrefs": logs}
            made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            self._at += f"/session/{made['sessionId']}"
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the window and the driver."""
        try:
            if "/session/" in self._at:
                self._call("DELETE", "")
        finally:
            self._driver.terminate()
            self._driver.wait(ANSWER_SECONDS)

    def open(self, address: str) -> None:
        """Loads a page; it is there when this returns."""
        self._call("POST", "/url", {"url": "about:blank"})  # else another fragment of the same page loads nothing
        self._call("POST", "/url", {"url": address})

    def run(self, script: str, *arguments: object) -> Any:
        """What a script in the page returns."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def texts(self, selector: str) -> list[str]:
        """The texts of the elements, as a person reads them."""
        return [" ".join(str(self._call("GET", f"/element/{each}/text")).split()) for each in self._find(selector)]

    def click(self, selector: str) -> None:
        """A click of the mouse on the first such element; what lies under another element cannot be clicked."""
        found = self._find(selector)
        assert found, f"nothing is {selector}"
        self._call("POST", f"/element/{found[0]}/click", {})

    def type(self, text: str) -> None:
        """Keys, by name or each character of a text, to whatever has the focus."""
        self._call("POST", f"/element/{self._active()}/value", {"text": KEYS.get(text, text)})

    def screenshot(self, file: Path) -> None:
        """What the window shows, as PNG."""
        file.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))

    def complaints(self) -> list[str]:
        """What the page's script or its policy went wrong with."""
        return [str(each["message"]) for each in self._call("POST", "/se/log", {"type": "browser"})]

    def _find(self, selector: str) -> list[str]:
        found = self._call("POST", "/elements", {"using": "css selector", "value": selector})
        return [str(each[ELEMENT]) for each in found]

    def _active(self) -> str:
        return str(self._call("GET", "/element/active")[ELEMENT])

    def _call(self, method: str, at: str, body: object = None) -> Any:
        answer = self._http.request(method, self._at + at, json=body, timeout=ANSWER_SECONDS).json()["value"]
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(f"{method} {at}: {answer['error']}: {str(answer['message']).splitlines()[0]}")
        return answer

    def _await_driver(self) -> None:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                if self._call("GET", "/status")["ready"]:
                    return
            except requests.ConnectionError:
                if time.monotonic() > until or self._driver.poll() is not None:
                    raise
            time.sleep(0.1)
