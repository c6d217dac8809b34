"""A quality report as a page that needs nothing but itself."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from physai.infrastructure.aside import write_whole
from physai.infrastructure.page import environment

from .diversity import Picture
from .quality import QualityReport, Shown
from .score_chart import score_chart

TEMPLATES = Path(__file__).parent / "templates"
HEIGHT_PX = 144
MOST_SHOWN = 60  # accepted clips with pictures; rejected ones are all shown
QUALITY = 82  # of JPEG
ABSENT = 225  # grey in place of frames that are not there


def write_page(report: QualityReport, shown: Sequence[Shown], output: Path) -> Path:
    """Write the page."""
    accepted = [clip for clip in shown if clip.verdict.accepted]
    rejected = [clip for clip in shown if not clip.verdict.accepted]
    page = (
        environment(TEMPLATES)
        .get_template("quality.html")
        .render(
            report=report,
            total=len(shown),
            accepted=[_card(clip) for clip in accepted[:MOST_SHOWN]],
            accepted_total=len(accepted),
            rejected=[_card(clip) for clip in rejected],
            chart=score_chart(report.scores) if report.scores else "",
        )
    )
    return write_whole(output, page.encode())


def _card(clip: Shown) -> dict[str, Any]:
    absent = np.full_like(clip.source, ABSENT)
    return {
        "id": clip.verdict.id,
        "episode": clip.generation.episode,
        "reasons": clip.verdict.reasons,
        "vote": clip.verdict.vote,
        "shown": "source, then first, middle and last frame" if clip.frames else "source; there is no clip",
        "picture": _jpeg(_row([clip.source, *(clip.frames or [absent] * 3)])),
    }


def _row(pictures: Sequence[Picture]) -> Picture:
    """Side by side at one height, with a gap behind the first."""
    sized = [_sized(picture) for picture in pictures]
    gap = np.full((HEIGHT_PX, 8, 3), 255, np.uint8)
    return np.concatenate([sized[0], gap, *sized[1:]], axis=1)


def _sized(picture: Picture) -> Picture:
    width = round(picture.shape[1] * HEIGHT_PX / picture.shape[0])
    smooth = cv2.INTER_AREA if picture.shape[0] > HEIGHT_PX else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, HEIGHT_PX), interpolation=smooth), np.uint8)


def _jpeg(picture: Picture) -> str:
    _, content = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(content.tobytes()).decode()}"
