"""Gives schemathesis pictures where its own bytes would be none, so that answers to good requests are looked at too.

    cd tests/schemathesis
    SCHEMATHESIS_HOOKS=pictures PYTHONPATH=. schemathesis run http://127.0.0.1:8000/openapi.json --exclude-checks positive_data_acceptance,negative_data_rejection

No schema says which classes the model has, so of `class` only those requests are good that happen to name one. Whether bad requests
are refused is for a run without this hook: schemathesis takes some of its pictures for bad ones.
"""

import pathlib

import schemathesis

DECODED = pathlib.Path(__file__).resolve().parent.parent / "golden" / "decode"
PICTURES = [(DECODED / name).read_bytes() for name in ("orientation-6.jpg", "alpha.png", "grey.jpg", "plain.gif")]


@schemathesis.hook
def before_call(context, case, kwargs):
    """A good request sends pictures; a bad one stays what it is."""
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    if case.media_type != "multipart/form-data":
        case.body = PICTURES[len(str(case.body)) % len(PICTURES)]
    elif isinstance(case.body, dict) and isinstance(case.body.get("file"), list):
        case.body["file"] = [PICTURES[at % len(PICTURES)] for at in range(len(case.body["file"]))]
