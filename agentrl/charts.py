"""Line charts and bars as inline SVG, coloured by the page's style sheet (classes `c0`, `c1`, ...)."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agentrl.markup import Markup, tag

Format = Callable[[float], str]
_FAR = 1e150
"""values are cut here, so that differences of values stay finite"""
_MARKED = 40
"""longest series whose points are marked one by one"""


@dataclass(frozen=True, slots=True)
class Series:
    """A named line; points whose y is not finite are left out."""

    name: str
    points: tuple[tuple[float, float], ...]
    colour: int = 0
    """from 0; from 6 on colours come again, dashed"""
    band: tuple[tuple[float, float, float], ...] = ()
    """x, low and high of a shaded band around the line"""

    @property
    def look(self) -> str:
        """Its classes in the style sheet."""
        return f"c{self.colour % 6}{' again' if self.colour >= 6 else ''}"

    @property
    def drawn(self) -> list[tuple[float, float]]:
        """The points that can be drawn."""
        cut = [(x, max(-_FAR, min(_FAR, y))) for x, y in self.points if not math.isnan(y)]
        return [(x, y) for x, y in cut if math.isfinite(x)]


@dataclass(frozen=True, slots=True)
class Level:
    """A named horizontal line to compare with."""

    name: str
    value: float
    colour: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """The place of a chart: its size on the page and the ranges it shows."""

    width: int
    height: int
    x: tuple[float, float]
    y: tuple[float, float]
    left: int = 46
    bottom: int = 34
    top: int = 8
    right: int = 14

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point lies, in pixels from the upper left."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        wide, high = self.width - self.left - self.right, self.height - self.top - self.bottom
        return round(self.left + across * wide, 1), round(self.top + (1 - up) * high, 1)


def number(value: float) -> str:
    """Return a number in few characters.

    >>> number(12000.0), number(0.01234), number(1e-7)
    ('12,000', '0.0123', '1e-07')
    """
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e7 else f"{value:.3g}"


def percent(value: float) -> str:
    """Return a share in per cent.

    >>> percent(0.3125)
    '31 %'
    """
    return f"{100 * value:.0f} %"


def line_chart(
    title: str, series: Sequence[Series], *, levels: Sequence[Level] = (), x_label: str = "iteration"
) -> Markup:
    """Return a figure of shares, in per cent, with a legend that gives each line's last value.

    Edge: series without points are left out; without any, the figure says so.
    """
    shown = [s for s in series if s.drawn]
    if not shown:
        return tag("figure", tag("figcaption", title), tag("p", "No points yet.", class_="quiet"))
    xs = [x for s in shown for x, _ in s.drawn]
    top = max([y for s in shown for _, y in s.drawn] + [level.value for level in levels])
    top = max([top, *(high for s in shown for _, _, high in s.band)])
    frame = Frame(480, 240, wide(min(xs), max(xs)), (0.0, min(1.0, max(0.1, 1.08 * top))))
    drawing = tag(
        "svg",
        grid(frame, percent),
        [_band(frame, s) for s in shown if len(s.band) > 1],
        [_level(frame, level) for level in levels],
        [[_line(frame, s), _marks(frame, s, percent)] for s in shown],
        tag("text", x_label, x=(frame.left + frame.width) / 2, y=frame.height - 4, text_anchor="middle"),
        viewBox=f"0 0 {frame.width} {frame.height}",
        role="img",
        aria_label=". ".join([title, *(described(s, x_label, percent) for s in shown), *map(_said, levels)]),
    )
    keys = [_key(s.look, s.name, percent(s.drawn[-1][1])) for s in shown]
    keys += [_key(f"c{v.colour} level", v.name, percent(v.value)) for v in levels]
    return tag("figure", tag("figcaption", title), drawing, tag("ul", keys, class_="legend"))


def small_chart(title: str, series: Series) -> Markup:
    """Return a small figure of one quantity over iterations, on a scale of its own."""
    points = series.drawn
    if not points:
        return tag("figure", tag("figcaption", title, ": no finite value"), class_="small")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    frame = Frame(220, 110, wide(min(xs), max(xs)), wide(min(ys), max(ys)), left=56, bottom=18, right=8)
    ends = [
        tag("text", number(y), x=frame.left - 5, y=frame.at(xs[0], y)[1] + 4, text_anchor="end")
        for y in ({min(ys), max(ys)} if min(ys) < max(ys) else {ys[0]})
    ]
    ends += [
        tag("text", number(x), x=frame.at(x, frame.y[0])[0], y=frame.height - 5, text_anchor=anchor)
        for x, anchor in {min(xs): "start", max(xs): "end"}.items()
    ]
    drawing = tag(
        "svg", _axes(frame), _line(frame, series), ends,
        viewBox=f"0 0 {frame.width} {frame.height}", role="img",
        aria_label=f"{title}. {described(series, 'iteration', number)}",
    )  # fmt: skip
    return tag("figure", tag("figcaption", title, " ", tag("b", number(ys[-1]))), drawing, class_="small")


def share_bar(title: str, parts: Mapping[str, float]) -> Markup:
    """Return a bar cut in proportion to the parts, none of which is negative."""
    total = sum(parts.values()) or 1.0
    pieces, begun = [], 0.0
    for colour, (name, value) in enumerate(parts.items()):
        width = 640 * value / total
        label = f"{name}: {percent(value / total)}"
        pieces.append(
            tag("rect", tag("title", label), x=round(begun, 2), y=0, width=round(width, 2), height=28,
                class_=f"fill c{colour % 6}")
        )  # fmt: skip
        begun += width
    words = ", ".join(f"{name} {percent(value / total)}" for name, value in parts.items())
    return tag("svg", pieces, viewBox="0 0 640 28", role="img", aria_label=f"{title}: {words}", class_="bar")


def described(series: Series, x_label: str, form: Format) -> str:
    """Return in words what a line shows: its ends and its highest point."""
    (x0, y0), (x1, y1) = series.drawn[0], series.drawn[-1]
    x, y = max(series.drawn, key=lambda point: point[1])
    return (
        f"{series.name} goes from {form(y0)} at {x_label} {number(x0)} to {form(y1)} at {number(x1)},"
        f" highest {form(y)} at {number(x)}"
    )


def wide(low: float, high: float) -> tuple[float, float]:
    """Return a range that has a width, in the middle of which equal ends lie."""
    if high - low > 1e-9 * max(abs(low), abs(high), 1e-100):
        return low, high
    half = max(abs(low), abs(high), 1e-3) / 2
    return low - half, high + half


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return at most `count` + 1 round numbers from low to high, evenly spaced.

    >>> ticks(0, 43)
    [0.0, 10.0, 20.0, 30.0, 40.0]
    """
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10, 20) if m * power >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def grid(frame: Frame, form: Format) -> Markup:
    """Return axes, grid lines and numbers."""
    lines, words = [], []
    for y in ticks(*frame.y):
        left, height = frame.at(frame.x[0], y)
        lines.append(f"M{left} {height}H{frame.width - frame.right}")
        words.append(tag("text", form(y), x=left - 6, y=height + 4, text_anchor="end"))
    for x in ticks(*frame.x):
        across, low = frame.at(x, frame.y[0])
        words.append(tag("text", number(x), x=across, y=low + 15, text_anchor="middle"))
    return tag("g", tag("path", d="".join(lines), class_="grid"), _axes(frame), words)


