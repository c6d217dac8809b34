"""Why a recording cannot become an episode."""

from math import isfinite
from pathlib import Path

from physai.infrastructure.errors import PhysaiError


class ConvertError(PhysaiError):
    """A recording, or a folder of them, cannot be converted."""


class NoEpisodesError(ConvertError):
    """There is nothing to convert."""

    def __init__(self, folder: Path, detail: str) -> None:
        super().__init__(f"{folder}: {detail}. Record some with `physai data-pipeline capture record`.")


class MixedEpisodesError(ConvertError):
    """Episodes that cannot be in one dataset."""

    def __init__(self, path: Path, what: str, found: object, first: object) -> None:
        super().__init__(f"{path}: {what} is {found}, in the episodes before it {first}. Convert them apart.")


class RateError(ConvertError):
    """LeRobot cannot store this rate."""

    def __init__(self, rate_hz: float) -> None:
        super().__init__(
            f"--rate-hz: {rate_hz:g} is not a whole number from 1 on, and LeRobot stores whole rows per second. "
            f"Give --rate-hz {max(1, round(rate_hz)) if isfinite(rate_hz) else 30}."
        )


class RecordingError(ConvertError):
    """One recording is damaged or unfit; `--skip-damaged` leaves such episodes out."""

    def __init__(self, path: Path, detail: str, mend: str = "Record it again, or convert with --skip-damaged.") -> None:
        self.detail = detail
        super().__init__(f"{path}: {detail}. {mend}")


class ChangedRecordingError(RecordingError):
    """The file is not the one its sidecar speaks of."""

    def __init__(self, path: Path, found: str, expected: str) -> None:
        super().__init__(path, f"digest is {found}, its sidecar says {expected}")


class TornRecordingError(RecordingError):
    """The file is cut short, or its bytes are damaged."""

    def __init__(self, path: Path, detail: object) -> None:
        super().__init__(path, f"not a whole MCAP file ({detail})")


class MessagesError(RecordingError):
    """There are not as many messages as the sidecar says."""

    def __init__(self, path: Path, topic: str, found: int, expected: int) -> None:
        super().__init__(path, f"{topic}: {found} messages, its sidecar says {expected}")


class MissingTopicError(RecordingError):
    """A topic that a dataset needs was not recorded."""

    def __init__(self, path: Path, topic: str, present: list[str]) -> None:
        super().__init__(path, f"no message on {topic}; topics: {', '.join(sorted(present)) or 'none'}")


class UndefinedTypeError(RecordingError):
    """A message type cannot be read, or is not the expected one."""

    def __init__(self, path: Path, topic: str, type_name: str, detail: str) -> None:
        super().__init__(path, f"{topic}: type {type_name}: {detail}")


class ClockError(RecordingError):
    """Header time goes backwards."""

    def __init__(self, path: Path, topic: str, stamp_ns: int, before_ns: int) -> None:
        super().__init__(path, f"{topic}: clock goes back by {(before_ns - stamp_ns) / 1e9:g} s at {stamp_ns} ns")


class NotFiniteError(RecordingError):
    """A number is NaN or infinite."""

    def __init__(self, path: Path, topic: str, message: int) -> None:
        super().__init__(path, f"{topic}: message {message} holds a number that is not finite")


class JointsError(RecordingError):
    """Joint names or their order change, or do not match the values."""

    def __init__(self, path: Path, topic: str, found: list[str], expected: list[str]) -> None:
        super().__init__(path, f"{topic}: joints are {', '.join(found)}; before: {', '.join(expected)}")


class NoVelocitiesError(RecordingError):
    """Velocities are asked for, but were not recorded."""

    def __init__(self, path: Path, topic: str) -> None:
        super().__init__(path, f"{topic}: holds no velocities", "Convert without --velocities.")


class ImageError(RecordingError):
    """A camera image cannot be decoded, or changes its size."""

    def __init__(self, path: Path, topic: str, message: int, detail: object) -> None:
        super().__init__(path, f"{topic}: image {message}: {detail}")


class SkewError(RecordingError):
    """A topic is silent for too long to be held."""

    def __init__(self, path: Path, topic: str, skew_s: float, allowed_s: float) -> None:
        super().__init__(
            path,
            f"{topic}: silent for {skew_s:.4f} s while others speak, allowed {allowed_s:.4f} s",
            "Record it again, convert with --skip-damaged, or allow more with --max-skew-s.",
        )


class TooShortError(RecordingError):
    """The topics do not overlap for even two rows."""

    def __init__(self, path: Path, messages: dict[str, int]) -> None:
        told = ", ".join(f"{count} on {topic}" for topic, count in messages.items())
        super().__init__(path, f"fewer than 2 rows in which all topics speak (messages: {told})")


class DuplicateStampError(RecordingError):
    """Two messages of a topic claim the same moment."""

    def __init__(self, path: Path, topic: str, message: int, stamp_ns: int) -> None:
        super().__init__(path, f"{topic}: message {message} has the stamp of the one before it, {stamp_ns} ns")


class ClockJumpError(RecordingError):
    """Header time runs away from the recorder's clock."""

    def __init__(self, path: Path, topic: str, message: int, ahead_s: float) -> None:
        super().__init__(path, f"{topic}: clock jumps ahead by {ahead_s:g} s at message {message}")


class FieldError(RecordingError):
    """A path of the config leads to no number."""

    def __init__(self, path: Path, topic: str, field: str, detail: str) -> None:
        super().__init__(path, f"{topic}: {field}: {detail}", "Mend the config, or record it again.")


class FrameLossError(RecordingError):
    """What was encoded is not what was recorded."""

    def __init__(self, path: Path, episode: int, camera: str, row: int, detail: str) -> None:
        super().__init__(path, f"episode {episode}, {camera}, row {row}: {detail}", "Convert it again.")


class NoBagError(RecordingError):
    """Something that is no recording."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(path, f"no recording that can be read ({detail})", "Give an MCAP file or a rosbag2 folder.")


class MarkersError(RecordingError):
    """The topic of markers does not tell where episodes begin and end."""

    def __init__(self, path: Path, topic: str, detail: str) -> None:
        super().__init__(path, f"{topic}: {detail}", "It must say true or 'start', then false or 'stop', in turn.")


class NeedsConfigError(ConvertError):
    """A recording without a sidecar does not say what it is."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: has no sidecar. Say what is in it with --config; see data-pipeline/examples.")


class NoFeaturesError(ConvertError):
    """A config takes nothing into the dataset."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"--config: {detail}. Mend the features of its topics.")


class OtherDatasetError(ConvertError):
    """Episodes cannot be appended to a dataset."""

    def __init__(self, root: Path, what: str, found: object, asked: object) -> None:
        super().__init__(f"{root}: {what} is {found}, of the recordings {asked}. Convert into a dataset of its own.")


class OutcomeError(RecordingError):
    """Recording and sidecar tell different outcomes."""

    def __init__(self, path: Path, found: str, expected: str) -> None:
        super().__init__(path, f"/episode/outcome says '{found}', its sidecar '{expected}'")
