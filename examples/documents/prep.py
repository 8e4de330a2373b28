"""Decode and check an uploaded image, and shrink what is larger than reading needs."""

import base64
import binascii
import io

from PIL import Image

SIDE_LIMIT_PIXELS = 1600


class NotAnImage(ValueError):
    """The upload cannot be decoded as an image."""


def prepare(payload: dict) -> dict:
    """Take ``{"image": {"filename", "base64"}}`` and give it back as a grey PNG with its size."""
    upload = payload["image"]
    try:
        raw = base64.b64decode(upload["base64"], validate=True)
        with Image.open(io.BytesIO(raw)) as opened:
            picture = opened.convert("L")
    except (binascii.Error, OSError, SyntaxError) as error:
        # Pillow: OSError where it knows no such format or the end is missing, SyntaxError within a broken PNG.
        name = upload.get("filename", "upload")
        raise NotAnImage(f"{name}: {len(upload['base64'])} base64 bytes are no image") from error
    picture.thumbnail((SIDE_LIMIT_PIXELS, SIDE_LIMIT_PIXELS))
    png = io.BytesIO()
    picture.save(png, format="PNG", icc_profile=None)
    return {
        **payload,
        "image": {"filename": upload.get("filename", ""), "base64": base64.b64encode(png.getvalue()).decode()},
        "width": picture.width,
        "height": picture.height,
    }
