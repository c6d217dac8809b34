"""What a robot tells of its work: CloudEvents of episodes, of control windows, of signals and of its hardware.

The tables of every store, cloud or local, are made from these models: `physai fleet-intelligence telemetry tables`.
Lengths are bounded, so an event is at most some 40 KB; CloudEvents 1.0, "Size Limits", forwards 64 KiB anywhere.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from .base import Contract, Digest

Name = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=0, le=2**53)]
"""2**53: JSON readers that know only doubles still tell it exactly (RFC 8259, section 6)."""
Share = Annotated[float, Field(ge=0, le=1)]
Vector = Annotated[tuple[float, ...], Field(max_length=256)]
Measures = Annotated[dict[Name, float], Field(max_length=64)]
Buckets = Annotated[tuple[int, ...], Field(max_length=1024)]


class EpisodeData(Contract):
    """What a robot says of one production episode."""

    policy: Digest
    release: Name
    cohort: Name | None = None
    """Robots that get a release together."""
    robot: Name
    site: Name
    task: Name
    episode: Count
    """Counts from 0 within robot and release."""
    started_at: AwareDatetime
    """Episodes count in the order in which they began: the outcome has a part in when they end."""
    success: bool
    steps: Count
    duration_s: float
    command: Vector
    """What was asked of the robot; tells which episodes to collect."""
    grasp_accuracy: Share | None = None
    """Successful grasps of those tried."""
    navigation_completion: Share | None = None
    """Part of the way that was gone."""
    inference_p50_ms: float | None = None
    inference_p99_ms: float | None = None
    deadline_misses: Count | None = None
    """Inferences that took longer than a control period."""
    clamped_actions: Count | None = None
    """Actions beyond a joint's range."""
    held_actions: Count | None = None
    """Actions that were not finite, so that the robot held its last target."""
    action_mean: Vector = ()
    """Over the episode, by joint, in the action's unit."""
    action_std: Vector = ()
    features: Measures = {}
    """Of observations and behaviour, one number an episode, compared between evaluation and production."""
    kpis: Measures = {}
    """Of the task, with the unit in the name, e.g. `final_error_m`."""


class ControlData(Contract):
    """A policy at work over a stretch of time, summed up on the robot."""

    policy: Digest
    release: Name
    cohort: Name | None = None
    robot: Name
    site: Name
    window_s: Annotated[float, Field(gt=0)]
    """Length of the stretch, which ends at the event's time."""
    steps: Count
    inference_p50_ms: float | None = None
    """Of inferences that gave an action, as the next three; None if none did."""
    inference_p95_ms: float | None = None
    inference_p99_ms: float | None = None
    inference_max_ms: float | None = None
    deadline_misses: Count
    errors: Count
    """Inferences that raised an error or gave no finite action."""


class SignalData(Contract):
    """A signal of high rate over a stretch of time, summed up on the robot.

    Stretches merge without loss: samples and buckets add, means and variances combine. Source: Chan, Golub & LeVeque
    1983, doi:10.1080/00031305.1983.10483115.
    """

    policy: Digest | None = None
    """At work."""
    release: Name | None = None
    cohort: Name | None = None
    robot: Name
    site: Name
    signal: Name
    """With the unit in the name where there is one, e.g. `inference_ms`, `action`, `joint_temperature_c.elbow`."""
    window_s: Annotated[float, Field(gt=0)]
    """Length of the stretch, which ends at the event's time."""
    episode: Count | None = None
    """That ended with the stretch, if one did."""
    samples: Annotated[int, Field(ge=1, le=2**53)]
    late: Count = 0
    """Of these, samples that were sent more than a second before the stretch began."""
    refused: Count = 0
    """Besides these: not finite, or not of one length."""
    mean: Vector
    """By element of the signal, as all that follow up to `newest`."""
    variance: Vector
    """Mean squared distance from the mean."""
    minimum: Vector
    maximum: Vector
    newest: Vector
    bucket: Buckets = ()
    """Of a histogram, ascending: bucket `b` holds what is above 2**((b-1)/32) and at most 2**(b/32)."""
    bucket_samples: Buckets = ()
    """In each bucket."""


