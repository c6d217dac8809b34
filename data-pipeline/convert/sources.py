"""Which recordings there are in a folder, with what their sidecars say."""

from dataclasses import dataclass
from pathlib import Path

from physai.infrastructure.contracts import Digest, RawEpisode, RecordingConfig, digest_file, digest_tree
from physai.infrastructure.errors import MissingFileError

from .bag import is_bag
from .errors import ChangedRecordingError, MessagesError, NeedsConfigError, NoEpisodesError, OutcomeError
from .rules import COMMAND, STATE
from .scan import Scan


@dataclass(frozen=True)
class Recorded:
    """A recording."""

    path: Path
    raw: RawEpisode | None
    """Its sidecar; None for one of another recorder."""

    @property
    def name(self) -> Path:
        """What errors call it."""
        return self.path if self.raw is None else self.path.with_suffix(".json")

    def digest(self) -> Digest:
        """Digest of its bytes, which are those that the sidecar speaks of.

        Raises:
            ChangedRecordingError: If they are others.
        """
        found = digest_tree(self.path, frozenset()) if self.path.is_dir() else digest_file(self.path)
        if self.raw is not None and found != self.raw.content:
            raise ChangedRecordingError(self.path, found, self.raw.content)
        return found

    def check(self, scan: Scan) -> None:
        """Compare what was read with what the sidecar says.

        Raises:
            MessagesError: If there are other numbers of messages.
            OutcomeError: If there is another outcome.
        """
        if self.raw is None:
            return
        for topic, messages in scan.counts.items():
            if messages != self.raw.messages.get(topic, 0):
                raise MessagesError(self.path, topic, messages, self.raw.messages.get(topic, 0))
        if scan.outcomes and self.raw.outcome not in (scan.outcomes[-1], "interrupted"):
            raise OutcomeError(self.path, scan.outcomes[-1], self.raw.outcome)


def find_recordings(folder: Path, config: RecordingConfig | None) -> list[Recorded]:
    """Recordings in order of their names.

    Args:
        folder: A folder of recordings with sidecars, a rosbag2 folder, a folder of those, or one MCAP file.
        config: What is wanted of recordings that have no sidecar.

    Raises:
        NoEpisodesError: If there is none.
        MissingFileError: If a recording has no sidecar, or a sidecar no recording.
        ContractError: If a sidecar is none, or names a recording that is not beside it.
        NeedsConfigError: If a recording of another recorder is to be converted without a config.
    """
    if folder.is_file():
        found = [_recorded(folder)]
    elif is_bag(folder):
        found = [Recorded(folder, None)]
    elif not folder.is_dir():
        raise NoEpisodesError(folder, "no such folder")
    else:
        found = _in_folder(folder)
    if not found:
        raise NoEpisodesError(folder, "no recordings (*.mcap) in it")
    if config is None:
        for recorded in found:
            if recorded.raw is None:
                raise NeedsConfigError(recorded.path)
            _check_topics(recorded.path, recorded.raw)
    return found


def _in_folder(folder: Path) -> list[Recorded]:
    recordings = {path.with_suffix("") for path in folder.glob("*.mcap")}
    sidecars = {path.with_suffix("") for path in folder.glob("episode-*.json")}
    bags = [Recorded(path, None) for path in sorted(folder.iterdir()) if path.is_dir() and is_bag(path)]
    if not sidecars and not any(path.name.startswith("episode-") for path in recordings):
        return [Recorded(path.with_suffix(".mcap"), None) for path in sorted(recordings)] + bags
    for path in sorted(recordings ^ sidecars):
        suffix, what = (".json", "sidecar") if path in recordings else (".mcap", "recording")
        raise MissingFileError(path.with_suffix(suffix), what, "Record the episode again, or remove its other file.")
    return [_recorded(path.with_suffix(".mcap")) for path in sorted(sidecars)] + bags


def _recorded(path: Path) -> Recorded:
    sidecar = path.with_suffix(".json")
    if not sidecar.exists():
        return Recorded(path, None)
    raw = RawEpisode.read(sidecar)
    return Recorded(path.with_name(raw.file), raw)


def _check_topics(path: Path, raw: RawEpisode) -> None:
    """Only a recording of the simulated robot explains itself."""
    if not {STATE, COMMAND} & raw.messages.keys():
        raise NeedsConfigError(path)
