"""The dashboard and the alert rules: every expression parses, and every metric that they name exists."""

import json
import re
import subprocess

import promql_parser
import pytest

from conftest import CONTRACT, ROOT, named, objects, pod_templates, selects

METRICS = CONTRACT["metrics"]


def exported():
    """Names of series, as a query sees them."""
    names = set(METRICS["assay"]) - set(METRICS["histograms"]) | set(METRICS["foreign"])
    for histogram in METRICS["histograms"]:
        names |= {f"{histogram}_{part}" for part in ("bucket", "sum", "count")}
    return names


def rules():
    (group,) = named(objects("monitoring"), "PrometheusRule", "assay")["spec"]["groups"]
    return group["rules"]


def panels():
    return json.loads((ROOT / "k3s/monitoring/dashboard.json").read_text())["panels"]


def expressions():
    yield from ((rule["alert"], rule["expr"]) for rule in rules())
    for panel in panels():
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])


def series_in(node):
    """Names of all series in a parsed expression."""
    if isinstance(node, promql_parser.VectorSelector):
        return {node.name}
    if isinstance(node, promql_parser.MatrixSelector):
        return {node.vector_selector.name}
    children = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "param")] + list(getattr(node, "args", []))
    return set().union(*(series_in(child) for child in children if child is not None))


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_metric_exists(where, expression):
    named_series = series_in(promql_parser.parse(expression))
    assert named_series, where
    assert named_series <= exported()


def test_a_metric_that_does_not_exist_is_found():
    found = series_in(promql_parser.parse("sum by (le) (rate(assay_typo_bucket[5m])) / 2 > max_over_time(count(assay_more)[1d:5m])"))
    assert found == {"assay_typo_bucket", "assay_more"}


def test_every_metric_is_shown_somewhere():
    shown = set().union(*(series_in(promql_parser.parse(expression)) for _, expression in expressions()))
    for metric in METRICS["assay"]:
        assert any(name.startswith(metric) for name in shown), metric


def test_the_program_exports_these_metrics(binary):
    done = subprocess.run([binary, "metrics", "--output", "json"], capture_output=True, text=True, check=True)
    listed = json.loads(done.stdout)
    assert {entry["metric"] for entry in listed} == set(METRICS["assay"])
    assert {entry["metric"] for entry in listed if entry["type"] == "histogram"} == set(METRICS["histograms"])


def test_alerts_say_what_to_do():
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert re.fullmatch(r"\d+[smh]", rule["for"])
        assert rule["annotations"]["summary"] and rule["annotations"]["description"]


def test_panels_do_not_overlap():
    taken = set()
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(panels())


@pytest.mark.parametrize("part", ["coordinator", "worker"])
def test_prometheus_finds_the_port(part):
    monitor = named(objects("monitoring"), "PodMonitor", part)["spec"]
    (template,) = [each for _, each in pod_templates(objects("overlays/cluster")) if selects(monitor["selector"], each["metadata"]["labels"])]
    ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
    assert monitor["podMetricsEndpoints"][0]["port"] in ports
