"""Shell scripts, the Dockerfile and its context; what the scripts of scripts/k3s would do."""

import json
import os
import re
import subprocess
import tomllib

import pytest

from conftest import OVERLAYS, ROOT, deploy_steps, deployed_secrets, objects, pod_templates

SCRIPTS = sorted(
    path
    for folder in ("scripts", "scripts/k3s", "tests", "k3s/services/minio", "k3s/services/postgres")
    for path in (ROOT / folder).iterdir()
    if path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env bash")
)


def run(*words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)


def test_shell_scripts_are_clean():
    assert len(SCRIPTS) >= 12
    done = run("shellcheck", "--external-sources", "--check-sourced", "--source-path", ROOT, *SCRIPTS)
    assert done.returncode == 0, done.stdout


def test_the_dockerfile_is_clean():
    done = run("hadolint", ROOT / "Dockerfile")
    assert done.returncode == 0, done.stdout


def test_images_run_as_nobody():
    stages = re.split(r"(?m)^FROM ", (ROOT / "Dockerfile").read_text())[1:]
    for stage in stages[1:]:
        assert re.search(r"(?m)^USER 65532:65532$", stage), stage.splitlines()[0]


def test_the_build_context_has_every_crate():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    for member in tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"]:
        assert f"!/{member}" in lines, member
    copied = re.findall(r"scripts/[\w.-]+", (ROOT / "Dockerfile").read_text().split("FROM ", 1)[1])
    for path in copied:
        assert f"!/{path}" in lines and (ROOT / path).exists(), path


def test_one_version_of_postgres():
    """pg_dump in the image of backups comes with the Debian on which the server's image is built."""
    (image,) = {
        template["spec"]["containers"][0]["image"]
        for name, template in pod_templates(objects("overlays/cluster"))
        if name == "StatefulSet/postgres"
    }
    debian = image.rpartition("-")[2]
    assert f"FROM debian:{debian}-slim AS backup" in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ["server", "--dry-run", "--name", "one.example.org"],
        ["server", "--dry-run", "--join", "https://one.example.org:6443", "--token-file", "token"],
        ["agent", "--dry-run", "--server", "https://one.example.org:6443", "--token-file", "token", "--label", "a=b"],
        ["verify", "--dry-run"],
    ],
    ids=["first server", "further server", "agent", "verify"],
)
def test_a_dry_run_prints_every_step_and_does_none(arguments, tmp_path):
    # Whatever a script may call leaves a trace here instead.
    for program in ("curl", "kubectl", "k3s", "sysctl", "modprobe", "systemctl", "install"):
        fake = tmp_path / program
        fake.write_text(f'#!/bin/sh\necho {program} >>"{tmp_path}/called"\n')
        fake.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = run(ROOT / "scripts/k3s" / arguments[0], *arguments[1:], env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "called").exists()
    steps = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    assert len(steps) >= 4
    if arguments[0] != "verify":
        assert any("INSTALL_K3S_VERSION=v1." in step for step in steps)
    if "--join" in arguments:
        assert any("--server=https://one.example.org:6443" in step and "--cluster-init" not in step for step in steps)


@pytest.mark.parametrize(
    "arguments",
    [
        ["server", "--join", "http://one:6443", "--token-file", "token", "--dry-run"],
        ["server", "--join", "https://one:6443", "--dry-run"],
        ["agent", "--dry-run"],
        ["deploy"],
        ["deploy", "nowhere", "--dry-run"],
        ["deploy", "cluster", "--image", "assay", "--dry-run"],
        ["verify", "--hope"],
    ],
)
def test_wrong_arguments_are_refused(arguments):
    done = run(ROOT / "scripts/k3s" / arguments[0], *arguments[1:])
    assert done.returncode in (1, 2)
    assert done.stderr and not done.stdout


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_deploy_has_the_steps_in_order(overlay):
    steps = [" ".join(words) for words in deploy_steps(overlay)]

    def first(text):
        return next(number for number, step in enumerate(steps) if text in step)

    order = ["namespace.yaml", "generic coordinator-tls", "generic assay-coordinator", "apply --server-side"]
    order += ["statefulset/rabbitmq", "job/init", "secret generic assay-admin-key", "deployment/coordinator", "job/worker-key"]
    order += ["secret generic assay-worker-key", "status --timeout=600s deployment/worker"]
    numbers = [first(text) for text in order]
    assert numbers == sorted(numbers)
    assert ("minio" in deployed_secrets(overlay)) == (overlay in {"cluster", "cluster-hpa"})


def test_no_value_of_a_secret_is_an_argument():
    for words in deploy_steps("cluster"):
        assert not any(word.startswith("--from-literal") for word in words)


# A cluster in a folder: `get secret` looks there, `create secret` writes there, `logs` prints a key.
KUBECTL = r"""#!/usr/bin/env bash
set -euo pipefail
echo "$*" >>"$CLUSTER/calls"
[[ $1 != --namespace ]] || shift 2
case "$1 $2" in
  "kustomize "*) exec "$REAL_KUBECTL" "$@" ;;
  "get secret")
    if [[ $* == *--output=name* ]]; then
      [[ -d $CLUSTER/$3 ]]
    else
      key=$(sed -n "s/.*\['\(.*\)'\].*/\1/p" <<<"$*")
      file=$CLUSTER/$3/${key//\\/}
      [[ ! -f $file ]] || base64 -w0 "$file"
    fi ;;
  "create secret")
    [[ ! -d $CLUSTER/$4 ]] || { echo "exists: $4" >&2; exit 1; }
    mkdir "$CLUSTER/$4"
    for word in "$@"; do
      case $word in
        --from-file=*) word=${word#--from-file=} && cp "${word#*=}" "$CLUSTER/$4/${word%%=*}" ;;
        --cert=*) cp "${word#*=}" "$CLUSTER/$4/tls.crt" ;;
        --key=*) cp "${word#*=}" "$CLUSTER/$4/tls.key" ;;
      esac
    done ;;
  "delete secret") rm -r "${CLUSTER:?}/$3" ;;
  "logs "*) printf 'INFO the schema is made\n{"secret": "key-of-%s"}\n' "${2#job/}" ;;
  "get crd") ;;
esac
"""


