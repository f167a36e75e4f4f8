"""What schemas cannot tell: that references lead somewhere, and that pods are as safe and as patient as they must be."""

import re
import subprocess

import pytest

from conftest import (
    CONTRACT,
    OVERLAYS,
    ROOT,
    containers,
    deployed_secrets,
    named,
    objects,
    of_kind,
    pod_templates,
    quantity,
    selects,
)

# Made by whoever adds the nightly import.
USERS_SECRETS = {"nightly-import-key": ["key"]}


def secrets_of(overlay):
    known = deployed_secrets(overlay) | USERS_SECRETS
    if overlay == "cluster-s3":
        known["assay-depot"] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    return known


def ports_of(template):
    return {port["name"]: port["containerPort"] for container in containers(template) for port in container.get("ports", [])}


# ------------------------------------------------------------------------------------------ references


def test_selectors_of_workloads_match_their_pods(documents):
    for document in of_kind(documents, "Deployment", "StatefulSet"):
        assert selects(document["spec"]["selector"], document["spec"]["template"]["metadata"]["labels"])


def test_services_lead_to_ports_of_pods(documents):
    services = of_kind(documents, "Service")
    assert services
    for service in services:
        selector = {"matchLabels": service["spec"]["selector"]}
        found = [template for _, template in pod_templates(documents) if selects(selector, template["metadata"]["labels"])]
        assert len(found) == 1, service["metadata"]["name"]
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in ports_of(found[0]), (service["metadata"]["name"], port)


def test_budgets_and_policies_select_pods(documents):
    labels = [template["metadata"]["labels"] for _, template in pod_templates(documents)]
    for document in of_kind(documents, "PodDisruptionBudget", "NetworkPolicy"):
        selector = document["spec"].get("selector", document["spec"].get("podSelector"))
        assert any(selects(selector, each) for each in labels), document["metadata"]["name"]


def test_budgets_let_nodes_be_drained(documents):
    for budget in of_kind(documents, "PodDisruptionBudget"):
        assert budget["spec"].get("maxUnavailable") not in (None, 0, "0%"), budget["metadata"]["name"]


def test_volumes_exist_and_are_used(documents):
    claims = {document["metadata"]["name"] for document in of_kind(documents, "PersistentVolumeClaim")}
    own = {
        document["metadata"]["name"]: {claim["metadata"]["name"] for claim in document["spec"].get("volumeClaimTemplates", [])}
        for document in of_kind(documents, "StatefulSet")
    }
    for name, template in pod_templates(documents):
        volumes = {volume["name"]: volume for volume in template["spec"].get("volumes", [])}
        there = set(volumes) | own.get(name.split("/")[1], set())
        mounted = {mount["name"] for container in containers(template) for mount in container.get("volumeMounts", [])}
        assert mounted == there, name
        for volume in volumes.values():
            assert volume.get("persistentVolumeClaim", {}).get("claimName", "backup") in claims, (name, volume)


def test_secrets_and_settings_exist_with_their_keys(overlay, documents):
    settings = {document["metadata"]["name"]: document["data"] for document in of_kind(documents, "ConfigMap")}
    secrets = secrets_of(overlay)
    for name, template in pod_templates(documents):
        for volume in template["spec"].get("volumes", []):
            if "secret" in volume:
                keys = secrets[volume["secret"]["secretName"]]
                assert {item["key"] for item in volume["secret"].get("items", [])} <= set(keys), (name, volume)
            if "configMap" in volume:
                assert volume["configMap"]["name"] in settings, (name, volume)
        for container in containers(template):
            for variable in container.get("env", []):
                source = variable.get("valueFrom", {})
                if "secretKeyRef" in source:
                    assert source["secretKeyRef"]["key"] in secrets[source["secretKeyRef"]["name"]], (name, variable)
            for source in container.get("envFrom", []):
                if "configMapRef" in source:
                    assert source["configMapRef"]["name"] in settings, name
                elif not source["secretRef"].get("optional"):
                    assert source["secretRef"]["name"] in secrets, name


