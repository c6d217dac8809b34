"""When each task ran, and for how long."""

from collections.abc import Sequence

from markupsafe import Markup

from physai.infrastructure.contracts import TaskTime

from .svg import Scale, drawing, duration, group, line, tag, text, ticks

WIDTH = 620
LEFT, RIGHT = 168, 520
ROW, TOP = 26, 30


def gantt(tasks: Sequence[TaskTime]) -> Markup | None:
    """Bars on the clock of the lap; None if no task's time is known."""
    if not tasks:
        return None
    begin = min(time.started_at for time in tasks)
    spans = [((time.started_at - begin).total_seconds(), time.seconds, time.task) for time in tasks]
    end = max(start + seconds for start, seconds, _ in spans) or 1.0
    x = Scale(0, end, LEFT, RIGHT)
    bottom = TOP + ROW * len(spans)
    marks = ticks(0, end, 4)
    grid = [line(x(value), TOP - 6, x(value), bottom, "grid") for value in marks]
    labels = [text(x(value), TOP - 12, duration(value) if value else "0", "axis", "middle") for value in marks]
    bars = [_bar(x, TOP + ROW * (index + 0.5), *span) for index, span in enumerate(spans)]
    return drawing(WIDTH, bottom + 6, f"{len(spans)} tasks in {duration(end)}", group(grid), group(labels), *bars)


def _bar(x: Scale, y: float, start: float, seconds: float, task: str) -> Markup:
    return group(
        [
            tag("title", f"{task}: {seconds:.1f} s, begun after {start:.1f} s"),
            text(LEFT - 12, y + 5, task, "label", "end"),
            tag(
                "rect",
                x=x(start),
                y=y - 8,
                width=max(x(start + seconds) - x(start), 2.0),
                height=16,
                rx=4,
                class_="bar",
            ),
            text(x(start + seconds) + 8, y + 5, duration(seconds), "axis"),
        ]
    )
