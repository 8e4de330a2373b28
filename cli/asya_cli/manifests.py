"""Reading manifests and applying them: create, or a three-way merge with what was applied before."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from asya_cli import environment
from asya_cli.client import Client, collection
from asya_cli.failure import NOT_FOUND, REFUSED, Failure
from asya_cli.project import GROUP

# The annotation that kubectl keeps too, so that both commands can be used on one object.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
SOURCE_DIR = "local.asya.sh/source-dir"
PYTHON = "local.asya.sh/python"
PLURALS = {
    "AsyncActor": "asyncactors", "Flow": "flows", "Flavor": "flavors", "Transport": "transports",
    "Composition": "compositions", "Function": "functions",
}  # fmt: skip
NAMESPACED = {"AsyncActor", "Flow"}
# Flavors and transports first, so that an actor finds what it names.
ORDER = ["Transport", "Flavor", "Composition", "Function", "AsyncActor", "Flow"]

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What became of one object."""

    kind: str
    name: str
    verb: str
    object: Manifest  # as the server has it now, or, of a dry run, would have it


def read(source: str) -> list[Manifest]:
    """The objects of group asya.sh in a file, a folder or standard input (``-``)."""
    if source == "-":
        return parse(standard_input(), "standard input")
    path = Path(source)
    if not path.exists():
        raise Failure(f"{source}: no such file or folder", exit_code=REFUSED)
    files = files_of(path) if path.is_dir() else [path]
    found: list[Manifest] = []
    for file in files:
        found += read_file(file, str(file))
    return found


def standard_input() -> str:
    """The text that is piped in, read as UTF-8 whatever the locale says."""
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except OSError as error:
        raise Failure(f"standard input: {error.strerror}", exit_code=REFUSED) from error
    except UnicodeDecodeError as error:
        raise Failure(f"standard input: not UTF-8 at byte {error.start}", exit_code=REFUSED) from error


def files_of(folder: Path) -> list[Path]:
    """The YAML files of a folder."""
    try:
        return sorted(p for p in folder.iterdir() if p.suffix in (".yaml", ".yml"))
    except OSError as error:
        raise Failure(f"{folder}: {error.strerror}", exit_code=REFUSED) from error


def read_file(file: Path, where: str) -> list[Manifest]:
    """The objects of group asya.sh in one file."""
    try:
        return parse(file.read_text(encoding="utf-8"), where)
    except OSError as error:
        raise Failure(f"{where}: {error.strerror}", exit_code=REFUSED) from error
    except UnicodeDecodeError as error:
        raise Failure(f"{where}: not UTF-8 at byte {error.start}", exit_code=REFUSED) from error


def parse(text: str, where: str) -> list[Manifest]:
    """The objects of group asya.sh in YAML or JSON text; other groups are left out."""
    try:
        documents = [d for d in yaml.safe_load_all(text) if d is not None]
    except yaml.YAMLError as error:
        raise Failure(f"{where}: not YAML: {' '.join(str(error).split())}", exit_code=REFUSED) from error
    found = []
    for number, document in enumerate(documents, start=1):
        place = f"{where}, document {number}"
        for item in items_of(document):
            if checked(item, place):
                found.append(item)
    return sorted(found, key=lambda d: ORDER.index(d["kind"]))


def items_of(document: Any) -> list[Any]:
    """The objects of a document: its own, or those of a ``kind: List`` as ``kubectl get -o yaml`` prints one."""
    is_list = isinstance(document, dict) and document.get("kind") == "List" and isinstance(document.get("items"), list)
    return list(document["items"]) if is_list else [document]


