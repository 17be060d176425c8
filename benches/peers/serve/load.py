"""Requests a second, p99 and memory of `kiln serve` and of server.py at saturation, in turn on the same cores.

    kiln export checkpoints/head --format onnx --out model.onnx
    python benches/peers/serve/load.py checkpoints/head model.onnx PICTURES [--kiln target/release/kiln] [--rounds 3]

Needs wrk (Debian: apt-get install wrk), fastapi, uvicorn, python-multipart, onnxruntime and pillow. Both servers have the
same model, and first have to say the same of one picture. Afterwards kiln gets four times the connections that saturate
it, with its own queue and with one too short for them.
"""

import argparse
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from PIL import Image

HERE = pathlib.Path(__file__).parent
PORTS = {"kiln": 8101, "fastapi": 8102}


def tree(root):
    """A process and all below it."""
    parents = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rsplit(")", 1)[1].split()[1]), []).append(int(stat.parent.name))
        except OSError:
            pass
    found = [root]
    for process in found:
        found += parents.get(process, [])
    return found


def resident(root):
    """MiB of memory of a process and of all below it."""
    total = 0
    for process in tree(root):
        try:
            total += int(pathlib.Path(f"/proc/{process}/statm").read_text().split()[1])
        except OSError:
            pass
    return total * os.sysconf("SC_PAGE_SIZE") / 2**20


class Server:
    def __init__(self, name, command, variables=None):
        self.url = f"http://127.0.0.1:{PORTS[name]}/"
        self.process = subprocess.Popen(
            command, env={**os.environ, **(variables or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.peak, self.watching = 0.0, True
        self.watch = threading.Thread(target=self.look)
        self.watch.start()
        for _ in range(600):
            try:
                urllib.request.urlopen(self.url + "openapi.json").read()
                return
            except OSError:
                time.sleep(0.1)
        sys.exit(f"{command} does not answer")

    def look(self):
        while self.watching:
            self.peak = max(self.peak, resident(self.process.pid))
            time.sleep(0.05)

    def stop(self):
        self.watching = False
        self.watch.join()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def asked(server, picture):
    """What a server says of one picture: the classes with their probabilities. In a form as post.lua makes it."""
    head = b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = head + pathlib.Path(picture).read_bytes() + b"\r\n--frontier--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=frontier"}
    request = urllib.request.Request(server.url + "predict?top=1000", body, headers)
    answer = json.loads(urllib.request.urlopen(request).read())
    guesses = answer.get("pictures", [answer])[0]["classes"]
    return {guess["class"]: guess["probability"] for guess in guesses}


# Both decode JPEGs and resize, each by its own library. The browser's decoder has the same bound (docs/web.md).
APART = 0.02


def expect_the_same(servers, listed):
    """Servers of different models, or of different preprocessing, are no comparison."""
    picture = pathlib.Path(listed).read_text().splitlines()[0]
    said = []
    for make in servers.values():
        server = make()
        try:
            said.append(asked(server, picture))
        finally:
            server.stop()
    first, second = said
    if first.keys() != second.keys():
        sys.exit("the servers do not know the same classes")
    apart = max(abs(first[name] - second[name]) for name in first)
    best = [max(answers, key=answers.get) for answers in said]
    print(json.dumps({"said": best, "apart": apart}), flush=True)
    if apart > APART or best[0] != best[1]:
        sys.exit(f"the servers do not say the same of {picture}: {best}, {apart:.4f} apart, {APART} are allowed")


def load(server, pictures, connections, seconds):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(HERE / "post.lua")]
    out = subprocess.run(
        [*command, server.url + "predict"], env={**os.environ, "KILN_LIST": pictures}, capture_output=True, text=True
    ).stdout
    return json.loads(out.strip().splitlines()[-1])


def uploads(pictures, folder, count=200):
    """JPEGs whose shorter edge has 224 to 500 pixels, made of some pictures, and a list of them."""
    files = sorted(pathlib.Path(pictures).rglob("*.jpg"))
    draw = random.Random(0)
    paths = []
    for number, file in enumerate(draw.sample(files, min(count, len(files)))):
        image = Image.open(file).convert("RGB")
        scale = draw.randint(224, 500) / min(image.size)
        image = image.resize([round(edge * scale) for edge in image.size], Image.Resampling.BICUBIC)
        paths.append(folder / f"{number:03}.jpg")
        image.save(paths[-1], quality=90)
    listed = folder / "list.txt"
    listed.write_text("".join(f"{path}\n" for path in paths))
    return str(listed)


def measure(name, make, args, pictures, connections):
    server = make()
    load(server, pictures, connections, 3)
    found = load(server, pictures, connections, args.seconds)
    server.stop()
    found = {"server": name, "connections": connections, "per_second": round(found["good"] / found["seconds"], 1), **found}
    print(json.dumps({**found, "peak_mib": round(server.peak, 1)}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("onnx")
    parser.add_argument("pictures")
    parser.add_argument("--kiln", default="target/release/kiln")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--options", default="", help="more for kiln, as one text")
    parser.add_argument("--only", choices=PORTS)
    args = parser.parse_args()
    def kiln(*more):
        command = [args.kiln, "serve", args.model, "--port", str(PORTS["kiln"]), "--device", "cpu"]
        return Server("kiln", [*command, *args.options.split(), *more])

    def fastapi():
        command = [sys.executable, "-m", "uvicorn", "--app-dir", str(HERE), "server:app", "--workers", "2"]
        command += ["--port", str(PORTS["fastapi"]), "--no-access-log"]
        return Server("fastapi", command, {"KILN_ONNX": str(pathlib.Path(args.onnx).resolve()), "OMP_NUM_THREADS": "1"})

    with tempfile.TemporaryDirectory() as folder:
        pictures = uploads(args.pictures, pathlib.Path(folder))
        servers = {"kiln": kiln, "fastapi": fastapi}
        expect_the_same(servers, pictures)
        for _ in range(args.rounds):
            for name, make in servers.items():
                if args.only in (None, name):
                    measure(name, make, args, pictures, args.connections)
        if args.only != "fastapi":
            # Its own queue first: how long it makes everybody wait.
            measure("kiln", kiln, args, pictures, 4 * args.connections)
            measure("kiln --queue 16", lambda: kiln("--queue", "16"), args, pictures, 4 * args.connections)


main()
