"""Makes fuzz/seeds: a few small files for each target, from the test files of the repository and a run of kiln.

    python fuzz/make_seeds.py checkpoints/flowers

The run only gives the words of its files (identity, manifest, state, settings), no numbers and no pictures.
"""
import gzip
import io
import json
import struct
import sys
import tarfile
import zipfile
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
TESTS = FUZZ.parent / "tests"
SEEDS = FUZZ / "seeds"


def put(target, name, content):
    path = SEEDS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def safetensors(entries, metadata=None, data=b""):
    header = ({"__metadata__": metadata} if metadata else {}) | entries
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def cbor(value):
    """As much of CBOR as a burnpack takes."""

    def head(major, number):
        for size, code, form in ((24, None, None), (1 << 8, 24, ">B"), (1 << 16, 25, ">H"), (1 << 32, 26, ">I")):
            if number < size:
                return bytes([major << 5 | (number if code is None else code)]) + (struct.pack(form, number) if form else b"")
        return bytes([major << 5 | 27]) + struct.pack(">Q", number)

    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())


def burnpack(tensors, metadata, data):
    text = cbor({"tensors": tensors, "metadata": metadata})
    start = -(-(10 + len(text)) // 256) * 256
    head = struct.pack("<IHI", 0x4255524E, 1, len(text)) + text
    return head.ljust(start, b"\0") + data


def tar(members, form=tarfile.USTAR_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if name.endswith("/"):
                info.type = tarfile.DIRTYPE
            archive.addfile(info, io.BytesIO(content))
    # Without the zeros that fill up the last record.
    return out.getvalue().rstrip(b"\0").ljust(512, b"\0") + bytes(1024)


def zipped(members, method):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def weights(run):
    array = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    half = {"dtype": "F16", "shape": [4], "data_offsets": [24, 32]}
    counted = {"dtype": "I64", "shape": [], "data_offsets": [32, 40]}
    words = {"kiln": json.dumps(identity_of(run))}
    put("safetensors", "plain", safetensors({"a": array}, data=bytes(24)))
    put("safetensors", "mixed", safetensors({"a": array, "model.b": half, "c": counted}, data=bytes(40)))
    put("safetensors", "kiln", safetensors({"a": array}, words, bytes(24)))
    tensor = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    put("burnpack", "plain", burnpack({"a": tensor}, {"producer": "burn"}, bytes(24)))
    put("burnpack", "kiln", burnpack({"a": tensor}, words, bytes(24)))
    for name in ("tiny_zip", "repeated"):
        put("pickle_zip", name, (TESTS / "weights" / f"{name}.pth").read_bytes())
    put("pickle_legacy", "tiny", (TESTS / "weights" / "tiny_legacy.pth").read_bytes())


def identity_of(run):
    model = newest(run) / "model.safetensors"
    with model.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return json.loads(header["__metadata__"]["kiln"])


def newest(run):
    return max((run / "steps").iterdir())


def words(run):
    put("identity", "lite0.json", json.dumps(identity_of(run)))
    manifest = (newest(run) / "manifest.json").read_text()
    put("manifest", "whole", manifest)
    entry = '{"bytes": 7, "blake3": "9d1f13d3cfcb2ccd93f3a3a9b8f1e0de3b3f8a7c1ad0c7a1bb7bd8bdd8a3ff11"}'
    head = '{\n  "format": 1,\n  "kiln": "0.1.0",\n  "configuration": "c",\n  "data": "d",\n  "files": '
    put("manifest", "body", head + '{"model.safetensors": ' + entry + "}")
    put("state", "state.json", (newest(run) / "state.json").read_text())
    put("state", "pointer", (run / "best").read_text())
    put("state", "name", (run / "best").read_text().split()[0])
    put("config", "flowers.toml", (FUZZ.parent / "configs/flowers.toml").read_text())
    put("config", "head.toml", (FUZZ.parent / "configs/head.toml").read_text() + "\0data.path=a\0stage.1.epochs=3")
    put("config", "written.toml", (run / "config.toml").read_text())
    put("recipe", "flowers.toml", (FUZZ.parent / "datasets/flowers.toml").read_text())
    record = json.loads((run / "dataset.json").read_text())
    record["samples"] = record["samples"][:3]
    record["set_aside"] = [{"relative": "a/b.jpg", "reason": "it is empty"}]
    put("record", "drawn.json", json.dumps(record))


def tables():
    rows = "path,label,split,weight\na.jpg,cat,train,1\n\"b, c.jpg\",dog,val,0.5\n"
    put("table", "commas", "0" + rows)
    put("table", "tabs", "1" + rows.replace(",", "\t"))
    put("table", "told", "2\ufeffkind,file\r\n\r\ncat,a.jpg\r\ndog,b.jpg\r\n")
    lines = '{"path": "a.jpg", "label": "cat"}\n{"image": "b.jpg", "class": 3, "weight": 0.5, "split": "val"}\n'
    put("json_lines", "rows", lines)


def archives():
    members = {"a/": b"", "a/1.jpg": b"x" * 20, "b/2.jpg": b"y"}
    long = {"long/" * 30 + "1.jpg": b"x"}
    put("archive", "plain.tar", tar(members))
    put("archive", "gnu.tar", tar(long, tarfile.GNU_FORMAT))
    put("archive", "pax.tgz", gzip.compress(tar(long, tarfile.PAX_FORMAT), mtime=0))
    put("archive", "plain.tgz", gzip.compress(tar(members), mtime=0))
    put("archive", "stored.zip", zipped(members, zipfile.ZIP_STORED))
    put("archive", "deflated.zip", zipped(members, zipfile.ZIP_DEFLATED))
    shard = {"0.jpg": b"p", "0.cls": b"3", "1.png": b"q", "1.json": b'{"label": "a", "weight": 2}'}
    put("shard", "plain.tar", tar(shard))
    put("shard", "gnu.tar", tar(long | {"long/" * 30 + "1.cls": b"a"}, tarfile.GNU_FORMAT))
    put("shard", "pax.tar", tar(long | {"long/" * 30 + "1.cls": b"a"}, tarfile.PAX_FORMAT))


def pictures():
    entry = bytes(64) + struct.pack("<QIIBBIIIdd", 0, 3, 2, 3, 1, 3, 2, 1, 0.0, 0.0)
    reduced = bytes(64) + struct.pack("<QIIBBIIIdd", 18, 3, 2, 1, 2, 23, 16, 8, -1.0, 0.0)
    put("pack", "one", bytes([1]) + bytes(range(18)) + entry)
    put("pack", "two", bytes([2]) + bytes(range(30)) + entry + reduced)
    put("cache_file", "row", struct.pack("<4f", 1, 2, 3, 4))
    for path in sorted((TESTS / "golden/jpeg").glob("*.jpg")):
        for number, part in enumerate((b"\0\x40\x40\x60\x20", b"\x02\0\0\xff\xff")):
            if path.stat().st_size < 2200:
                put("jpeg", f"{path.stem}-{number}.jpg", part + path.read_bytes())


def main():
    run = Path(sys.argv[1])
    weights(run)
    words(run)
    tables()
    archives()
    pictures()


main()
