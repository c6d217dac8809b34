"""LeRobot's dataset, offline."""

import os
from pathlib import Path
from typing import Any

PEER = "LeRobot 0.6.1"


def opened(root: Path, **options: Any) -> Any:
    """A `LeRobotDataset` of a local folder."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    os.environ.setdefault("HF_HOME", str(root.parent / "hf"))
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset(f"local/{root.name}", root=root, **options)
