"""A policy package: a folder, or OCI artifact, that a robot can run and can refuse."""

from typing import Literal

from pydantic import Field

from .base import Contract, Digest, Document


class TensorSpec(Contract):
    """One input or output of the policy graph, without its batch dimension."""

    name: str
    """As in the graph and in the dataset, e.g. `observation.state`."""
    dtype: Literal["float32", "uint8"]
    shape: tuple[int, ...]
    """Without batch; `(6,)`, `(3, 96, 96)`; an action chunk is `(chunk, action)`."""
    history: int = Field(default=0, ge=0)
    """If not 0, the first axis of `shape` is time: the observations of that many control steps, oldest first; when an
    episode begins, the first one stands for those before it."""
    noise: bool = False
    """Whether this input is standard normal noise, drawn anew for each chunk; golden vectors hold the noise as well."""
    elements: tuple[str, ...] = ()
    """Names along the last axis, in order, e.g. joint names; empty for images."""
    units: tuple[str, ...] = ()
    """Unit of each element: `rad`, `m`, `N`, `1`."""
    lower: tuple[float, ...] = ()
    """Least value of each element, in its unit; empty if nothing bounds it."""
    upper: tuple[float, ...] = ()
    """Greatest value of each element."""


class RecurrentState(Contract):
    """What a recurrent policy carries from one step to the next: an output that is the next step's input."""

    input: str
    """All zeros when an episode begins."""
    output: str


class JointLimits(Contract):
    """Range that the robot may be commanded to."""

    joint: str
    lower_rad: float
    upper_rad: float


class LicensedPart(Contract):
    """Something that a policy is made of, or was made with, and the terms that it is under."""

    part: Literal["policy", "dataset", "weights", "code"]
    """`policy`: the trained weights themselves; `dataset`: what they learned from; `weights`: what their training began
    from, or a backbone; `code`: what trained them."""
    name: str
    """Of the package, of the distribution, or of the backbone; a digest for a dataset and a checkpoint."""
    licence: str
    """SPDX licence expression; `NOASSERTION` where its source states none. Source: spdx.github.io/spdx-spec."""


class PolicyPackage(Document):
    """`package.json`. Everything between a raw observation and a robot command is inside the graph."""

    kind: Literal["policy-package"] = "policy-package"
    version: Literal[1] = 1
    name: str
    policy_type: str
    """LeRobot's or the RL library's name of the policy, e.g. `act`."""
    task: str
    robot: str
    inputs: tuple[TensorSpec, ...] = Field(min_length=1)
    outputs: tuple[TensorSpec, ...] = Field(min_length=1)
    """The action first, then the outputs of `states`."""
    states: tuple[RecurrentState, ...] = ()
    """Empty for a policy without memory."""
    rate_hz: float = Field(gt=0)
    """Control rate the policy was trained for."""
    action_meaning: Literal[
        "absolute-joint-position", "relative-joint-position", "joint-velocity", "joint-effort", "scores"
    ]
    """What a robot does with an action; the unit is in the output's `units`. Relative: to where the joint is now.
    Scores: one for each action of a discrete space; the highest is taken."""
    action_steps: int = Field(ge=1)
    """Actions of a chunk that are executed before the policy is asked again."""
    limits: tuple[JointLimits, ...]
    """Of the joints, in the action's order, if it says where they go; otherwise empty, see the output's `lower`."""
    dataset: Digest | None = None
    """Content digest of the training dataset; None for a policy that learned in simulation alone."""
    run_id: str
    """MLflow run of the training."""
    training_steps: int
    """0 for an untrained policy."""
    commit: str
    """Git commit of the code that trained it, or `unknown`."""
    licences: tuple[LicensedPart, ...] = ()
    """Empty in packages that were built before it was recorded."""
    opset: int
    normalizer: Digest | None = None
    """Digest of the dataset's statistics that are inside the graph; None if it normalises nothing."""
    parity_max_abs: float
    """Largest difference between graph and training framework over the golden inputs, in the action's unit."""
    files: dict[str, Digest]
    """Every other file of the package by name, e.g. `policy.onnx`, `golden.npz`."""
