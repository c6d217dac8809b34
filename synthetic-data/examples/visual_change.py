"""Does synthetic data help an image policy when the scene looks different? Trains one with it and one without.

    uv run python synthetic-data/examples/visual_change.py OUT/dataset40 OUT/varied40 --output OUT/visual-change.json

The policy is a small convolutional network with spatial softmax (Levine et al. 2016, arXiv:1504.00702). It sees the
camera, the joints and the orientation that is asked for; where the target is, only the picture says. Both are trained
for the same number of steps, and played under the same conditions: in the scene as recorded, with a dimmed picture,
which is of the kind that the synthetic data vary, and with a table that the renderer paints in another colour.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from physai.infrastructure.aside import write_whole
from physai.infrastructure.console import stderr, stdout
from physai.infrastructure.control import Observation
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.simulation import Camera, TaskEnv, launch, load_world, play
from physai.infrastructure.simulation.camera import paint

TASK, IMAGE, STATE, TARGET = (
    "Isaac-Reach-UR10",
    "observation.images.front",
    "observation.state",
    "observation.environment_state",
)
ORIENTATION = slice(3, 7)  # of the target's pose: what no picture of a ball shows
HORIZON_S = 4.0
LOOKS: dict[str, tuple[dict[str, tuple[float, float, float]], float, float]] = {
    "as recorded": ({}, 1.0, 0.0),
    "dim light": ({}, 0.7, -10.0),
    "blue table": ({"/Table": (0.15, 0.25, 0.6)}, 1.0, 0.0),
}
"""Name → (colours by part of a path, factor and offset in levels on the picture); what is painted comes last."""


type Floats = NDArray[np.float32]
type Scale = tuple[Floats, Floats]
"""Mean and deviation."""


class Network(nn.Module):
    """Picture, joints and orientation → step of the joint targets."""

    def __init__(self, low: int) -> None:
        super().__init__()
        self.eyes = nn.Sequential(
            nn.Conv2d(3, 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1),
        )
        self.head = nn.Sequential(
            nn.Linear(64 + low, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 6)
        )

    def forward(self, picture: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
        """Normalised step, (N, 6)."""
        maps = self.eyes(picture - 0.5)
        n, channels, height, width = maps.shape
        weights = torch.softmax(maps.reshape(n, channels, -1), dim=-1).reshape(maps.shape)
        x = (weights.sum(dim=2) * torch.linspace(-1, 1, width)).sum(dim=-1)
        y = (weights.sum(dim=3) * torch.linspace(-1, 1, height)).sum(dim=-1)
        step: torch.Tensor = self.head(torch.cat([x, y, low], dim=1))
        return step


class Trained:
    """A network with its normalisation, as a policy that the simulator can play."""

    def __init__(self, network: Network, low: Scale, step: Scale) -> None:
        self.network, self.low, self.step = network, low, step
        self.relight: Callable[[NDArray[np.float32]], NDArray[np.float32]] = lambda picture: picture

    def reset(self, envs: NDArray[np.intp]) -> None:
        """It has no memory."""

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Joint targets of all environments."""
        state = observation[STATE]
        low = (np.concatenate([state, observation[TARGET][:, ORIENTATION]], axis=1) - self.low[0]) / self.low[1]
        with torch.inference_mode():
            picture = torch.from_numpy(self.relight(observation[IMAGE]))
            step = self.network(picture, torch.from_numpy(low.astype(np.float32))).numpy()
        return np.asarray(state + step * self.step[1] + self.step[0], np.float32)


def train(root: Path, steps: int, batch: int, seed: int) -> Trained:
    """Behaviour cloning of the training episodes."""
    torch.manual_seed(seed)
    dataset = Dataset(root)
    began = time.monotonic()
    episodes = list(dataset.splits.get("train", range(dataset.num_episodes)))
    pictures = torch.from_numpy(
        np.concatenate([dataset.frames(i, IMAGE) for i in episodes]).transpose(0, 3, 1, 2).copy()
    )
    rows = [dataset.episode(i) for i in episodes]
    state = np.concatenate([r[STATE] for r in rows])
    low = np.concatenate([state, np.concatenate([r[TARGET] for r in rows])[:, ORIENTATION]], axis=1)
    step = np.concatenate([r["action"] for r in rows]) - state
    scale = [(values.mean(axis=0), values.std(axis=0) + 1e-3) for values in (low, step)]
    inputs = torch.from_numpy(((low - scale[0][0]) / scale[0][1]).astype(np.float32))
    wanted = torch.from_numpy(((step - scale[1][0]) / scale[1][1]).astype(np.float32))
    network = Network(inputs.shape[1])
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        chosen = torch.from_numpy(rng.integers(len(inputs), size=batch))
        loss = nn.functional.smooth_l1_loss(network(pictures[chosen].float() / 255, inputs[chosen]), wanted[chosen])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        schedule.step()
    stderr.print(f"{root}: {len(inputs)} frames, loss {loss.item():.4f}, {time.monotonic() - began:.0f} s")
    return Trained(network.eval(), scale[0], scale[1])


def played(env: TaskEnv, policy: Trained, look: str, episodes: int) -> dict[str, float]:
    """Success, and where the tool ended, under one look of the scene."""
    _, factor, offset = LOOKS[look]
    policy.relight = lambda picture: np.clip(picture * factor + offset / 255, 0, 1).astype(np.float32)
    conditions = env.sample_conditions(episodes, seed=900)
    rollouts = list(play(env, policy, conditions, horizon_s=HORIZON_S, images=True))
    errors = np.array([rollout.final_error_m for rollout in rollouts])
    return {
        "success": float(np.mean([rollout.success for rollout in rollouts])),
        "within_10_cm": float((errors < 0.1).mean()),
        "median_error_m": round(float(np.median(errors)), 4),
    }


def main() -> None:
    """Train, play, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recorded", type=Path)
    parser.add_argument("varied", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--episodes", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    began = time.monotonic()
    policies = {
        name: train(root, asked.steps, asked.batch, asked.seed)
        for name, root in (("recorded", asked.recorded), ("recorded and synthetic", asked.varied))
    }
    trained_s = round(time.monotonic() - began)
    with launch(TASK, num_envs=asked.episodes, world=load_world("nominal"), camera=Camera()) as env:
        found: dict[str, dict[str, dict[str, float]]] = {name: {} for name in policies}
        begun = env.sample_conditions(asked.episodes, seed=900)
        change: dict[str, float] = {}
        pictures: list[NDArray[np.floating]] = []
        for look, (colors, factor, offset) in LOOKS.items():
            paint(colors)
            env.begin(np.arange(asked.episodes), begun)
            env.step(env.observe()[STATE])
            seen = env.images() * factor + offset
            pictures.append(seen)
            change[look] = round(float(np.abs(seen - pictures[0]).mean()), 1)
            for name, policy in policies.items():
                found[name][look] = played(env, policy, look, asked.episodes)
    report = {
        "episodes": asked.episodes,
        "steps": asked.steps,
        "seed": asked.seed,
        "training_s": trained_s,
        "picture_change_levels": change,
        "played": found,
    }
    write_whole(asked.output, (json.dumps(report, indent=2) + "\n").encode())
    stdout.print_json(data=report)


if __name__ == "__main__":
    main()