def checked(document: Any, place: str) -> bool:
    """Whether the object is of group asya.sh; raises :class:`Failure` for one that cannot be sent at all."""
    if not isinstance(document, dict) or "apiVersion" not in document or "kind" not in document:
        raise Failure(f"{place}: an object with apiVersion and kind is accepted", exit_code=REFUSED)
    if not str(document["apiVersion"]).startswith(GROUP + "/"):
        return False
    kind, metadata = document["kind"], document.get("metadata")
    if not isinstance(kind, str) or kind not in PLURALS:
        raise Failure(f"{place}: kind {kind!r} is unknown; {', '.join(PLURALS)} are accepted", exit_code=REFUSED)
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise Failure(f"{place}: metadata.name: Required value", exit_code=REFUSED)
    annotations = metadata.get("annotations")
    if annotations is None:
        metadata.pop("annotations", None)
    elif not isinstance(annotations, dict):
        raise Failure(f"{place}: metadata.annotations: Invalid value: must be an object", exit_code=REFUSED)
    try:
        json.dumps(document)
    except TypeError as error:
        # YAML reads 2026-01-01 as a date, and takes keys that are no strings.
        raise Failure(f"{place}: {error}", "write it in quotes, as dates have to be", REFUSED) from error
    except ValueError as error:
        raise Failure(f"{place}: an alias contains itself", exit_code=REFUSED) from error
    return True


def annotate_local(manifest: Manifest, folder: Path, python: Path | None) -> None:
    """Say where an actor's code is on this machine; only the local cluster reads it."""
    if manifest["kind"] != "AsyncActor":
        return
    annotations = manifest["metadata"].setdefault("annotations", {})
    annotations.setdefault(SOURCE_DIR, str(folder.resolve()))
    if python is not None:
        annotations.setdefault(PYTHON, str(python))


def text_of(manifest: Manifest) -> str:
    """What the next apply compares with: the manifest without what only this machine adds to it.

    kubectl, applying the same file, would take away whatever is in here and not in the file: where the code is.
    """
    metadata = dict(manifest["metadata"])
    annotations = metadata.pop("annotations", {})
    shared = {key: value for key, value in annotations.items() if key not in (SOURCE_DIR, PYTHON)}
    if shared:
        metadata["annotations"] = shared
    return json.dumps({**manifest, "metadata": metadata}, sort_keys=True)


def merge_patch(last: Any, wanted: Any, live: Any) -> Any:
    """The JSON merge patch that makes ``live`` become ``wanted``, removing only what ``last`` had asked for."""
    patch: dict[str, Any] = {}
    for key, value in wanted.items():
        if key not in live:
            patch[key] = value
        elif isinstance(value, dict) and isinstance(live[key], dict):
            inner = merge_patch(last.get(key) if isinstance(last.get(key), dict) else {}, value, live[key])
            if inner:
                patch[key] = inner
        elif value != live[key]:
            patch[key] = value
    for key in last:
        if key not in wanted and key in live:
            patch[key] = None
    return patch


def leave_environment(patch: Manifest, wanted: Manifest, live: Manifest) -> None:
    """Take an environment's interpreter from an actor whose folder has no requirements.txt any more.

    What was applied before never names it (:func:`text_of`). One that a person has chosen stays, and that of an object
    which does not say where its code is: only a local apply says so.
    """
    asked, found = ((item["metadata"].get("annotations") or {}) for item in (wanted, live))
    if SOURCE_DIR in asked and PYTHON not in asked and environment.is_made(found.get(PYTHON, "")):
        patch.setdefault("metadata", {}).setdefault("annotations", {})[PYTHON] = None


