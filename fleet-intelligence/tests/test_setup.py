"""A site's resources against Microsoft's own models and clients, and the commands that make them."""

import http.server
import json
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.deviceregistry import DeviceRegistryMgmtClient
from azure.mgmt.deviceregistry import models as registry_models
from azure.mgmt.iotoperations import IoTOperationsMgmtClient
from azure.mgmt.iotoperations import models as operations_models
from typer.testing import CliRunner

from physai.fleet_intelligence.cli import app
from physai.fleet_intelligence.setup import resources
from physai.fleet_intelligence.setup.resources import DEVICE_REGISTRY, IOT_OPERATIONS, Resource
from physai.fleet_intelligence.setup.site import Site
from physai.fleet_intelligence.setup.steps import STEPS, NeedsFieldError, UnknownStepError, commands_of
from physai.infrastructure.errors import MissingFileError, PhysaiError

from .azure_models import faults

EXAMPLE = Path(resources.__file__).with_name("site.example.yaml")
MODELS: dict[str, tuple[Any, str]] = {
    "authentications": (operations_models, "BrokerAuthenticationResource"),
    "authorizations": (operations_models, "BrokerAuthorizationResource"),
    "listeners": (operations_models, "BrokerListenerResource"),
    "dataflowEndpoints": (operations_models, "DataflowEndpointResource"),
    "dataflows": (operations_models, "DataflowResource"),
    "dataflowGraphs": (operations_models, "DataflowGraphResource"),
    "devices": (registry_models, "NamespaceDevice"),
    "assets": (registry_models, "NamespaceAsset"),
}


@pytest.fixture
def site() -> Site:
    asked = yaml.safe_load(EXAMPLE.read_text()) | {
        "fabric_host": "es.servicebus.windows.net:9093",
        "fabric_topic": "es_1",
        "workspace": "/subscriptions/s/workspaces/w",
        "action_group": "/subscriptions/s/actionGroups/a",
        "alert_identity": "/subscriptions/s/identities/i",
        "grafana": "amg-physai",
    }
    return Site.model_validate(asked, strict=False)


def made(site: Site) -> list[Resource]:
    return [*resources.broker(site), *resources.dataflows(site), *resources.assets(site)]


def test_every_resource_is_as_microsofts_models_declare_it(site: Site) -> None:
    for each in made(site):
        module, kind = MODELS[each.id.split("/")[-2]]
        assert list(faults(module, getattr(module, kind), each.body)) == [], each.id


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("properties", "ports", 0, "portt"), 1, "unknown to ListenerPort"),
        (("properties", "ports", 0, "tls", "mode"), "Sometimes", "none of TlsCertMethodMode"),
        (("properties", "ports", 0, "port"), "8883", "is no int"),
        (("properties", "serviceType"), "Balanced", "none of ServiceType"),
        (("property",), {}, "unknown to BrokerListenerResource"),
        (("properties", "ports"), [{}], "port: missing"),
    ],
)
def test_a_broken_listener_is_refused(site: Site, path: tuple[Any, ...], value: Any, said: str) -> None:
    body = json.loads(json.dumps(resources.broker(site)[2].body))
    at = body
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    assert any(said in fault for fault in faults(operations_models, "BrokerListenerResource", body)), said


@pytest.fixture
def arm() -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """A receiver of puts on the loopback: its address, and the path and body of each."""
    seen: list[tuple[str, dict[str, Any]]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((self.path, body))
            answer = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


class Nobody:
    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("token", 2**40)


def test_microsofts_own_clients_put_the_same_to_the_same_place(
    site: Site, arm: tuple[str, list[tuple[str, dict[str, Any]]]]
) -> None:
    url, seen = arm
    asked: dict[str, Any] = {"base_url": url, "authentication_policy": SansIOHTTPPolicy()}
    group, instance = site.resource_group, site.instance
    listener = resources.broker(site)[2]
    flow = next(each for each in resources.dataflows(site) if each.id.endswith("/dataflows/episodes"))
    device = resources.assets(site)[0]
    with IoTOperationsMgmtClient(Nobody(), site.subscription, **asked) as client:
        client.broker_listener.begin_create_or_update(group, instance, "default", "robots", listener.body)
        client.dataflow.begin_create_or_update(group, instance, "default", "episodes", flow.body)
    with DeviceRegistryMgmtClient(Nobody(), site.subscription, **asked) as client:
        client.namespace_devices.begin_create_or_replace(group, f"ns-{site.name}", "robot-1", device.body)
    ours = [(f"{each.id}?api-version={each.api_version}", each.body) for each in (listener, flow, device)]
    assert [(path.lower(), body) for path, body in seen] == [(path.lower(), body) for path, body in ours]
    assert {listener.api_version, device.api_version} == {IOT_OPERATIONS, DEVICE_REGISTRY}


def test_a_robot_may_publish_below_its_own_name_alone(site: Site) -> None:
    (rule,) = resources.broker(site)[1].body["properties"]["authorizationPolicies"]["rules"]
    assert {each["method"] for each in rule["brokerResources"]} == {"Connect", "Publish"}
    (topic,) = rule["brokerResources"][1]["topics"]
    assert topic == "physai/v1/{principal.attributes.site}/{principal.attributes.robot}/#"


@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_commands_of_az_that_may_run_again(site: Site, step: str) -> None:
    commands = commands_of(step, site)
    assert commands
    for command in commands:
        assert command.argv[0] == "az"
        again = {"put", "post", "--overwrite", "--upgrade", "deployment"} & set(command.argv)
        assert again or command.unless, shlex.join(command.argv)


def test_a_plan_shows_and_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    words = ["setup", "dataflows", "--site", str(EXAMPLE), "--plan"]
    shown = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert "az rest --method put" in shown.stdout
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert (told["applied"], len(told["commands"])) == (False, 5)


def test_applying_hands_the_very_bodies_to_az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "az"
    program.write_text('#!/bin/sh\nread -r first\necho "$first" >> "$0.log"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    done = CliRunner().invoke(app, ["setup", "broker", "--site", str(EXAMPLE), "--apply"])
    assert done.exit_code == 0, done.output
    assert "3 of 3 commands run" in done.stdout
    assert (tmp_path / "az.log").read_text().splitlines() == ["{"] * 3


def test_what_is_wrong_with_a_site_or_a_step_is_said(tmp_path: Path, site: Site) -> None:
    with pytest.raises(UnknownStepError, match="Did you mean 'dataflows'"):
        commands_of("dataflow", site)
    with pytest.raises(NeedsFieldError, match="no 'grafana'"):
        commands_of("grafana", site.model_copy(update={"grafana": ""}))
    with pytest.raises(MissingFileError, match="copy one of the examples"):
        Site.read(tmp_path / "none.yaml")
    path = tmp_path / "site.yaml"
    path.write_text("a: [")
    with pytest.raises(PhysaiError, match="not YAML"):
        Site.read(path)
    path.write_text(EXAMPLE.read_text().replace("cluster: edge-1", "cluster: Edge_1"))
    with pytest.raises(PhysaiError, match=r"cluster: .*got 'Edge_1'"):
        Site.read(path)
