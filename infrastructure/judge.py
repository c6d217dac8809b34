"""A vision language model that is asked about videos, over an OpenAI-compatible endpoint: vLLM, or a NIM.

A video goes along as `video_url` with a data URI, as vLLM takes it. Source:
https://docs.vllm.ai/en/stable/features/multimodal_inputs/
"""

import base64
import os
import re
from collections.abc import Sequence

import httpx
from pydantic import ValidationError

from .contracts import Contract
from .errors import PhysaiError

TOKEN = "JUDGE_TOKEN"  # noqa: S105  the name of the variable, not a token
TIMEOUT_S = 120.0


class JudgeError(PhysaiError):
    """The judge gave no vote."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"judge {url}: {why}. Check the endpoint and its model, or leave --judge out.")


class VideoModel:
    """One model behind one endpoint; a bearer token is taken from `JUDGE_TOKEN`."""

    def __init__(self, url: str, model: str) -> None:
        """Name the endpoint, e.g. `http://localhost:8000/v1`, and its model, e.g. `nvidia/Cosmos-Reason2-2B`."""
        self.url = url.rstrip("/")
        self.model = model

    def ask[Vote: Contract](self, question: str, videos: Sequence[bytes], vote: type[Vote], seed: int = 0) -> Vote:
        """Ask about videos that belong together.

        Args:
            question: Ends with the form of the answer: one JSON object without another in it.
            videos: MP4 files.
            vote: What the object must be.
            seed: Of the model's sampling, which is at temperature 0.

        Raises:
            JudgeError: If the endpoint does not answer, or not as it was asked to.
        """
        shown = [base64.b64encode(video).decode() for video in videos]
        content = [{"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{video}"}} for video in shown]
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": [*content, {"type": "text", "text": question}]}],
            "temperature": 0,
            "seed": seed % 2**31,
            "max_tokens": 1024,
        }
        text = self._said(body)
        found = re.search(r"\{[^{}]*\}\s*$", text.strip().removesuffix("```").strip())
        try:
            return vote.model_validate_json(found[0] if found else "")
        except ValidationError as error:
            raise JudgeError(self.url, f"answered {text[-80:]!r}, which is no vote") from error

    def _said(self, body: dict[str, object]) -> str:
        token = os.environ.get(TOKEN)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = httpx.post(f"{self.url}/chat/completions", json=body, headers=headers, timeout=TIMEOUT_S)
            answer.raise_for_status()
            return str(answer.json()["choices"][0]["message"]["content"])
        except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as error:
            raise JudgeError(self.url, f"{type(error).__name__}: {error}") from error
