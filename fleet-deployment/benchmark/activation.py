"""How fast a staged policy takes over while the robot works, and back, and how fast packages arrive."""

import shutil
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np

from physai.infrastructure.benchmark import Result
from physai.infrastructure.contracts import PolicyPackage, digest_file
from physai.infrastructure.registry import manifest_digest, open_registry
from physai.infrastructure.registry.verify import verify_package

from ..errors import FleetError
from ..examples.fleet import SAMPLE, sample_package
from ..runtime.guard import Guard
from ..runtime.loop import StepLoop
from ..runtime.onnx_policy import OnnxPolicy
from ..runtime.simulated import SimulatedRobot

ROUNDS = 20
PAYLOAD_MB = 256


def measure(folder: Path) -> list[Result]:
    """Activation and rollback of a staged policy, and pulling from a local registry."""
    return [*measure_activation(folder / "activation"), *measure_pull(folder / "pull")]


def measure_activation(folder: Path) -> list[Result]:
    """Prove, load, warm up and swap a staged package while a simulated robot runs, forth and back."""
    staged = [sample_package(folder / name, name) for name in ("before", "after")]
    package = PolicyPackage.read(staged[0] / "package.json")
    robot = SimulatedRobot(len(package.limits), package.rate_hz)
    loop = StepLoop(robot, Guard(OnnxPolicy(staged[0], package, 1), package.limits, 1), package.rate_hz)
    over = threading.Event()
    runner = threading.Thread(target=loop.run, kwargs={"until": over})
    runner.start()
    try:
        took_ms = [_switch(loop, staged[(index + 1) % 2]) for index in range(2 * ROUNDS)]
    finally:
        over.set()
        runner.join()
    misses = loop.report.misses
    return [_result("activation", took_ms[::2], misses, package), _result("rollback", took_ms[1::2], misses, package)]


def _switch(loop: StepLoop, folder: Path) -> float:
    """Milliseconds from the decision to the first step under another policy."""
    time.sleep(0.05)
    began = time.perf_counter()
    policy = OnnxPolicy(folder, verify_package(folder, manifest_digest(folder)), 1)
    policy.warm_up(folder)
    if not loop.swap(policy):
        raise FleetError("benchmark: the step loop took no policy. Run it on a machine with a free core.")
    return (time.perf_counter() - began) * 1e3


def _result(what: str, took_ms: list[float], misses: int, package: PolicyPackage) -> Result:
    """The goal is 5 s, the aim 100 ms."""
    return Result(
        what=f"{what} of a staged policy, worst of {ROUNDS}",
        ours=max(took_ms),
        unit="ms",
        goal=100,
        higher_is_better=False,
        note=f"median {statistics.median(took_ms):.0f} ms; {misses} deadlines missed at "
        f"{package.rate_hz:g} Hz; digests, golden vectors, session and warm-up included",
    )


def measure_pull(folder: Path) -> list[Result]:
    """Pull a package with a large file from docker-registry, beside `skopeo copy` of the same."""
    package = _large(folder / "package")
    with serving(folder) as host:
        registry = open_registry(f"{host}/policies/benchmark")
        digest = registry.push(package, "v1")
        began = time.perf_counter()
        registry.pull(digest, folder / "pulled")
        ours = PAYLOAD_MB / (time.perf_counter() - began)
        place = f"docker://{registry.name}@{digest}"
        command = ["skopeo", "copy", "--quiet", "--src-tls-verify=false", place, f"dir:{folder / 'copied'}"]
        began = time.perf_counter()
        subprocess.run(command, check=True)
        theirs = PAYLOAD_MB / (time.perf_counter() - began)
    note = f"{PAYLOAD_MB} MB from a docker-registry on this machine; ours is verified and synced to the disk"
    return [
        Result(
            what="pull by the hot-loader",
            ours=ours,
            unit="MB/s",
            goal=theirs,
            peer=theirs,
            peer_name="skopeo copy",
            note=note,
        )
    ]


def _large(folder: Path) -> Path:
    shutil.copytree(SAMPLE, folder)
    rng = np.random.default_rng(0)
    payload = folder / "payload.bin"
    with payload.open("wb") as file:
        for _ in range(PAYLOAD_MB):
            file.write(rng.bytes(1_000_000))
    package = PolicyPackage.read(folder / "package.json")
    files = package.files | {payload.name: digest_file(payload)}
    package.model_copy(update={"files": files}).write(folder / "package.json")
    return folder


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Docker's registry on a free port; yields `host:port`.

    Raises:
        FleetError: If it is not installed, or does not start.
    """
    for program in ("docker-registry", "skopeo"):
        if shutil.which(program) is None:
            raise FleetError(f"{program}: not found. Install it, or choose other rows with --only.")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    storage = f"{{filesystem: {{rootdirectory: '{folder / 'data'}'}}}}"
    (folder / "registry.yml").write_text(f"version: 0.1\nhttp: {{addr: '{host}'}}\nstorage: {storage}\n")
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(["docker-registry", "serve", str(folder / "registry.yml")], stdout=quiet, stderr=quiet)
    try:
        _wait(host)
        yield host
    finally:
        server.terminate()
        server.wait()


def _wait(host: str) -> None:
    for _ in range(200):
        try:
            httpx.get(f"http://{host}/v2/")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise FleetError("docker-registry: does not answer after 10 s. See whether the machine is overloaded.")
