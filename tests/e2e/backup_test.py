"""A backup of PostgreSQL brought back by the steps of docs/direct-mode.md: no client is left with what it lost."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest
from asya_project import until
from direct_server import FLOWS, PROGRAMS, Authority, DirectServer, flow

from private_postgres import PrivatePostgres, binaries


def creates(client: httpx.Client, name: str) -> bool:
    """Whether the server takes a Flow of this name."""
    return client.post(FLOWS, json=flow(name)).status_code == 201


def run(dsn: str, *command: str, text: str = "") -> str:
    """What a command prints that ends well."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "ASYA_DATABASE_URL": dsn})  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Authority, list[str], tuple[str, str]]:
    """An authority, the server's flags, and the certificate of one who may do everything."""
    authority = Authority(tmp_path / "pki")
    certificate, key = authority.sign("server", server=True)
    flags = [f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
             f"--client-ca-file={authority.certificate}"]  # fmt: skip
    return authority, flags, authority.sign("root", "system:masters")


def test_clients_of_before_list_anew(tmp_path: Path, keys: tuple[Authority, list[str], tuple[str, str]]) -> None:
    """What came after the backup is gone, its revisions are never given out again, and old watches are told so."""
    authority, flags, root = keys
    tools = binaries()
    with ExitStack() as stack:
        dsn = stack.enter_context(PrivatePostgres()).dsn
        with DirectServer(tmp_path / "one", authority.certificate, *flags, database=dsn) as server:
            client = server.client(certificate=root)
            kept = client.post(FLOWS, json=flow("kept")).json()
            dump = run(dsn, str(tools / "pg_dump"), dsn)
            for number in range(5):
                assert client.post(FLOWS, json=flow(f"lost-{number}")).status_code == 201
            seen = client.get(FLOWS).json()["metadata"]["resourceVersion"]
            page = client.get(FLOWS, params={"limit": 1}).json()["metadata"]["continue"]
        psql = [str(tools / "psql"), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]
        run(dsn, *psql, dsn.replace("dbname=asya", "dbname=postgres"), text="DROP DATABASE asya; CREATE DATABASE asya;")
        run(dsn, *psql, dsn, text=dump)
        assert "goes on from revision" in run(dsn, str(PROGRAMS / "asya-server"), "bump-revision")
        server = stack.enter_context(DirectServer(tmp_path / "two", authority.certificate, *flags, database=dsn))
        client = server.client(certificate=root)
        listed = client.get(FLOWS).json()
        assert [item["metadata"]["name"] for item in listed["items"]] == ["kept"]
        assert listed["items"][0] == kept
        assert int(listed["metadata"]["resourceVersion"]) > int(seen) + 1_000_000
        assert client.get(FLOWS, params={"limit": 1, "continue": page}).status_code == 410
        with client.stream("GET", FLOWS, params={"watch": "1", "resourceVersion": seen}) as watch:
            told = watch.status_code, watch.read()
        assert told[0] == 410 or b'"code":410' in told[1], told
        made = client.post(FLOWS, json=flow("lost-0"))
        assert made.status_code == 201
        assert int(made.json()["metadata"]["resourceVersion"]) > int(listed["metadata"]["resourceVersion"])


@pytest.mark.timeout(180)
def test_a_server_that_runs_on_gives_up_what_the_database_has_lost(
    tmp_path: Path, keys: tuple[Authority, list[str], tuple[str, str]]
) -> None:
    """As when a standby is promoted that had not got the last commits: its folder is put in place of the primary's."""
    authority, flags, root = keys
    with ExitStack() as stack:
        primary = PrivatePostgres()
        dsn = stack.enter_context(primary).dsn
        home = Path(dsn.split()[0].removeprefix("host="))
        server = stack.enter_context(DirectServer(tmp_path / "one", authority.certificate, *flags, database=dsn))
        client = server.client(certificate=root)
        kept = client.post(FLOWS, json=flow("kept")).json()
        primary.shut_down()
        subprocess.run(["cp", "-a", home / "data", home / "standby"], check=True)
        primary.start()
        for number in range(5):
            until(partial(creates, client, f"lost-{number}"), "it is created")
        seen = client.get(FLOWS).json()["metadata"]["resourceVersion"]
        query = {"watch": "1", "resourceVersion": kept["metadata"]["resourceVersion"]}
        watch = stack.enter_context(server.client(certificate=root).stream("GET", FLOWS, params=query)).iter_lines()
        assert [json.loads(next(watch))["object"]["metadata"]["name"] for _ in range(5)][4] == "lost-4"
        primary.kill()
        (home / "data").rename(home / "lost")
        (home / "standby").rename(home / "data")
        primary.start()
        assert [json.loads(line)["object"]["code"] for line in watch] == [410]
        listed = until(lambda: client.get(FLOWS).json().get("items") and client.get(FLOWS).json(), "lists go on")
        assert listed["items"] == [kept]
        assert int(listed["metadata"]["resourceVersion"]) > int(seen) + 1_000_000
        with client.stream("GET", FLOWS, params={"watch": "1", "resourceVersion": seen}) as again:
            assert b'"code":410' in again.read()
        made = client.post(FLOWS, json=flow("lost-0")).json()["metadata"]
        assert int(made["resourceVersion"]) > int(listed["metadata"]["resourceVersion"])
        assert "asya_store_rewinds_total 1\n" in client.get("/metrics").text
        assert len([line for line in server.lines() if "has lost commits" in line["msg"]]) == 1


def test_mistakes_are_told(tmp_path: Path) -> None:
    """No database, or a file that is not there: exit code 64, and no file is made."""
    missing = tmp_path / "asya.db"
    for arguments, wanted in ((["--database-file", str(missing)], "there is no file"), ([], "one of both is needed")):
        done = subprocess.run([PROGRAMS / "asya-server", "bump-revision", *arguments], capture_output=True, text=True,
                              timeout=60, check=False, env={"PATH": os.environ["PATH"]})  # fmt: skip
        assert done.returncode == 64 and wanted in done.stderr, done.stderr
    assert not missing.exists()
