"""Items for training, and validation."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from physai.infrastructure.benchmark import Result

from ..tools.checks import Limits
from ..tools.validate import validate
from .peer import PEER, opened
from .samples import FPS, JOINTS, SEED, filmed, plain

CHUNK, ITEMS, BATCH = 50, 240, 64


def items(folder: Path) -> list[Result]:
    """Random and sequential items of two cameras and an action chunk."""
    from ..reader import fast

    root = filmed(folder / "read", 6, 100, 2)
    deltas = {"action": [step / FPS for step in range(CHUNK)]}
    stock, ours = opened(root, delta_timestamps=deltas), fast(opened(root, delta_timestamps=deltas))
    pyav = opened(root, delta_timestamps=deltas, video_backend="pyav")
    backend = stock.reader._video_backend
    orders = {
        "random": np.random.default_rng(SEED).permutation(len(stock))[:ITEMS].tolist(),
        "sequential": list(range(ITEMS)),
    }
    results = []
    for name, order in orders.items():
        rate, peer, slow = (_rate(dataset, order) for dataset in (ours, stock, pyav))
        results.append(
            Result(
                what=f"{name} items, 2 cameras 640x480, chunk of {CHUNK}",
                ours=rate / peer,
                unit="x",
                goal=3.8,
                peer=1,
                peer_name=f"{PEER}, {backend}",
                note=f"{rate:.0f} against {peer:.0f} items/s; with its pyav backend {slow:.0f}",
            )
        )
    return results


def step(folder: Path) -> Result:
    """Time for the data of a training step, beside the time of its update."""
    from ..reader import fast

    root = plain(folder / "step", 100, 50)
    deltas = {"action": [number / FPS for number in range(20)]}
    order = np.random.default_rng(SEED).integers(0, 5000, 20 * BATCH).tolist()
    ours = 1000 * BATCH / _rate(fast(opened(root, delta_timestamps=deltas)), order, collate=True)
    peer = 1000 * BATCH / _rate(opened(root, delta_timestamps=deltas), order, collate=True)
    update = _update_ms()
    return Result(
        what=f"data of a training step, {BATCH} items, chunk of 20",
        ours=ours,
        unit="ms",
        goal=update,
        higher_is_better=False,
        peer=peer,
        peer_name=PEER,
        note=f"the goal is the time of the update of a small ACT (171k parameters) in this run, {update:.3g} ms",
    )


def validation(folder: Path) -> list[Result]:
    """Frames per second, with every frame decoded and without."""
    root = filmed(folder / "valid", 10, 120, 2)
    results = []
    for decode, goal in ((False, 5000.0), (True, None)):
        start = time.perf_counter()
        report = validate(root, Limits(), decode=decode)
        seconds = time.perf_counter() - start
        assert report.passed
        results.append(
            Result(
                what=f"validate 2 cameras 640x480, {'every frame decoded' if decode else 'no frame decoded'}",
                ours=report.rows * len(report.cameras) / seconds,
                unit="frames/s",
                goal=goal,
                note=f"{report.kinds} kinds of defect; {report.rows} rows in {seconds:.2g} s",
            )
        )
    return results


def _rate(dataset: Any, order: Iterable[int], *, collate: bool = False) -> float:
    """Items per second, one after the other in this process, none of them kept."""
    from torch.utils.data import default_collate

    dataset[0]
    start, count, batch = time.perf_counter(), 0, []
    for number in order:
        item = dataset[number]
        count += 1
        if collate:
            batch.append(item)
            if len(batch) == BATCH:
                default_collate(batch)
                batch = []
    return count / (time.perf_counter() - start)


def _update_ms() -> float:
    """Forward, backward and optimiser of a small ACT on a batch, median of 20."""
    import torch
    from lerobot.configs import FeatureType, PolicyFeature
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.act.modeling_act import ACTPolicy

    width = len(JOINTS)
    config = ACTConfig(
        input_features={
            "observation.state": PolicyFeature(type=FeatureType.STATE, shape=(width,)),
            "observation.environment_state": PolicyFeature(type=FeatureType.ENV, shape=(5,)),
        },
        output_features={"action": PolicyFeature(type=FeatureType.ACTION, shape=(width,))},
        chunk_size=20,
        n_action_steps=10,
        dim_model=64,
        n_heads=4,
        dim_feedforward=256,
        n_encoder_layers=2,
        use_vae=False,
        dropout=0.0,
        device="cpu",
    )
    policy = ACTPolicy(config)
    optimizer = torch.optim.AdamW(policy.parameters(), fused=True)
    batch = {
        "observation.state": torch.zeros(BATCH, width),
        "observation.environment_state": torch.zeros(BATCH, 5),
        "action": torch.zeros(BATCH, 20, width),
        "action_is_pad": torch.zeros(BATCH, 20, dtype=torch.bool),
    }
    times = []
    for _ in range(25):
        start = time.perf_counter()
        policy.forward(batch)[0].backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - start)
    return float(np.median(times[5:])) * 1000
