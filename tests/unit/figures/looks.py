"""What a reader would complain about in a figure, checked with the renderer."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from equivariance.figures.kinds import figure_kind


def plot(
    data: Any, entry: Mapping[str, Any], labels: Mapping[str, str], stand_ins: Mapping[str, str]
) -> Figure:
    return figure_kind(entry["figure"]["kind"]).plot(data, entry, labels, stand_ins)


def caption(entry: Mapping[str, Any], data: Any, labels: Mapping[str, str]) -> str:
    return figure_kind(entry["figure"]["kind"]).caption(data, entry, labels)


def panels(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if str(axes.get_label()).startswith("panel")]


def legends(figure: Figure) -> list[Legend]:
    return figure.findobj(Legend)


def visible_texts(figure: Figure) -> list[Text]:
    return [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and not _on_hidden_axis(figure, text)
    ]


def _on_hidden_axis(figure: Figure, text: Text) -> bool:
    """Ticks that are switched off keep their text objects."""
    for axes in figure.axes:
        if not axes.axison and text in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
            return True
        for axis, shown in ((axes.xaxis, "labelbottom"), (axes.yaxis, "labelleft")):
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            if any(text in (tick.label1, tick.label2) for tick in ticks):
                low, high = sorted(axis.get_view_interval())
                inside = any(text is tick.label1 and low <= tick.get_loc() <= high for tick in ticks)
                return not (inside and axis.get_tick_params()[shown])
    return False


def smallest_type(figure: Figure) -> float:
    return min(text.get_fontsize() for text in visible_texts(figure))


def boxes(figure: Figure) -> dict[Text, Bbox]:
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    found = {text: text.get_window_extent(renderer) for text in visible_texts(figure)}
    for text, box in found.items():
        lines = text.get_text().split("\n")
        if not lines[-1].strip():  # a line that titles of columns leave free for those of rows
            found[text] = Bbox([[box.x0, box.y0 + box.height / len(lines)], [box.x1, box.y1]])
    return found


def clipped(figure: Figure) -> list[str]:
    """Texts that leave the figure."""
    width, height = figure.bbox.width, figure.bbox.height
    return [
        text.get_text()
        for text, box in boxes(figure).items()
        if box.x0 < -0.5 or box.y0 < -0.5 or box.x1 > width + 0.5 or box.y1 > height + 0.5
    ]


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that cover each other by more than a hairline; the box of slanted text says nothing."""
    found = []
    straight = {text: box for text, box in boxes(figure).items() if text.get_rotation() % 90 == 0}
    for (one, a), (other, b) in combinations(straight.items(), 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        # A turned name is a little narrower than its box, which has room for all ascenders and descenders.
        if across > 3 and up > 3:
            found.append((one.get_text(), other.get_text()))
    return found


def legend_over_data(figure: Figure) -> bool:
    """Whether a legend covers a panel."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    return any(
        legend.get_window_extent(renderer).overlaps(axes.get_window_extent(renderer))
        for legend in legends(figure)
        for axes in panels(figure)
    )


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for legend in legends(figure) for text in legend.get_texts()]


def mean_lines(axes: Axes) -> list:
    """The lines of conditions: not those of single seeds, nor the mark of the value 1."""
    return [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
