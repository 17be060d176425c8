"""Pictures of the page of `kiln serve` at phone and desktop width, light and dark, with pictures put on it and one of
them explained; and whether it scrolls sideways or asks anybody but its server.

    python3 tests/browser/serve.py http://127.0.0.1:8000 FOLDER PICTURE...

Needs chromium (Debian: apt-get install chromium) and nothing from PyPI: the browser is spoken to through a pipe.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time


class Browser:
    def __init__(self, profile):
        to_browser, self.out = os.pipe()
        self.back, from_browser = os.pipe()

        def place():
            # The browser reads from 3 and writes to 4.
            os.dup2(to_browser, 10)
            os.dup2(from_browser, 11)
            os.dup2(10, 3)
            os.dup2(11, 4)

        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
        command += ["--disable-background-networking", "--disable-component-update", "--hide-scrollbars"]
        command += ["--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(command, preexec_fn=place, close_fds=False, stderr=subprocess.DEVNULL)
        self.number, self.rest, self.events = 0, b"", []

    def call(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def read(self):
        while b"\0" not in self.rest:
            piece = os.read(self.back, 1 << 20)
            if not piece:
                sys.exit("the browser has ended")
            self.rest += piece
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)


class Tab:
    def __init__(self, browser):
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call = lambda method, **params: browser.call(method, session, **params)

    def value(self, script):
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def until(self, script):
        for _ in range(600):
            if self.value(script):
                return
            time.sleep(0.05)
        sys.exit(f"never true: {script}")


def look(browser, address, out, files, width, scheme):
    tab = Tab(browser)
    tab.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500)
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    tab.call("Network.enable")
    tab.call("Page.navigate", url=address)
    tab.until("document.readyState === 'complete' && !!document.getElementById('files')")
    document = tab.call("DOM.getDocument")["root"]["nodeId"]
    field = tab.call("DOM.querySelector", nodeId=document, selector="#files")["nodeId"]
    tab.call("DOM.setFileInputFiles", nodeId=field, files=files)
    tab.until(f"document.querySelectorAll('article ol, article p.bad').length === {len(files)}")
    tab.value("document.querySelector('article button').click()")
    tab.until("document.querySelectorAll('article .views img[src^=data]').length === 1")
    time.sleep(0.3)
    size = tab.value("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    print(f"{width} px wide, {scheme}: content {size[0]} px wide, {size[1]} px high")
    clip = {"x": 0, "y": 0, "width": width, "height": size[1], "scale": 1}
    shot = tab.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
    (out / f"serve-{width}-{scheme}.png").write_bytes(base64.b64decode(shot))
    return size[0] <= width


def main():
    address, out, *files = sys.argv[1:]
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    files = [str(pathlib.Path(file).resolve()) for file in files]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        fits = [look(browser, address, out, files, width, scheme) for width in (390, 1280) for scheme in ("light", "dark")]
        asked = [event["params"]["request"]["url"] for event in browser.events if event["method"] == "Network.requestWillBeSent"]
        browser.call("Browser.close")
        browser.process.wait()
    elsewhere = sorted({url for url in asked if not url.startswith((address, "blob:", "data:"))})
    print(f"{len(asked)} requests, elsewhere: {elsewhere or 'none'}")
    sys.exit(0 if all(fits) and not elsewhere else 1)


main()