def test_files_of_secrets_are_where_variables_say(overlay, documents):
    for name, template in pod_templates(documents):
        folders = {
            mount["mountPath"]: volume["secret"]["secretName"]
            for container in containers(template)
            for mount in container.get("volumeMounts", [])
            for volume in template["spec"].get("volumes", [])
            if volume["name"] == mount["name"] and "secret" in volume
        }
        for container in containers(template):
            for variable in container.get("env", []):
                folder, _, file = (variable.get("value") or "").rpartition("/")
                if folder.startswith("/etc/assay"):
                    assert file in secrets_of(overlay)[folders[folder]], (name, variable)


def test_files_mounted_one_by_one_exist(documents):
    settings = {document["metadata"]["name"]: document["data"] for document in of_kind(documents, "ConfigMap")}
    for name, template in pod_templates(documents):
        volumes = {volume["name"]: volume for volume in template["spec"].get("volumes", [])}
        for container in containers(template):
            for mount in container.get("volumeMounts", []):
                if "subPath" in mount:
                    assert mount["subPath"] in settings[volumes[mount["name"]]["configMap"]["name"]], (name, mount)


def test_service_accounts_exist(documents):
    accounts = {document["metadata"]["name"] for document in of_kind(documents, "ServiceAccount")}
    for name, template in pod_templates(documents):
        assert template["spec"].get("serviceAccountName", next(iter(accounts))) in accounts, name


def test_keda_reads_secrets_that_exist():
    for overlay in ("cluster", "cluster-s3"):
        documents = objects(f"overlays/{overlay}")
        trigger = named(documents, "TriggerAuthentication", "rabbitmq")
        for reference in trigger["spec"]["secretTargetRef"]:
            assert reference["key"] in secrets_of(overlay)[reference["name"]]
        scaled = named(documents, "ScaledObject", "worker")["spec"]
        assert scaled["triggers"][0]["authenticationRef"]["name"] == "rabbitmq"
        named(documents, scaled["scaleTargetRef"]["kind"], scaled["scaleTargetRef"]["name"])


def test_whoever_scales_the_workers_owns_their_number(overlay):
    documents = objects(f"overlays/{overlay}")
    scalers = of_kind(documents, "ScaledObject", "HorizontalPodAutoscaler")
    assert len(scalers) == (0 if overlay == "single-node" else 1)
    assert ("replicas" in named(documents, "Deployment", "worker")["spec"]) == (not scalers)


def test_everything_is_in_the_namespace(documents):
    for document in documents:
        if document["kind"] != "Namespace":
            assert document["metadata"].get("namespace") == "assay", document["metadata"]["name"]


# ------------------------------------------------------------------------------------------------- variables


def variables(container, settings, secrets):
    names = {variable["name"] for variable in container.get("env", [])}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            names |= set(settings[source["configMapRef"]["name"]])
        else:
            names |= set(secrets.get(source["secretRef"]["name"], []))
    return names


def ours(documents):
    """Containers of our images, with the part that they play."""
    for _, template in pod_templates(documents):
        for container in containers(template):
            if "assay-rs" in container["image"]:
                part = container["args"][0]
                yield part if part in CONTRACT["variables"] else "client", container


def test_every_variable_is_one_that_the_program_reads(overlay, documents):
    settings = {document["metadata"]["name"]: document["data"] for document in of_kind(documents, "ConfigMap")}
    parts = set()
    for part, container in ours(documents):
        known = CONTRACT["variables"][part] + CONTRACT["variables"]["libraries"]
        # One set of settings for all: a backup has no use for the filter of logs.
        known += settings_names(settings)
        assert variables(container, settings, secrets_of(overlay)) <= set(known), container["name"]
        parts.add(part)
    assert parts == {"coordinator", "worker", "client", "backup"}


def settings_names(settings):
    (shared,) = [data for name, data in settings.items() if name.startswith("assay-settings")]
    everything = set().union(*CONTRACT["variables"].values())
    assert set(shared) <= everything, shared
    return list(shared)


@pytest.mark.parametrize("part", ["coordinator", "worker"])
def test_the_program_reads_these_variables(binary, part):
    text = subprocess.run([binary, part, "--help"], capture_output=True, text=True, check=True).stdout
    read = set(re.findall(r"\bASSAY_[A-Z_]+", text))
    assert set(CONTRACT["variables"][part]) <= read


def test_workers_have_no_access_to_the_database(overlay, documents):
    worker = named(documents, "Deployment", "worker")["spec"]["template"]
    text = str(worker)
    assert "ASSAY_DATABASE" not in text
    assert not {"assay-coordinator", "postgres", "assay-admin-key"} & set(re.findall(r"[\w-]+", text))


