# pyright: basic, reportMissingImports=false
"""The chart: speed per CPU second of each engine, and its peak memory, for each kind of input."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

from bench import engines
from bench.results import Results

_COLORS = {engines.PROJECT: "#1a7f37", engines.FLOOR: "#9aa4af", engines.UNCHECKED: "#9aa4af"}
_OTHER = "#5b8def"
mpl.use("Agg")


def draw(results: Results, path: Path) -> None:
    """Write the chart as a PNG."""
    forms = results.forms()
    figure, axes = plt.subplots(
        2, len(forms), figsize=(3.2 * len(forms), 6.4), squeeze=False, layout="constrained"
    )
    for column, form in enumerate(forms):
        size = results.size_of(form)
        rows = [row for name in engines.NAMES if (row := results.row(size, form, name))]
        names = [row.engine for row in rows]
        colors = [_COLORS.get(name, _OTHER) for name in names]
        for axis, values, title in (
            (axes[0][column], [row.cpu_speed for row in rows], "MB per CPU second"),
            (axes[1][column], [row.peak_mb for row in rows], "peak memory, MB"),
        ):
            bars = axis.barh(names, values, color=colors)
            axis.bar_label(bars, fmt="%.0f", padding=3, fontsize=8)
            axis.invert_yaxis()
            axis.margins(x=0.18)
            axis.set_title(f"{form}, {size}\n{title}", fontsize=10)
            axis.tick_params(labelsize=8, labelleft=column == 0)
            axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"Medians of {results.rounds} rounds, or fewer: see the page", fontsize=12)
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)