def _axes(frame: Frame) -> Markup:
    left, low = frame.at(frame.x[0], frame.y[0])
    return tag("path", d=f"M{left} {frame.top}V{low}H{frame.width - frame.right}", class_="axis")


def _line(frame: Frame, series: Series) -> Markup:
    """Return the line; a single point, which has no length, is drawn by its round end."""
    path = "L".join(f"{x} {y}" for x, y in (frame.at(*point) for point in series.drawn))
    return tag("path", d=f"M{path}{'h0' if len(series.drawn) == 1 else ''}", class_=f"line {series.look}")


def _band(frame: Frame, series: Series) -> Markup:
    """Return the area between the low and the high edge."""
    edge = [(x, low) for x, low, _ in series.band] + [(x, high) for x, _, high in reversed(series.band)]
    path = "L".join(f"{x} {y}" for x, y in (frame.at(*point) for point in edge))
    return tag("path", d=f"M{path}Z", class_=f"fill band c{series.colour % 6}")


def _marks(frame: Frame, series: Series, form: Format) -> list[Markup]:
    """Return a dot for each point, which says its value when pointed at; none where they would touch."""
    points = series.drawn if len(series.drawn) <= _MARKED else []
    dots = [(frame.at(x, y), f"{series.name}, {number(x)}: {form(y)}") for x, y in points]
    return [
        tag("circle", tag("title", text), cx=x, cy=y, r=3, class_=f"fill c{series.colour % 6}")
        for (x, y), text in dots
    ]


def _level(frame: Frame, level: Level) -> Markup:
    left, height = frame.at(frame.x[0], level.value)
    return tag(
        "path", d=f"M{left} {height}H{frame.width - frame.right}", class_=f"line level c{level.colour}"
    )


def _said(level: Level) -> str:
    return f"{level.name} is at {percent(level.value)}"


def _key(look: str, name: str, value: str) -> Markup:
    stroke = tag("path", d="M0 6H24", class_=f"line {look}")
    swatch = tag("svg", stroke, viewBox="0 0 24 12", width=24, height=12, aria_hidden="true")
    return tag("li", swatch, " ", name, " ", tag("b", value))
