"""What the tests share: rendered overlays as lists of objects, and the commands of scripts/k3s/deploy."""

import functools
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = sorted(folder.name for folder in (ROOT / "k3s/overlays").iterdir())
CONTRACT = tomllib.loads((ROOT / "k3s/tests/contract.toml").read_text())


@functools.cache
def render(folder):
    """The text that kustomize makes of a folder below k3s/."""
    command = ["kubectl", "kustomize", str(ROOT / "k3s" / folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def objects(folder):
    """What kustomize makes of a folder below k3s/."""
    return [document for document in yaml.safe_load_all(render(folder)) if document]


@functools.cache
def deploy_steps(overlay):
    """The commands that deploying an overlay runs, as lists of words."""
    command = [str(ROOT / "scripts/k3s/deploy"), overlay, "--host", "assay.example.org", "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [shlex.split(line) for line in done.stdout.splitlines() if not line.startswith("#")]


@functools.cache
def deployed_secrets(overlay):
    """Names of the secrets that deploying an overlay makes, with their keys."""
    secrets = {}
    for words in deploy_steps(overlay):
        if words[:5] != ["kubectl", "--namespace", "assay", "create", "secret"]:
            continue
        kind, name = words[5:7]
        files = [word.removeprefix("--from-file=").split("=")[0] for word in words if word.startswith("--from-file=")]
        secrets[name] = {"tls": ["tls.crt", "tls.key"], "generic": files}[kind]
    return secrets


def of_kind(documents, *kinds):
    return [document for document in documents if document["kind"] in kinds]


def named(documents, kind, name):
    found = [document for document in of_kind(documents, kind) if document["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]


def pod_templates(documents):
    """Every pod that the objects make, with the object's kind and name."""
    for document in documents:
        template = document.get("spec", {}).get("template")
        if document["kind"] == "CronJob":
            template = document["spec"]["jobTemplate"]["spec"]["template"]
        if template:
            yield f"{document['kind']}/{document['metadata']['name']}", template


def containers(template):
    return template["spec"].get("initContainers", []) + template["spec"]["containers"]


def selects(selector, labels):
    """Whether a label selector matches."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for rule in selector.get("matchExpressions", []):
        assert rule["operator"] == "In", rule
        if labels.get(rule["key"]) not in rule["values"]:
            return False
    return True


def quantity(text):
    """A Kubernetes quantity as a number."""
    number, unit = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", str(text)).groups()
    scale = {"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
    return float(number) * scale[unit]


@pytest.fixture(params=OVERLAYS)
def overlay(request):
    return request.param


@pytest.fixture
def documents(overlay):
    """All that is deployed of an overlay, with what is run once and what may be added."""
    return objects(f"overlays/{overlay}") + objects("setup") + objects("examples/nightly-import")


@pytest.fixture(scope="session")
def binary():
    """The program, where it was built and has the cluster's commands."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = Path(os.environ.get("ASSAY", target / "release/assay"))
    if not program.exists():
        pytest.skip(f"there is no {program}")
    done = subprocess.run([program, "coordinator", "--help"], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"{program} has no coordinator")
    return program
