"""A vision language model as one more vote on a clip: Cosmos-Reason2, or another."""

from physai.infrastructure.contracts import Generation, JudgeVote
from physai.infrastructure.datasets.video import encode
from physai.infrastructure.judge import VideoModel

from ..backend import Frames

QUESTION = (
    "The video was generated from a recording of a robot arm, and will train the robot. "
    "Is it physically plausible: does the arm keep its shape, move without jumps, and do objects stay where they are? "
    'Answer with one JSON object and nothing else: {"plausible": true or false, "reason": "one short sentence"}.'
)


class Judge(VideoModel):
    """Asks one model whether clips are plausible."""

    def __call__(self, generation: Generation, frames: dict[str, Frames], fps: int) -> JudgeVote:
        """Ask about one clip.

        Raises:
            JudgeError: If the endpoint does not answer, or not as it was asked to.
        """
        videos = [encode(pictures, fps).getvalue() for pictures in frames.values()]
        return self.ask(QUESTION, videos, JudgeVote, generation.seed)
