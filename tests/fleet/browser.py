# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Headless Chromium, told what to do over its debugging pipe: no library, no port, no driver.

Messages of the DevTools protocol are JSON with a zero byte behind each, on descriptors 3 and 4.
"""

import base64
import fcntl
import json
import os
import shutil
import subprocess

CHROMIUM = "chromium-headless-shell"
TIMEOUT = "60"


def high(fd):
    """The same at a descriptor above 3 and 4, which the browser's will be."""
    copy = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(fd)
    return copy


class Browser:
    """One browser; page() opens a page in it."""

    def __init__(self, folder):
        assert shutil.which(CHROMIUM), f"{CHROMIUM} is missing: make deps check-fleet"
        theirs_in, ours_out = map(high, os.pipe())
        ours_in, theirs_out = map(high, os.pipe())
        self.log = open(os.path.join(folder, "chromium.log"), "wb")
        # The tests are root's, whom the sandbox does not take. `timeout` so that a browser which
        # hangs ends, and with it what we wait for.
        self.process = subprocess.Popen(
            ["timeout", "-k", "5", TIMEOUT, "bash", "-c",
             f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash", CHROMIUM, "--no-sandbox",
             "--remote-debugging-pipe", f"--user-data-dir={folder}/profile", "--disable-gpu",
             "--disable-dev-shm-usage", "--hide-scrollbars"],
            pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log)
        os.close(theirs_in)
        os.close(theirs_out)
        self.to = os.fdopen(ours_out, "wb", buffering=0)
        self.answers = os.fdopen(ours_in, "rb")
        self.rest = b""
        self.number = 0
        self.events = []

    def message(self):
        while b"\0" not in self.rest:
            piece = self.answers.read1(65536)
            assert piece, "the browser is gone, see chromium.log"
            self.rest += piece
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **params):
        self.number += 1
        call = {"id": self.number, "method": method, "params": params}
        if session:
            call["sessionId"] = session
        self.to.write(json.dumps(call).encode() + b"\0")
        while (answer := self.message()).get("id") != self.number:
            self.events.append(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def wait(self, method):
        """Until such an event has come, which may have been before."""
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())

    def page(self, url, width=1000, height=800, dark=False):
        return Page(self, url, width, height, dark)

    def close(self):
        self.call("Browser.close")
        self.process.wait(20)
        self.to.close()
        self.answers.close()
        self.log.close()


class Page:
    """A loaded page, as wide as asked for and as tall as it is."""

    def __init__(self, browser, url, width, height, dark):
        self.browser = browser
        browser.events.clear()
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target,
                                    flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        browser.events.clear()
        assert "errorText" not in self.call("Page.navigate", url=url)
        browser.wait("Page.loadEventFired")

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def value(self, expression):
        """What this JavaScript comes to; from outside of the page, which may run none."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def complaints(self):
        """What the console has, and what could not be loaded."""
        return [event for event in self.browser.events if event.get("method") in (
            "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled",
            "Network.loadingFailed")]

    def requests(self):
        return [event["params"]["request"]["url"] for event in self.browser.events
                if event.get("method") == "Network.requestWillBeSent"]

    def screenshot(self, path):
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(taken["data"]))
