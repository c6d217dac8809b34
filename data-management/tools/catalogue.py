"""Everything that can be wrong with a dataset: one entry per kind of defect, with how bad it is and how to mend it."""

from typing import Literal, NamedTuple

from physai.infrastructure.contracts import Contract

Severity = Literal["fail", "warn"]

WRITE_AGAIN = "Write or fetch the dataset again."
DROP = "Leave the episode out: `dataset delete`; `curate` does."
EDIT = "Any edit writes it anew, e.g. `dataset filter DATASET --episodes 0: --output NEW`."


class Defect(NamedTuple):
    """A kind of defect."""

    severity: Severity
    """`fail`: training would stop, or learn what is not so. `warn`: look at it."""
    what: str
    mend: str


CATALOGUE: dict[str, Defect] = {
    # files
    "info": Defect("fail", "meta/info.json cannot be understood", WRITE_AGAIN),
    "version": Defect("fail", "the format is not v3.0", "Convert it: `dataset convert`."),
    "episodes-file": Defect("fail", "an episodes file is absent, torn, or lacks a column", WRITE_AGAIN),
    "tasks-file": Defect("fail", "the tasks file is absent, torn, or does not number tasks from 0", WRITE_AGAIN),
    "data-missing": Defect("fail", "a data file is absent", WRITE_AGAIN),
    "data-torn": Defect("fail", "a data file is cut short or overwritten", WRITE_AGAIN),
    "column-missing": Defect("fail", "a feature has no column", "Correct meta/info.json, or write the rows again."),
    "column-extra": Defect("warn", "a column is no feature", "Add it to meta/info.json, or drop the column."),
    "column-type": Defect("fail", "a column is not of its feature's type or width", "Correct meta/info.json."),
    "video-missing": Defect("fail", "a video file is absent", WRITE_AGAIN),
    "video-torn": Defect("fail", "a video file is cut short or overwritten", WRITE_AGAIN),
    "orphan": Defect("warn", "a data or video file belongs to no episode", "Remove the file."),
    "leftover": Defect("warn", "a recording was interrupted here", "Check the last episode, then remove the folder."),
    # numbers that must agree
    "total-episodes": Defect("fail", "meta/info.json and the episodes file count differently", EDIT),
    "total-frames": Defect("fail", "meta/info.json and the episodes count rows differently", EDIT),
    "total-tasks": Defect("fail", "meta/info.json and the tasks file count differently", EDIT),
    "episode-numbers": Defect("fail", "episodes are not numbered 0, 1, 2, …", WRITE_AGAIN),
    "episode-bounds": Defect("fail", "an episode does not begin where the one before ends", WRITE_AGAIN),
    "episode-length": Defect("fail", "an episode's length is not that of its bounds, or is 0", WRITE_AGAIN),
    "row-count": Defect("fail", "a data file has not the rows of its episodes", WRITE_AGAIN),
    "frame-count": Defect("fail", "a video file has not the frames of its episodes", WRITE_AGAIN),
    "video-bounds": Defect("fail", "an episode's times in a video do not fit its rows, or overlap", WRITE_AGAIN),
    "split": Defect("fail", "a split is no range of episodes, or overlaps another", "Correct `splits` in info.json."),
    # rows
    "index": Defect("fail", "rows are not numbered consecutively, or by another episode", DROP),
    "time": Defect("fail", "rows are not at the dataset's rate", DROP),
    "time-back": Defect("fail", "time does not run forward", DROP),
    "task": Defect("fail", "a row has a task that the episode does not have", WRITE_AGAIN),
    "finite": Defect("fail", "NaN or infinity", DROP),
    "stats-missing": Defect("warn", "statistics that normalisation needs are absent", EDIT),
    "stats-episode": Defect("fail", "an episode's statistics are not those of its rows", WRITE_AGAIN),
    "stats-dataset": Defect("fail", "meta/stats.json is not what its episodes add up to", EDIT),
    # motion
    "frozen": Defect("fail", "a joint stands still to the last digit while its command moves", DROP),
    "speed": Defect("fail", "a joint jumps beyond what is physically possible", DROP),
    "command-jump": Defect("warn", "a command jumps, and the joint does not follow", "Look at it; `dataset trim`."),
    "dead-command": Defect(
        "warn", "the command is constant while the joints move", "Check what is recorded as action."
    ),
    "lag": Defect("warn", "state follows action late, or runs ahead of it", "Check clocks and how rows were aligned."),
    "motionless": Defect("warn", "nothing moves in the whole episode", DROP),
    "short": Defect("warn", "an episode is far shorter than is usual here", "Look at it; a recording may be cut off."),
    "constant": Defect("warn", "a channel never changes in the whole dataset", "Its spread is 0: leave it out."),
    "duplicate": Defect("warn", "two episodes are the same recording", "Leave one out: `dataset delete`."),
    "outcome": Defect("warn", "the episode did not succeed", "Keep it out of imitation: `curate` does."),
    # pictures
    "picture-size": Defect("fail", "a video has not its feature's size", "Correct meta/info.json."),
    "picture-codec": Defect("warn", "a video's codec or pixel format is not as info.json says", "Correct it there."),
    "picture-rate": Defect("fail", "a video is not at the dataset's rate", WRITE_AGAIN),
    "frame-time": Defect("fail", "a frame is not at the time of its row", WRITE_AGAIN),
    "keyframe": Defect("warn", "an episode does not begin with a keyframe", "Cutting it costs encoding a few frames."),
    "picture-torn": Defect("fail", "a frame cannot be decoded", DROP),
    "camera-frozen": Defect("fail", "the picture never changes while the robot moves", DROP),
    "camera-black": Defect("fail", "the picture is black", DROP),
    "stats-camera": Defect("warn", "a camera's statistics are not those of its frames", WRITE_AGAIN),
    # provenance
    "content": Defect("fail", "files are not those that the provenance speaks of", "Fetch or write it again."),
    "provenance": Defect("fail", "the provenance is torn, or does not speak of every episode", WRITE_AGAIN),
    "ancestor": Defect("warn", "the lineage breaks off", "Write the dataset again from its parent."),
}


class Finding(Contract):
    """A defect that was found."""

    defect: str
    """Its name in the catalogue."""
    severity: Severity
    episode: int | None
    """None: of the dataset."""
    detail: str
    """Where, and the numbers."""

    @property
    def mend(self) -> str:
        """How to mend it."""
        return CATALOGUE[self.defect].mend


def found(defect: str, detail: str, episode: int | None = None) -> Finding:
    """A finding of this kind."""
    return Finding(defect=defect, severity=CATALOGUE[defect].severity, episode=episode, detail=detail)
