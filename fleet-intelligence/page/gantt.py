"""When each task ran, and for how long."""

from collections.abc import Sequence

from markupsafe import Markup

from physai.infrastructure.contracts import TaskTime
from physai.infrastructure.page.svg import Scale, drawing, duration, group, line, tag, text

WIDTH = 620
LEFT, RIGHT = 168, 520
ROW, TOP = 26, 30
STEPS_S = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0, 86400.0)


def gantt(tasks: Sequence[TaskTime]) -> Markup | None:
    """Bars on the clock of the lap; None if no task's time is known."""
    if not tasks:
        return None
    begin = min(time.started_at for time in tasks)
    spans = [((time.started_at - begin).total_seconds(), time.seconds, time.task) for time in tasks]
    end = max(start + seconds for start, seconds, _ in spans) or 1.0
    x = Scale(0, end, LEFT, RIGHT)
    bottom = TOP + ROW * len(spans)
    marks = clock_ticks(end)
    grid = [line(x(value), TOP - 6, x(value), bottom, "grid") for value in marks]
    labels = [text(x(value), TOP - 12, duration(value) if value else "0", "axis", "middle") for value in marks]
    bars = [_bar(x, TOP + ROW * (index + 0.5), *span) for index, span in enumerate(spans)]
    return drawing(WIDTH, bottom + 6, f"{len(spans)} tasks in {duration(end)}", group(grid), group(labels), *bars)


def clock_ticks(end_s: float) -> list[float]:
    """At most six places on a clock, from 0 on, at round seconds, minutes or hours."""
    step = next((step for step in STEPS_S if end_s / step <= 5), STEPS_S[-1])
    return [step * number for number in range(int(end_s / step) + 1)]


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