def test_the_backup_scripts_read_their_variables():
    text = (ROOT / "scripts/backup").read_text() + (ROOT / "scripts/places.sh").read_text()
    for name in CONTRACT["variables"]["backup"]:
        assert f"${{{name}" in text, name


def test_the_restore_of_the_readme_changes_what_it_means():
    for overlay in OVERLAYS:
        job = named(objects(f"overlays/{overlay}"), "CronJob", "backup")["spec"]["jobTemplate"]["spec"]
        (container,) = job["template"]["spec"]["containers"]
        assert container["env"][0]["name"] == "ASSAY_DATABASE"
        assert "secretKeyRef" in container["env"][0]["valueFrom"]
        if overlay == "single-node":
            assert container["volumeMounts"][3] == {"name": "depot", "mountPath": "/var/lib/assay-depot", "readOnly": True}


# ------------------------------------------------------------------------------------------------- safety


def test_pods_are_restricted(documents):
    for name, template in pod_templates(documents):
        pod = template["spec"]
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        assert not any("hostPath" in volume for volume in pod.get("volumes", [])), name
        for container in containers(template):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True, (name, container["name"])
            assert context["allowPrivilegeEscalation"] is False, (name, container["name"])
            assert context["capabilities"] == {"drop": ["ALL"]}, (name, container["name"])


def test_containers_have_requests_and_limits(documents):
    for name, template in pod_templates(documents):
        for container in containers(template):
            for resource in ("cpu", "memory"):
                request = quantity(container["resources"]["requests"][resource])
                assert 0 < request <= quantity(container["resources"]["limits"][resource]), (name, container["name"])
        for volume in template["spec"].get("volumes", []):
            assert "emptyDir" not in volume or volume["emptyDir"].get("sizeLimit"), (name, volume)


def test_images_are_pinned(documents):
    for name, template in pod_templates(documents):
        for container in containers(template):
            tag = container["image"].rpartition(":")[2]
            assert re.search(r"\d", tag) and "/" not in tag, (name, container["image"])


def test_probes_point_to_existing_ports(documents):
    for document in of_kind(documents, "Deployment", "StatefulSet"):
        template = document["spec"]["template"]
        for container in template["spec"]["containers"]:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                action = container[probe].get("httpGet") or container[probe].get("tcpSocket")
                assert action is None or action["port"] in ports_of(template), (container["name"], probe)
                assert action or container[probe]["exec"]["command"], (container["name"], probe)