@pytest.fixture
def cluster(tmp_path):
    fake = tmp_path / "bin/kubectl"
    fake.parent.mkdir()
    fake.write_text(KUBECTL)
    fake.chmod(0o755)
    state = tmp_path / "cluster"
    state.mkdir()
    real = run("sh", "-c", "command -v kubectl").stdout.strip()
    environment = {**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}", "CLUSTER": str(state), "REAL_KUBECTL": real}

    def deploy(*arguments):
        done = run(ROOT / "scripts/k3s/deploy", *arguments, env=environment)
        assert done.returncode == 0, done.stderr
        return {path.relative_to(state).as_posix(): path.read_text() for path in state.rglob("*/*")}

    return deploy


def test_deploying_again_changes_no_secret(cluster):
    first = cluster("cluster", "--host", "assay.example.org", "--host", "192.0.2.7")
    names = {path.split("/")[0] for path in first}
    assert names == set(deployed_secrets("cluster"))
    assert first["assay-admin-key/key"] == "key-of-init"
    assert first["assay-worker-key/key"] == "key-of-worker-key"
    # Passwords of accounts and those in addresses are the same ones.
    assert f":{first['postgres/coordinator']}@postgres:5432/assay?" in first["assay-coordinator/database"]
    users = {user["name"]: user["password"] for user in json.loads(first["rabbitmq/definitions.json"])["users"]}
    assert f"amqps://assay_worker:{users['assay_worker']}@" in first["assay-worker/queue"]
    assert len(set(users.values())) == len(users)
    assert cluster("cluster") == first


def test_renewed_certificates_come_from_the_same_authority(cluster, tmp_path):
    first = cluster("single-node", "--host", "assay.example.org", "--host", "192.0.2.7")
    second = cluster("single-node", "--host", "assay.example.org", "--renew-certificates")
    assert first["authority/ca.crt"] == second["authority/ca.crt"]
    assert first["coordinator-tls/tls.crt"] != second["coordinator-tls/tls.crt"]
    for secrets, address in ((first, True), (second, False)):
        (tmp_path / "ca.crt").write_text(secrets["authority/ca.crt"])
        (tmp_path / "tls.crt").write_text(secrets["coordinator-tls/tls.crt"])
        done = run("openssl", "verify", "-CAfile", tmp_path / "ca.crt", "-verify_hostname", "assay.example.org", tmp_path / "tls.crt")
        assert done.returncode == 0, done.stderr
        text = run("openssl", "x509", "-in", tmp_path / "tls.crt", "-noout", "-ext", "subjectAltName").stdout
        assert "DNS:coordinator," in text
        assert ("IP Address:192.0.2.7" in text) == address


def test_brokers_accounts_are_those_of_the_queue(cluster):
    """As the table in queue/src/lib.rs says, where that crate is."""
    definitions = json.loads(cluster("single-node")["rabbitmq/definitions.json"])
    permissions = {each["user"]: [each["configure"], each["write"], each["read"]] for each in definitions["permissions"]}
    assert permissions["assay_scaler"] == ["^$", "^$", "^$"]
    table = ROOT / "queue/src/lib.rs"
    if not table.exists():
        pytest.skip("there is no crate of the queue")
    rows = re.findall(r"(?m)^//! \| (coordinator|worker) \| `(.+?)` \| `(.+?)` \| `(.+?)` \|$", table.read_text())
    assert {f"assay_{role}": patterns for role, *patterns in rows} == {name: permissions[name] for name in ("assay_coordinator", "assay_worker")}


@pytest.mark.parametrize(
    ("restarts", "brokers", "failures"),
    [("0 1 0 4", "1", []), ("0 25 0", "1", ["nothing restarts over and over"]), ("0", "", ["1 of 1 brokers run", "the brokers know each other"])],
)
def test_verify_tells_what_is_wrong(tmp_path, restarts, brokers, failures):
    fake = tmp_path / "kubectl"
    fake.write_text(f"""#!/bin/sh
case "$*" in
  *restartCount*) echo "{restarts}" ;;
  *statefulset/rabbitmq*readyReplicas*) echo "{brokers}" ;;
  *cluster_status*) echo '{{"disk_nodes":["rabbit@a","rabbit@b"],"running_nodes":[{brokers and '"rabbit@a"'}],"versions":{{}}}}' ;;
  *"get statefulset minio"* | *"get scaledobject worker"*) exit 1 ;;
  *Replicas* | *spec.replicas*) echo 1 ;;
  *started*) echo true ;;
  *endpointslice*) echo 10.42.0.7 ;;
  *suspend*) echo false ;;
esac
""")
    fake.chmod(0o755)
    done = run(ROOT / "scripts/k3s/verify", env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert re.findall(r"(?m)^FAILED  (.*)$", done.stdout) == failures, done.stderr
    assert done.returncode == (1 if failures else 0)
    assert len(re.findall(r"(?m)^ok ", done.stdout)) >= 10