def apply_one(client: Client, manifest: Manifest, namespace: str, dry_run: bool = False) -> Outcome:
    """Create the object or bring it to the manifest; validation is strict. A dry run only validates."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    space = manifest["metadata"].get("namespace", namespace) if kind in NAMESPACED else None
    base = collection(PLURALS[kind], space)
    params = {"fieldValidation": "Strict", "fieldManager": "asya"} | ({"dryRun": "All"} if dry_run else {})
    wanted = json.loads(json.dumps(manifest, sort_keys=True))
    wanted["metadata"].setdefault("annotations", {})[LAST_APPLIED] = text_of(manifest)
    try:
        live = client.json("GET", f"{base}/{name}")
    except Failure as failure:
        if failure.exit_code != NOT_FOUND:
            raise
        return Outcome(kind, name, "created", client.json("POST", base, wanted, params))
    last = json.loads(live["metadata"].get("annotations", {}).get(LAST_APPLIED, "{}"))
    patch = merge_patch(last, wanted, live)
    patch.get("metadata", {}).pop("namespace", None)
    leave_environment(patch, wanted, live)
    if not patch or patch == {"metadata": {}}:
        return Outcome(kind, name, "unchanged", live)
    changed = client.json("PATCH", f"{base}/{name}", json.dumps(patch).encode(), params,
                          headers={"Content-Type": "application/merge-patch+json"})  # fmt: skip
    return Outcome(kind, name, "configured", changed)


def clashes(manifests: list[Manifest], namespace: str) -> list[str]:
    """What the objects of one manifest cannot be beside each other; a dry run looks at each alone and passes them."""
    told: list[str] = []
    seen: set[tuple[str, str, str]] = set()
    queues: dict[str, str] = {}
    defaults: list[str] = []
    for manifest in manifests:
        kind, metadata = manifest["kind"], manifest["metadata"]
        name = str(metadata["name"])
        space = str(metadata.get("namespace", namespace)) if kind in NAMESPACED else ""
        if (kind, space, name) in seen:
            told.append(f"{kind} {name}: metadata.name: Duplicate value: the manifest has two of this name")
            continue
        seen.add((kind, space, name))
        if is_default_transport(manifest) and len(defaults := [*defaults, name]) > 1:
            told.append(f"Transport {name}: spec.default: Invalid value: true: {defaults[0]} in the manifest says it "
                        "too, and only one may be the default")  # fmt: skip
        if kind != "AsyncActor":
            continue
        spec = manifest.get("spec")
        identity = (spec.get("actor") if isinstance(spec, dict) else None) or name
        owner = queues.setdefault(f"asya-{space}-{identity}", f"{space}/{name}")
        if owner != f"{space}/{name}":
            told.append(f'{kind} {name}: spec.actor: Duplicate value: its queue "asya-{space}-{identity}" is also that '
                        f"of {owner} in the manifest; choose another spec.actor")  # fmt: skip
    return told


def is_default_transport(manifest: Manifest) -> bool:
    """Whether it is a Transport that says `default: true`."""
    spec = manifest.get("spec")
    return manifest["kind"] == "Transport" and isinstance(spec, dict) and spec.get("default") is True


def gives_up_default(manifests: list[Manifest], refusal: str) -> bool:
    """Whether the Transport that stands in the way of another default is not the default by these manifests."""
    return any(m["kind"] == "Transport" and not is_default_transport(m)
               and f'Transport "{m["metadata"]["name"]}" is the default' in refusal for m in manifests)  # fmt: skip


def in_order(manifests: list[Manifest]) -> list[Manifest]:
    """As they are, but that a default Transport comes after those that may have been the default before it."""
    others = [i for i, m in enumerate(manifests) if m["kind"] == "Transport" and not is_default_transport(m)]
    until = others[-1] + 1 if others else 0
    first = [m for m in manifests[:until] if not is_default_transport(m)]
    return first + [m for m in manifests[:until] if is_default_transport(m)] + manifests[until:]


def try_all(client: Client, manifests: list[Manifest], namespace: str, verb: str = "apply") -> list[Outcome]:
    """What applying every object would make of it; all refusals are told at once, and nothing is written."""
    refused = clashes(manifests, namespace)
    tried: list[Outcome] = []
    for manifest in manifests:
        try:
            tried.append(apply_one(client, manifest, namespace, dry_run=True))
        except Failure as failure:
            if failure.exit_code != REFUSED:
                raise
            if is_default_transport(manifest) and gives_up_default(manifests, failure.message):
                continue
            refused.append(f"{manifest['kind']} {manifest['metadata']['name']}: {failure.message}")
    if refused:
        raise Failure("\n".join(refused), f"mend the manifest and {verb} it again; nothing was applied", REFUSED)
    return tried


def apply_all(client: Client, manifests: list[Manifest], namespace: str, dry_run: bool = False) -> list[Outcome]:
    """Apply every object, or none."""
    tried = try_all(client, manifests, namespace)
    if dry_run:
        return tried
    return [apply_one(client, manifest, namespace) for manifest in in_order(manifests)]