def test_our_probes_ask_the_port_of_metrics(documents):
    for part in ("coordinator", "worker"):
        (container,) = named(documents, "Deployment", part)["spec"]["template"]["spec"]["containers"]
        paths = {probe: container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
        assert [paths[probe]["path"] for probe in paths] == ["/live", "/live", "/ready"]
        assert {action["port"] for action in paths.values()} == {"metrics"}
        values = {variable["name"]: variable.get("value") for variable in container["env"]}
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert values["ASSAY_METRICS"] == f"0.0.0.0:{ports['metrics']}"
        if part == "coordinator":
            assert values["ASSAY_LISTEN"] == f"0.0.0.0:{ports['grpc']}"


def test_workers_are_given_longer_than_their_grace(documents):
    worker = named(documents, "Deployment", "worker")["spec"]["template"]["spec"]
    values = {variable["name"]: variable.get("value") for variable in worker["containers"][0]["env"]}
    longest_task = 20
    assert int(values["ASSAY_GRACE"]) >= 2 * longest_task
    assert worker["terminationGracePeriodSeconds"] >= int(values["ASSAY_GRACE"]) + 15


def test_workers_budget_leaves_room_below_their_limit(documents):
    (container,) = named(documents, "Deployment", "worker")["spec"]["template"]["spec"]["containers"]
    values = {variable["name"]: variable.get("value") for variable in container["env"]}
    budget = quantity(values["ASSAY_MEMORY"].removesuffix("B"))
    assert 0.5 <= budget / quantity(container["resources"]["limits"]["memory"]) <= 0.85


def test_a_standby_does_not_stop_a_roll_out(documents):
    spec = named(documents, "Deployment", "coordinator")["spec"]
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == "100%"


def test_the_cluster_survives_a_node():
    for overlay in OVERLAYS:
        documents = objects(f"overlays/{overlay}")
        several = overlay != "single-node"
        assert named(documents, "Deployment", "coordinator")["spec"]["replicas"] == (2 if several else 1)
        broker = named(documents, "StatefulSet", "rabbitmq")["spec"]
        assert broker["replicas"] == (3 if several else 1)
        assert broker["podManagementPolicy"] == "Parallel"
        if several:
            rules = broker["template"]["spec"]["affinity"]["podAntiAffinity"]
            assert list(rules) == ["requiredDuringSchedulingIgnoredDuringExecution"]


def test_the_brokers_name_each_other():
    documents = objects("overlays/cluster")
    broker = named(documents, "StatefulSet", "rabbitmq")
    (settings,) = [document["data"] for document in of_kind(documents, "ConfigMap") if "cluster.conf" in document["data"]]
    nodes = re.findall(r"classic_config\.nodes\.\d+ = (\S+)", settings["cluster.conf"])
    domain = f"{broker['spec']['serviceName']}.{broker['metadata']['namespace']}.svc.cluster.local"
    assert nodes == [f"rabbit@rabbitmq-{n}.{domain}" for n in range(broker["spec"]["replicas"])]
    environment = {variable["name"]: variable.get("value") for variable in broker["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert environment["RABBITMQ_NODENAME"] == f"rabbit@$(POD_NAME).{domain}"
    named(documents, "Service", broker["spec"]["serviceName"])


# ---------------------------------------------------------------------------------------- who may speak to whom


def may_speak(documents, client, server, port):
    """Whether policies let pods named `client` reach that port of pods named `server`, on both sides."""

    def labels(name):
        return {"app.kubernetes.io/name": name, "app.kubernetes.io/component": name, "app.kubernetes.io/part-of": "assay"}

    def allowed(direction, side, subject, peer):
        for policy in of_kind(documents, "NetworkPolicy"):
            if not selects(policy["spec"]["podSelector"], labels(subject)):
                continue
            for rule in policy["spec"].get(direction, []):
                peers = [each for each in rule.get(side, [{"podSelector": {}}]) if list(each) == ["podSelector"]]
                open_port = any(each["port"] == port for each in rule["ports"])
                if open_port and any(selects(each["podSelector"], labels(peer)) for each in peers):
                    return True
        return False

    return allowed("egress", "to", client, server) and allowed("ingress", "from", server, client)


@pytest.mark.parametrize(
    ("client", "server", "port"),
    [
        ("coordinator", "postgres", 5432),
        ("coordinator", "rabbitmq", 5671),
        ("worker", "coordinator", 7700),
        ("worker", "rabbitmq", 5671),
        ("backup", "postgres", 5432),
        ("setup", "postgres", 5432),
        ("client", "coordinator", 7700),
        ("rabbitmq", "rabbitmq", 25672),
    ],
)
def test_those_who_must_speak_may(documents, client, server, port):
    assert may_speak(documents, client, server, port)


@pytest.mark.parametrize("client", ["coordinator", "worker", "backup", "minio-setup"])
def test_whoever_needs_the_depot_reaches_it(client):
    for overlay in ("cluster", "cluster-hpa"):
        assert may_speak(objects(f"overlays/{overlay}"), client, "minio", 9000)


@pytest.mark.parametrize(
    ("client", "server", "port"),
    [
        ("worker", "postgres", 5432),
        ("client", "postgres", 5432),
        ("rabbitmq", "postgres", 5432),
        ("backup", "rabbitmq", 5671),
        ("postgres", "coordinator", 7700),
        ("worker", "worker", 9700),
    ],
)
def test_those_who_need_not_speak_may_not(documents, client, server, port):
    assert not may_speak(documents, client, server, port)


def test_policies_name_ports_that_exist(documents):
    known = {port for _, template in pod_templates(documents) for port in ports_of(template).values()}
    outside = {53, 443, 4317}
    for policy in of_kind(documents, "NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []) + policy["spec"].get("egress", []):
            for port in rule["ports"]:
                assert port["port"] in known | outside, (policy["metadata"]["name"], port)


def test_no_secret_is_written_down():
    for folder in [f"overlays/{name}" for name in OVERLAYS] + ["setup", "monitoring", "examples/nightly-import"]:
        assert not of_kind(objects(folder), "Secret")
