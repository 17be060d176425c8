#!/usr/bin/env python3
"""Prints what TensorBoard reads in a folder of event files, as JSON: scalars by tag as [step, value], images by tag as [step, width, height, colours
of the PNG itself], texts by tag.

    pip install tensorboard pillow
    python tests/golden/read_events.py FOLDER
"""
import io
import json
import sys

from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

# 0 keeps all of them.
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "images": 0, "tensors": 0}).Reload()
tags = events.Tags()


def image(event):
    found = Image.open(io.BytesIO(event.encoded_image_string))
    assert found.size == (event.width, event.height)
    return [event.step, event.width, event.height, found.mode]


texts = [tag for tag in tags["tensors"] if events.summary_metadata[tag].plugin_data.plugin_name == "text"]
json.dump(
    {
        "scalars": {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]},
        "images": {tag: [image(e) for e in events.Images(tag)] for tag in tags["images"]},
        "texts": {tag: events.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in texts},
    },
    sys.stdout,
)
