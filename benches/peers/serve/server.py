"""The same model behind FastAPI, as it is usually done: PIL, NumPy and ONNX Runtime with one thread.

    KILN_ONNX=model.onnx uvicorn --app-dir benches/peers/serve server:app --workers 2 --port 8001 --no-access-log

The JSON beside the ONNX file (model.json) says classes and preprocessing. KILN_ROAD=pool answers from FastAPI's pool
of threads instead of from the loop itself: twice as fast here, in twice the memory.
"""

import io
import json
import os
import pathlib

import numpy
import onnxruntime
from fastapi import FastAPI, File, HTTPException, UploadFile
from PIL import Image

path = pathlib.Path(os.environ["KILN_ONNX"])
about = json.loads(path.with_suffix(".json").read_text())
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
mean = numpy.array(about["mean"], numpy.float32)
std = numpy.array(about["std"], numpy.float32)
filters = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
app = FastAPI()


def seen(data):
    """The middle of the picture as the network takes it."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    (way, edge), size = *about["resize"].items(), about["size"]
    width, height = image.size
    if way == "squash":
        resized = (edge, edge)
    elif width <= height:
        resized = (edge, int(edge * height / width))
    else:
        resized = (int(edge * width / height), edge)
    image = image.resize(resized, filters[about["interpolation"]])
    left, top = ((edge - size) // 2 for edge in resized)
    pixels = numpy.asarray(image.crop((left, top, left + size, top + size)), numpy.float32)
    return ((pixels / 255 - mean) / std).transpose(2, 0, 1)[None].astype(numpy.float32)


def answer(data, top):
    try:
        pixels = seen(data)
    except Exception as error:
        raise HTTPException(415, str(error)) from error
    logits = session.run(None, {name: pixels})[0][0].astype(numpy.float64) / about["temperature"]
    likely = numpy.exp(logits - logits.max())
    likely /= likely.sum()
    order = numpy.argsort(-likely, kind="stable")[:top]
    return {"classes": [{"class": about["classes"][i], "probability": float(likely[i])} for i in order]}


if os.environ.get("KILN_ROAD") == "pool":

    @app.post("/predict")
    def predict(file: UploadFile = File(), top: int = 5):
        return answer(file.file.read(), top)

else:

    @app.post("/predict")
    async def predict(file: UploadFile = File(), top: int = 5):
        return answer(await file.read(), top)
