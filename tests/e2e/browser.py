"""A headless Chromium, driven over its DevTools pipe: no driver program and no extra package needed."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 60.0


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


class BrowserError(Exception):
    """The browser went away, or did not answer in time."""


class Page:
    """One tab. `problems` collects what its console and network complained about."""

    def __init__(self, process: subprocess.Popen[bytes], to_browser: int, from_browser: int) -> None:
        self._process, self._write, self._read = process, to_browser, from_browser
        self._last_id, self._buffer = 0, b""
        self._session: str | None = None
        self._loaded = False
        self.problems: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")

    def size(self, width: int, height: int) -> None:
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def theme(self, scheme: str) -> None:
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def cookie(self, url: str, name: str, value: str) -> None:
        self._call("Network.setCookie", url=url, name=name, value=value)

    def open(self, url: str) -> None:
        """Go there and wait until all of the page is loaded."""
        self._loaded = False
        self._call("Page.navigate", url=url)
        self._receive(lambda _: self._loaded)

    def evaluate(self, expression: str) -> Any:
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last_id += 1
        number = self._last_id
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        answer = self._receive(lambda received: received.get("id") == number)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _receive(self, wanted: Any) -> dict[str, Any]:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            message = self._next(deadline)
            self._note(message)
            if wanted(message):
                return message

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(self._read, 1 << 20) if ready else b""
            if not chunk:
                raise BrowserError("the browser ended" if ready else "the browser did not answer in time")
            self._buffer += chunk
        raw, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(raw)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Runtime.exceptionThrown":
                self.problems.append(str(params["exceptionDetails"].get("text")))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.problems.append(f"{params['entry'].get('url', '')}: {params['entry']['text']}")
            case "Network.responseReceived" if params["response"]["status"] >= 400:
                self.problems.append(f"{params['response']['url']}: {params['response']['status']}")
            case _:
                pass


@contextmanager
def open_page(profile: Path) -> Iterator[Page]:
    """A tab in a fresh browser, whose files are kept in `profile`."""
    chromium = find_chromium()
    if chromium is None:
        raise BrowserError("no chromium on this machine")
    browser_in, ours_out = os.pipe()
    ours_in, browser_out = os.pipe()
    options = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
        "--no-first-run", "--disable-extensions", "--disable-background-networking", "--no-proxy-server",
        "--remote-debugging-pipe", f"--user-data-dir={profile}",
    ]  # fmt: skip
    process = subprocess.Popen(
        # Chromium reads commands from descriptor 3 and answers on 4.
        ["bash", "-c", f'exec "$@" 3<&{browser_in} 4>&{browser_out}', "bash", chromium, *options],
        pass_fds=(browser_in, browser_out),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(browser_in)
    os.close(browser_out)
    try:
        yield Page(process, ours_out, ours_in)
    finally:
        os.close(ours_out)  # it ends when nobody can command it any more
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)
        os.close(ours_in)
