"""The API of reviewing rollouts and generated episodes: how far a review is, and what never became an episode."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from physai.infrastructure.contracts import Contract
from physai.infrastructure.contracts.evaluation import FILM, ROLLOUTS
from physai.infrastructure.errors import PhysaiError

from .browse import DatasetId
from .episodes import Index
from .errors import UnknownError
from .facts import FactBook
from .media import served
from .relatives import ids_of, policy_of
from .verified import LeftOut, left_out
from .views import Card, card_of

if TYPE_CHECKING:
    from .service import Desk

SHOWN = 200  # of what was left out
REVIEWED = ("synthetic", "rollouts")


class LeftOutLine(LeftOut):
    """Likewise, with where the episode it is from can be seen."""

    original: str
    """As `dataset/episode`; empty if it is not at hand."""


class ReviewView(Contract):
    """How far the review of a dataset is."""

    outcomes: dict[str, int]
    decisions: dict[str, int]
    """`accept`, `reject`, `unsure` or `open` → episodes."""
    policies: dict[str, int]
    """Digest → episodes that it played."""
    synthetic: int
    """Episodes that were made from others."""
    left_out: tuple[LeftOutLine, ...]
    """The first of them."""
    left_out_total: int
    film: bool
    """Whether an evaluation left a film of its first conditions."""


class Waiting(Contract):
    """A dataset that is there to be reviewed."""

    card: Card
    decisions: dict[str, int]
    policies: dict[str, int]


def routes(desk: "Desk") -> APIRouter:
    """For everyone who may see datasets; deciding is saying, which is for annotators."""
    router = APIRouter(prefix="/api/datasets/{dataset}", tags=["review"])

    def opened(dataset: str) -> Index:
        return desk.indexes.of(desk.catalog.get(dataset))

    @router.get("/review")
    def review(dataset: DatasetId) -> ReviewView:
        """Outcomes and decisions counted, and what the checks or edits left out."""
        index = opened(dataset)
        facts = desk.facts.of(index)
        gone = left_out(index)
        ids = ids_of(desk.catalog, desk.indexes) if gone else {}
        return ReviewView(
            outcomes=dict(Counter(str(each["outcome"]) for each in facts)),
            decisions=decisions_of(index, desk.facts),
            policies=policies_of(index),
            synthetic=sum(bool(each["synthetic"]) for each in facts),
            left_out=tuple(_line(each, ids) for each in gone[:SHOWN]),
            left_out_total=len(gone),
            film=_film(index) is not None,
        )

    @router.get("/film", response_class=Response)
    def film(dataset: DatasetId, request: Request) -> Response:
        """The film that an evaluation left beside its rollouts. Takes byte ranges."""
        index = opened(dataset)
        beside = _film(index)
        if beside is None:
            raise UnknownError("film of", index.entry.name)
        return served(request, index.entry.place, beside, Path(FILM))

    return router


def waiting(desk: "Desk") -> list[Waiting]:
    """Rollouts and generated datasets, those with the most to decide first."""
    found = []
    for entry in desk.catalog.entries():
        card = card_of(entry, desk.indexes)
        if card.problem or card.kind not in REVIEWED:
            continue
        index = desk.indexes.of(entry)
        try:
            decisions = decisions_of(index, desk.facts)
        except PhysaiError as error:
            card, decisions = card.model_copy(update={"problem": str(error)}), {}
        found.append(Waiting(card=card, decisions=decisions, policies=policies_of(index)))
    return sorted(found, key=lambda each: (-each.decisions.get("open", 0), each.card.name))


def decisions_of(index: Index, book: FactBook) -> dict[str, int]:
    """Episodes by what was decided of them; nothing is read of a dataset of which nothing was said."""
    facts = book.known(index)
    counts = Counter(each["review"] or "open" for each in facts) if facts else Counter({"open": index.count})
    return {name: counts[name] for name in ("accept", "reject", "unsure", "open")}


def policies_of(index: Index) -> dict[str, int]:
    """Digest of each policy that moved the robot → episodes."""
    sources = index.provenance.episodes if index.provenance else ()
    return dict(Counter(policy for policy in map(policy_of, sources) if policy))


def _line(each: LeftOut, ids: Mapping[str, str]) -> LeftOutLine:
    at_hand = each.source in ids and each.source_episode is not None
    return LeftOutLine(**dict(each), original=f"{ids[each.source]}/{each.source_episode}" if at_hand else "")


def _film(index: Index) -> str | None:
    """Name, within the place, of the evaluation that a dataset is the rollouts of, if it has a film."""
    path = PurePosixPath(index.entry.path)
    if path.name != ROLLOUTS:
        return None
    name = "" if path.parent == PurePosixPath() else path.parent.as_posix()
    try:
        index.entry.place.open(name, Path(FILM)).close()
    except (UnknownError, FileNotFoundError):
        return None
    return name
