"""What filters and lists know of each episode, kept until the dataset or what is said of it changes."""

from collections import OrderedDict
from threading import Lock
from typing import Any

from physai.infrastructure.datasets.info import QUALITY

from ..annotations import Annotations
from ..tools.quality import QualityReport, quality
from ..tools.select import Expression, facts_of, parse_episodes
from .episodes import Index
from .errors import NotJudgedError
from .works import Track

KEPT = 64  # datasets

type Facts = list[dict[str, Any]]


class FactBook:
    """Facts of the datasets that were filtered last."""

    def __init__(self) -> None:
        self._facts: OrderedDict[str, tuple[object, Facts]] = OrderedDict()
        self._judged: OrderedDict[str, tuple[object, QualityReport]] = OrderedDict()
        self._lock = Lock()

    def judge(self, index: Index, track: Track) -> QualityReport:
        """Judge every episode; takes a while the first time."""
        with index.entry.whole() as root:
            report = quality(root, track)
        with self._lock:
            _keep(self._judged, index.entry.id, (index.mark, report))
        return report

    def judged(self, index: Index) -> QualityReport | None:
        """The scores; None if they were never computed, or episodes came since."""
        with self._lock:
            mark, report = self._judged.get(index.entry.id, (None, None))
        if mark == index.mark:
            return report
        if index.entry.place.replaces and (index.root / QUALITY).exists():
            return self.judge(index, iter)
        return None

    def of(self, index: Index) -> Facts:
        """The facts of every episode, quality among them where it is known."""
        said = index.annotations
        return self._of(index, said, said.journal.names())

    def known(self, index: Index) -> Facts | None:
        """The facts if they tell more than the metadata: if anything was said or judged."""
        said = index.annotations
        names = said.journal.names()
        return self._of(index, said, names) if names or self.judged(index) else None

    def _of(self, index: Index, said: Annotations, names: tuple[str, ...]) -> Facts:
        report = self.judged(index)
        mark = (index.mark, names, report is not None)
        with self._lock:
            known, facts = self._facts.get(index.entry.id, (None, None))
        if facts is None or known != mark:
            about = index.described
            facts = facts_of(about, said.all_marks(), about.outcomes, report.episodes if report else None)
            with self._lock:
                _keep(self._facts, index.entry.id, (mark, facts))
        return facts

    def select(self, index: Index, episodes: str, where: str) -> list[int]:
        """Episodes that are named and of which an expression is true; both empty: all.

        Raises:
            SelectionError: If episodes are not understood.
            ExpressionError: If the expression is not.
            NotJudgedError: If it asks for quality that is not known.
        """
        chosen = parse_episodes(episodes, index.count) if episodes.strip() else list(range(index.count))
        if not where.strip():
            return chosen
        test, facts = Expression(where), self.of(index)
        if "quality" in test.names and facts and facts[0]["quality"] is None:
            raise NotJudgedError
        return [episode for episode in chosen if test(facts[episode])]


def _keep[Kept](kept: OrderedDict[str, Kept], name: str, value: Kept) -> None:
    kept[name] = value
    kept.move_to_end(name)
    while len(kept) > KEPT:
        kept.popitem(last=False)
