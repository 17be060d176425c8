"""The types of PTX, and how C reads and writes their bits."""

import re

FLOATS = {"f16": 16, "bf16": 16, "f32": 32, "f64": 64, "f16x2": 32, "bf16x2": 32, "f32x2": 64}
READ = {"f32": "F({})", "f64": "D({})", "f16": "(f64)H({})", "bf16": "(f64)B({})"}
WRITE = {"f32": "U({})", "f64": "UD({})", "f16": "HU({})", "bf16": "BU({})"}


class Unknown(Exception):
    """What is not known is an error, never a guess."""


def bits_of(kind):
    if kind in FLOATS:
        return FLOATS[kind]
    if kind == "pred":
        return 1
    return int(re.fullmatch(r"[subf](\d+)", kind)[1])


def split(text):
    """Operands: commas inside of brackets and braces part nothing."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in "[{(") - (char in "]})")
        if char == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    last = text[start:].strip()
    return parts + [last] if last else parts
