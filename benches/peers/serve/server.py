"""The same model behind FastAPI, as it is usually done: PIL, NumPy and ONNX Runtime with one thread.

    kiln export checkpoints/head --format onnx --out model.onnx
    KILN_ONNX=model.onnx uvicorn --app-dir benches/peers/serve server:app --workers 2 --port 8001 --no-access-log

Classes and preprocessing stand in the file's metadata (docs/export.md). KILN_ROAD=pool answers from FastAPI's pool
of threads instead of from the loop itself: twice as fast here, in twice the memory.
"""

import io
import json
import os
import sys

import numpy
import onnxruntime
from fastapi import FastAPI, File, HTTPException, UploadFile
from PIL import Image

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["KILN_ONNX"], options, providers=["CPUExecutionProvider"])
about = session.get_modelmeta().custom_metadata_map
if about["input_layout"] != "NCHW float32, normalised" or about["channel_order"] != "RGB":
    sys.exit("this server wants a file of floats and three channels: kiln export RUN --format onnx")
name = session.get_inputs()[0].name
classes, size, temperature = (json.loads(about[key]) for key in ("classes", "input_size", "temperature"))
way, edge = about["resize"].split(" to ")
edge = int(edge)
mean, std = (numpy.array(json.loads(about[key]), numpy.float32) for key in ("mean", "std"))
kernel = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}[about["interpolation"]]
app = FastAPI()


def seen(data):
    """The middle of the picture as the network takes it."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    width, height = image.size
    if way == "both edges":
        resized = (edge, edge)
    elif width <= height:
        resized = (edge, int(edge * height / width))
    else:
        resized = (int(edge * width / height), edge)
    image = image.resize(resized, kernel)
    left, top = (round((edge - size) / 2) for edge in resized)
    pixels = numpy.asarray(image.crop((left, top, left + size, top + size)), numpy.float32)
    return ((pixels / 255 - mean) / std).transpose(2, 0, 1)[None].astype(numpy.float32)


def answer(data, top):
    try:
        pixels = seen(data)
    except Exception as error:
        raise HTTPException(415, str(error)) from error
    logits = session.run(None, {name: pixels})[0][0].astype(numpy.float64) / temperature
    likely = numpy.exp(logits - logits.max())
    likely /= likely.sum()
    order = numpy.argsort(-likely, kind="stable")[:top]
    return {"classes": [{"class": classes[i], "probability": float(likely[i])} for i in order]}


if os.environ.get("KILN_ROAD") == "pool":

    @app.post("/predict")
    def predict(file: UploadFile = File(), top: int = 5):
        return answer(file.file.read(), top)

else:

    @app.post("/predict")
    async def predict(file: UploadFile = File(), top: int = 5):
        return answer(await file.read(), top)
