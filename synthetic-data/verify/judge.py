"""A vision language model as one more vote, over an OpenAI-compatible endpoint: Cosmos-Reason2 behind vLLM, or a NIM.

The video goes along as `video_url` with a data URI, as vLLM takes it. Source:
https://docs.vllm.ai/en/stable/features/multimodal_inputs/
"""

import base64
import os
import re

import httpx
from pydantic import ValidationError

from physai.infrastructure.contracts import Generation, JudgeVote
from physai.infrastructure.datasets.video import encode

from ..backend import Frames
from ..errors import JudgeError

TOKEN = "JUDGE_TOKEN"  # noqa: S105  the name of the variable, not a token
TIMEOUT_S = 120.0
QUESTION = (
    "The video was generated from a recording of a robot arm, and will train the robot. "
    "Is it physically plausible: does the arm keep its shape, move without jumps, and do objects stay where they are? "
    'Answer with one JSON object and nothing else: {"plausible": true or false, "reason": "one short sentence"}.'
)


class Judge:
    """Asks one model; a bearer token is taken from `JUDGE_TOKEN`."""

    def __init__(self, url: str, model: str) -> None:
        """Name the endpoint, e.g. `http://localhost:8000/v1`, and its model, e.g. `nvidia/Cosmos-Reason2-2B`."""
        self.url = url.rstrip("/")
        self.model = model

    def __call__(self, generation: Generation, frames: dict[str, Frames], fps: int) -> JudgeVote:
        """Ask about one clip.

        Raises:
            JudgeError: If the endpoint does not answer, or not as it was asked to.
        """
        videos = [base64.b64encode(encode(pictures, fps).getvalue()).decode() for pictures in frames.values()]
        content = [{"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{video}"}} for video in videos]
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": [*content, {"type": "text", "text": QUESTION}]}],
            "temperature": 0,
            "seed": generation.seed % 2**31,
            "max_tokens": 1024,
        }
        token = os.environ.get(TOKEN)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = httpx.post(f"{self.url}/chat/completions", json=body, headers=headers, timeout=TIMEOUT_S)
            answer.raise_for_status()
            text = str(answer.json()["choices"][0]["message"]["content"])
        except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as error:
            raise JudgeError(self.url, f"{type(error).__name__}: {error}") from error
        found = re.search(r"\{[^{}]*\}\s*$", text.strip().removesuffix("```").strip())
        try:
            return JudgeVote.model_validate_json(found[0] if found else "")
        except ValidationError as error:
            raise JudgeError(self.url, f"answered {text[-80:]!r}, which is no vote") from error
