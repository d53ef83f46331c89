"""Right answers against calls, as inline SVG: a numbered point for each row, its intervals, the front."""

from collections.abc import Sequence

from agentrl.bench.outcome import Row, spans
from agentrl.charts import Frame, grid, number, percent
from agentrl.markup import Markup, tag


def front_chart(title: str, rows: Sequence[Row], front: Sequence[Row]) -> Markup:
    """Return a figure with a point at (mean calls, EM) for each row, whiskers, and a line through the front.

    Models are dots and players rings; both are numbered as in the legend.
    """
    if not rows:
        return tag("figure", tag("figcaption", title), tag("p", "No row yet.", class_="quiet"))
    right = max(one.use.tc.high for one in rows)
    frame = Frame(640, 320, (0.0, 1.05 * right if right > 0 else 1.0), (0.0, 1.0), top=24)
    said = "; ".join(f"{one.name}: {percent(one.use.em.mean)} at {number(one.use.tc.mean)}" for one in rows)
    drawing = tag(
        "svg",
        grid(frame, percent),
        _line(frame, front),
        [_whiskers(frame, place, one) for place, one in enumerate(rows)],
        [_point(frame, place, one) for place, one in enumerate(rows)],
        tag("text", "calls a question", x=(frame.left + frame.width) / 2, y=frame.height - 4,
            text_anchor="middle"),
        viewBox=f"0 0 {frame.width} {frame.height}",
        role="img",
        aria_label=f"{title}. {said}",
    )  # fmt: skip
    keys = [_key(place, one) for place, one in enumerate(rows)]
    return tag("figure", tag("figcaption", title), drawing, tag("ul", keys, class_="legend"), class_="front")


def _at(frame: Frame, one: Row) -> tuple[float, float]:
    return frame.at(one.use.tc.mean, one.use.em.mean)


def _line(frame: Frame, front: Sequence[Row]) -> Markup:
    path = "L".join(f"{x} {y}" for x, y in (_at(frame, one) for one in front))
    return tag("path", d=f"M{path}", class_="line level c5") if len(front) > 1 else Markup("")


def _whiskers(frame: Frame, place: int, one: Row) -> Markup:
    """Return the intervals of both means, as lines through the point."""
    x, y = _at(frame, one)
    (_, left, right), (_, low, high) = spans(one.use.tc) or (0, 0, 0), spans(one.use.em) or (0, 0, 0)
    ends = frame.at(left, low), frame.at(right, high)
    path = f"M{ends[0][0]} {y}H{ends[1][0]}M{x} {ends[0][1]}V{ends[1][1]}"
    return tag("path", d=path, class_=f"line whisker c{place % 6}")


def _point(frame: Frame, place: int, one: Row) -> Markup:
    x, y = _at(frame, one)
    words = f"{one.name}: {percent(one.use.em.mean)} right, {number(one.use.tc.mean)} calls"
    look = "fill" if one.kind == "model" else "ring"
    dot = tag("circle", tag("title", words), cx=x, cy=y, r=5, class_=f"{look} c{place % 6}")
    return Markup(dot + tag("text", str(place + 1), x=x + 8, y=y - 7))


def _key(place: int, one: Row) -> Markup:
    look = "fill" if one.kind == "model" else "ring"
    dot = tag("circle", cx=12, cy=6, r=5, class_=f"{look} c{place % 6}")
    swatch = tag("svg", dot, viewBox="0 0 24 12", width=24, height=12, aria_hidden="true")
    kind = "" if one.kind == "model" else " (player)"
    return tag("li", swatch, f" {place + 1} {one.name}{kind} ", tag("b", percent(one.use.em.mean)))
