"""Everything that crosses a border between domains, as pydantic models."""

from .base import Contract, ContractError, Digest, Document, digest_bytes, digest_file, digest_tree, write_whole
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
    EpisodeData,
    Release,
    RetrainRequest,
    RobotState,
    TelemetryEvent,
)
from .package import JointLimits, PolicyPackage, TensorSpec
from .robot import Robot
from .summary import FlywheelSummary, LapSummary, TaskTime, VerdictSummary
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
    "Approval",
    "Collection",
    "Condition",
    "ConditionSet",
    "Contract",
    "ContractError",
    "DatasetProvenance",
    "Digest",
    "Document",
    "DriftReport",
    "DroppedEpisode",
    "EpisodeData",
    "EpisodeOutcome",
    "EpisodeSource",
    "EvaluationReport",
    "FlywheelSummary",
    "GateVerdict",
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
