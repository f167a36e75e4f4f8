"""Types and fields of every object, offline: core kinds by kubernetes-validate, KEDA's by @kubernetes-models/keda."""

import json
import os
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest

from conftest import OVERLAYS, ROOT, objects, of_kind

FOLDERS = [f"overlays/{name}" for name in OVERLAYS] + ["setup", "examples/nightly-import"]
# That of scripts/k3s/node.sh.
VERSION = "1.33"


def test_the_version_is_that_of_the_nodes():
    assert f"default_version=v{VERSION}." in (ROOT / "scripts/k3s/node.sh").read_text()


def core(documents):
    return [document for document in documents if "keda.sh" not in document["apiVersion"]]


@pytest.mark.parametrize("folder", FOLDERS)
def test_core_objects_have_no_unknown_fields(folder):
    for document in core(objects(folder)):
        kubernetes_validate.validate(document, VERSION, strict=True)


@pytest.mark.parametrize("change", [{"replica": 2}, {"replicas": "two"}])
def test_an_unknown_field_and_a_wrong_type_are_found(change):
    good = of_kind(objects("overlays/cluster"), "StatefulSet")[0]
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**good, "spec": {**good["spec"], **change}}, VERSION, strict=True)


def keda_complaints(documents):
    modules = os.environ.get("NODE_PATH")
    if not modules or not (Path(modules) / "@kubernetes-models/keda").exists():
        pytest.skip("@kubernetes-models/keda is not installed")
    script = ROOT / "k3s/tests/keda.cjs"
    done = subprocess.run(["node", str(script)], input=json.dumps(documents), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", OVERLAYS)
def test_keda_objects_fit_their_schemas(name):
    documents = [document for document in objects(f"overlays/{name}") if "keda.sh" in document["apiVersion"]]
    assert bool(documents) == (name in {"cluster", "cluster-s3"})
    assert keda_complaints(documents) == []


def test_a_wrong_keda_object_is_found():
    wrong = of_kind(objects("overlays/cluster"), "ScaledObject")[0]
    assert keda_complaints([{**wrong, "spec": {**wrong["spec"], "maxReplicaCount": "many"}}]) != []
