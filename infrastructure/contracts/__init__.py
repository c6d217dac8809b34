"""Everything that crosses a border between domains, as pydantic models."""

from ..aside import write_whole
from .base import Contract, ContractError, Digest, Document, digest_bytes, digest_file, digest_tree
from .dataset import DatasetProvenance, DroppedEpisode, EpisodeSource, Outcome, RawEpisode
from .evaluation import (
    EpisodeOutcome,
    EvaluationReport,
    GateVerdict,
    PairedComparison,
    PolicyResult,
    Rate,
    Role,
    RuleVerdict,
    Verdict,
)
from .fleet import (
    Approval,
    Collection,
    DriftReport,
    Release,
    RetrainRequest,
    RobotState,
)
from .package import JointLimits, PolicyPackage, TensorSpec
from .robot import Robot
from .summary import FlywheelSummary, LapSummary, TaskTime, VerdictSummary
from .telemetry import (
    EVENTS,
    CloudEvent,
    ControlData,
    ControlEvent,
    EpisodeData,
    EpisodeEvent,
    HealthData,
    HealthEvent,
    TelemetryEvent,
)
from .training import TrainingSummary
from .world import Condition, ConditionSet, TargetRegion, World

DOCUMENTS: tuple[type[Document], ...] = (
    ConditionSet,
    DatasetProvenance,
    DriftReport,
    EvaluationReport,
    FlywheelSummary,
    GateVerdict,
    PolicyPackage,
    RawEpisode,
    Release,
    RetrainRequest,
    Robot,
    RobotState,
    TrainingSummary,
    World,
)

__all__ = [
    "DOCUMENTS",
    "EVENTS",
    "Approval",
    "CloudEvent",
    "Collection",
    "Condition",
    "ConditionSet",
    "Contract",
    "ContractError",
    "ControlData",
    "ControlEvent",
    "DatasetProvenance",
    "Digest",
    "Document",
    "DriftReport",
    "DroppedEpisode",
    "EpisodeData",
    "EpisodeEvent",
    "EpisodeOutcome",
    "EpisodeSource",
    "EvaluationReport",
    "FlywheelSummary",
    "GateVerdict",
    "HealthData",
    "HealthEvent",
    "JointLimits",
    "LapSummary",
    "Outcome",
    "PairedComparison",
    "PolicyPackage",
    "PolicyResult",
    "Rate",
    "RawEpisode",
    "Release",
    "RetrainRequest",
    "Robot",
    "RobotState",
    "Role",
    "RuleVerdict",
    "TargetRegion",
    "TaskTime",
    "TelemetryEvent",
    "TensorSpec",
    "TrainingSummary",
    "Verdict",
    "VerdictSummary",
    "World",
    "digest_bytes",
    "digest_file",
    "digest_tree",
    "write_whole",
]
