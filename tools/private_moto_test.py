"""The private moto starts, takes signed calls only, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from private_moto import PrivateMoto

SCRIPT = Path(__file__).resolve().parent / "moto"


def test_takes_no_unsigned_call_and_leaves_neither_folder_nor_process(tmp_path: Path) -> None:
    with PrivateMoto(tmp_path) as server:
        request = urllib.request.Request(server.url, data=b"{}", headers={"X-Amz-Target": "AmazonSQS.ListQueues"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=60)
        assert refused.value.code == 403
        refused.value.close()
        for question, wanted in (("put?region=a&from=0", b"[]"), ("left?region=a", b"0")):
            with urllib.request.urlopen(f"{server.url}/asya/{question}", timeout=60) as answer:
                assert answer.read() == wanted
        pid = server.pid
        folder = Path(server.addresses["ASYA_TEST_MOTO_CA"]).parent
        assert folder.exists()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_wrong_command_line_says_what_is_accepted() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "restart"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "serve [FOLDER]" in done.stderr
