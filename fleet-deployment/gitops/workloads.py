"""The runtime of each robot on its cluster, and what moves its image forward."""

import re
from pathlib import Path

from ..names import check_name
from .cluster import Cluster, namespace_of
from .objects import NAMESPACE, Manifest, kubernetes_object

FIRST_TAG = "1.0.0"
MARK = f'# {{"$imagepolicy": "{NAMESPACE}:runtime"}}'
"""Where Flux's image automation writes the tag. Source: fluxcd.io/flux/guides/image-update."""


def runtime(cluster: Cluster, cohort: str, robot: str, tag: str) -> Manifest:
    """One robot's step loop and hot-loader; its release is mounted, so that it follows without a restart."""
    name = check_name("robot", robot)
    labels = {"app.kubernetes.io/name": "physai-runtime", "physai.dev/robot": name}
    container = {
        "name": "runtime",
        "image": f"{cluster.image}:{tag}",
        "args": ["fleet-deployment", "run", "--robot", name, "--mounted", "/release", "--transport", "dds"],
        "env": [{"name": "PHYSAI_HOME", "value": "/var/lib/physai"}],
        "envFrom": [{"configMapRef": {"name": "physai-settings", "optional": True}}],
        "volumeMounts": [
            {"name": "release", "mountPath": "/release", "readOnly": True},
            {"name": "home", "mountPath": "/var/lib/physai"},
        ],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    volumes = [
        {"name": "release", "configMap": {"name": "policy-release", "optional": True}},
        {"name": "home", "hostPath": {"path": f"/var/lib/physai/{name}", "type": "DirectoryOrCreate"}},
    ]
    pod = {"hostNetwork": True, "containers": [container], "volumes": volumes}  # DDS finds robots on the host's network
    spec = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},  # one process moves a robot
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return kubernetes_object("apps/v1", "Deployment", f"runtime-{name}", spec, namespace_of(cohort), labels=labels)


def images(cluster: Cluster) -> list[Manifest]:
    """Flux looks for newer images, and proposes them on the branch `images`."""
    api = "image.toolkit.fluxcd.io/v1beta2"
    author = {"name": "physai fleet-deployment", "email": "fleet-deployment@localhost"}
    automation = {
        "interval": "30m",
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        "git": {
            "checkout": {"ref": {"branch": "main"}},
            "commit": {"author": author, "messageTemplate": "Move the runtime's image forward"},
            "push": {"branch": "images"},
        },
        "update": {"path": f"./clusters/{cluster.name}", "strategy": "Setters"},
    }
    policy = {"imageRepositoryRef": {"name": "runtime"}, "policy": {"semver": {"range": f">={FIRST_TAG}"}}}
    return [
        kubernetes_object(api, "ImageRepository", "runtime", {"image": cluster.image, "interval": "30m"}),
        kubernetes_object(api, "ImagePolicy", "runtime", policy),
        kubernetes_object(api, "ImageUpdateAutomation", "runtime", automation),
    ]


def marked(text: str, image: str | None) -> str:
    """YAML with the mark behind every image of the runtime."""
    return re.sub(rf"^(\s*image: {re.escape(image)}:\S+)$", rf"\1 {MARK}", text, flags=re.MULTILINE) if image else text


def tag_in(folder: Path, image: str | None) -> str:
    """The tag that image automation has brought a cluster to."""
    for path in sorted(folder.glob("*.yaml")):
        if found := re.search(rf"image: {re.escape(str(image))}:(\S+) #", path.read_text()):
            return found[1]
    return FIRST_TAG
