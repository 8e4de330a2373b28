"""Read the text of an image with a real model; it is loaded once, when the replica starts."""

import base64

import cv2
import numpy
from rapidocr_onnxruntime import RapidOCR


class Reader:
    """Holds the loaded detection and recognition models."""

    def __init__(self) -> None:
        self.engine = RapidOCR(intra_op_num_threads=1)

    def read(self, payload: dict) -> dict:
        """Replace the image by the lines found in it, each with its score."""
        raw = base64.b64decode(payload["image"]["base64"])
        picture = cv2.imdecode(numpy.frombuffer(raw, dtype=numpy.uint8), cv2.IMREAD_COLOR)
        found, _ = self.engine(picture)
        rest = {key: value for key, value in payload.items() if key != "image"}
        lines = [{"text": text, "score": round(float(score), 3)} for _, text, score in found or []]
        return {**rest, "filename": payload["image"]["filename"], "lines": lines}