class HealthData(Contract):
    """The state of a robot's hardware, and of its agent."""

    policy: Digest | None = None
    """Active policy."""
    cohort: Name | None = None
    robot: Name
    site: Name
    cpu_share: Share
    memory_share: Share
    disk_free_bytes: Count
    gpu_share: Share | None = None
    """Of the busiest GPU, by NVIDIA's driver; None where there is none, or it does not tell."""
    gpu_memory_share: Share | None = None
    """Of the fullest GPU."""
    temperature_c: float | None = None
    """Of the hottest sensor of the computer."""
    battery_share: Share | None = None
    joint_temperature_c: Vector = ()
    queued_events: Count
    """Waiting on the robot."""
    dropped_events: Count
    """Ever, because the robot's queue was full."""
    clock_offset_s: float
    """How far the clock of the wall has jumped from that of the agent, which stamps the events."""


class EvaluationData(Contract):
    """How one policy did in an evaluation."""

    report: Digest
    """Of the evaluation report; the same report tells the same event."""
    conditions: Digest
    policy: Digest | None = None
    """None for an expert, which has no package."""
    role: Name
    task: Name
    world: Name
    episodes: Count
    successes: Count
    success: Share
    success_lower: Share
    """Ends of the interval at `confidence`."""
    success_upper: Share
    confidence: Share
    difference: float | None = None
    """Success of the candidate minus that of this policy, on the same conditions."""
    difference_lower: float | None = None
    difference_upper: float | None = None
    inference_p50_ms: float | None = None
    inference_p99_ms: float | None = None
    kpis: Measures = {}
    """Means over the episodes, with the unit in the name."""


class DriftData(Contract):
    """Where the drift test of one policy stands."""

    drift: Digest
    """Of the drift report; the same report tells the same event."""
    report: Digest
    """Of the evaluation report that holds the baseline."""
    policy: Digest
    episodes: Count
    """Of production that the test has seen."""
    baseline: Share
    """Success in the evaluation."""
    production: Share
    """Success in production."""
    excess: float
    """Failures beyond the allowance since all was well."""
    threshold: float
    """The excess at which drift is called."""
    drifting: bool
    """Whether drift is called, and is not over."""
    place: Name | None = None
    """Where the failures are: `everywhere`, or e.g. `site plant-1`; None if there is no drift."""
    spells: Count
    """Drifts that are over."""


class CloudEvent(Contract):
    """The envelope in its JSON format. Source: github.com/cloudevents/spec, cloudevents/formats/json-format.md."""

    specversion: Literal["1.0"] = "1.0"
    id: Name
    """Idempotency key within the source; what is told again has the same id."""
    source: Annotated[str, Field(pattern=r"^/[^/]{1,200}/[^/]{1,200}$")]
    """URI of the robot, `/<site>/<robot>`; of an evaluation, `/evaluation/<task>`; of drift, `/drift/<policy>`."""
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"


class EpisodeEvent(CloudEvent):
    """An episode has ended."""

    type: Literal["dev.physai.episode.completed.v2"] = "dev.physai.episode.completed.v2"
    data: EpisodeData


class ControlEvent(CloudEvent):
    """A policy has worked for a while."""

    type: Literal["dev.physai.control.summarized.v1"] = "dev.physai.control.summarized.v1"
    data: ControlData


class SignalEvent(CloudEvent):
    """A signal has been summed up."""

    type: Literal["dev.physai.signal.summarized.v1"] = "dev.physai.signal.summarized.v1"
    data: SignalData


class HealthEvent(CloudEvent):
    """A robot has looked at itself."""

    type: Literal["dev.physai.robot.health.v1"] = "dev.physai.robot.health.v1"
    data: HealthData


class EvaluationEvent(CloudEvent):
    """A policy was evaluated."""

    type: Literal["dev.physai.policy.evaluated.v1"] = "dev.physai.policy.evaluated.v1"
    data: EvaluationData


class DriftEvent(CloudEvent):
    """The drift test of a policy has been made anew."""

    type: Literal["dev.physai.policy.drift.v1"] = "dev.physai.policy.drift.v1"
    data: DriftData


TelemetryEvent = Annotated[EpisodeEvent | ControlEvent | SignalEvent | HealthEvent, Field(discriminator="type")]
EVENTS: tuple[type[CloudEvent], ...] = (EpisodeEvent, ControlEvent, SignalEvent, HealthEvent)
