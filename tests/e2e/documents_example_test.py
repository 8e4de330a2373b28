"""What the documents example makes of files that are no images; Pillow, which it does not need for that, is played."""

from __future__ import annotations

import base64
import importlib.util
import sys
import types
from typing import Any

import pytest
from asya_project import ROOT


@pytest.mark.parametrize(
    "error",
    [OSError("image file is truncated (7 bytes not processed)"), SyntaxError("broken PNG file"), OSError("unknown")],
)
def test_what_pillow_cannot_decode_is_no_image(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """The policy of the example tries NotAnImage once; any other error is tried three times."""

    class Opened:
        def __enter__(self) -> Opened:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def convert(self, _mode: str) -> Any:
            raise error

    image = types.ModuleType("PIL.Image")
    pillow = types.ModuleType("PIL")
    vars(image)["open"] = lambda _file: Opened()
    vars(pillow).update(Image=image, UnidentifiedImageError=type("UnidentifiedImageError", (OSError,), {}))
    monkeypatch.setitem(sys.modules, "PIL", pillow)
    spec = importlib.util.spec_from_file_location("prep", ROOT / "examples" / "documents" / "prep.py")
    assert spec is not None
    assert spec.loader is not None
    prep = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prep)
    upload = {"filename": "page.png", "base64": base64.b64encode(b"half a page").decode()}
    with pytest.raises(prep.NotAnImage, match=r"page\.png: 16 base64 bytes are no image"):
        prep.prepare({"image": upload})
