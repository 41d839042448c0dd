"""Colours that read on light and on dark: filled shapes carry dark text, strokes are mid-tone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TEXT = "#17202b"
MUTED_TEXT = "#4d5866"
STROKE = "#7b8494"
CARD = "#fbfaf7"
"""Behind matplotlib's figures, and behind labels that stand on an unknown background."""


@dataclass(frozen=True)
class NodeColours:
    """Fill and border of a box; its text is TEXT."""

    fill: str
    border: str


NODE_COLOURS = {
    "population": NodeColours("#cfe3f7", "#4f86b8"),
    "input": NodeColours("#d9f0d3", "#5a9a52"),
    "output": NodeColours("#fde0c5", "#c2703d"),
    "layer": NodeColours("#e6dcf3", "#8a6bb5"),
}
OTHER_NODES = NodeColours("#e5e7eb", STROKE)

SERIES = ("#2a63ab", "#dd8a45", "#3f9457", "#8a4590", "#b3a23f", "#2f8f8f", "#a53a49", "#858c9a")
"""Colours of couplings and curves; neighbours differ in lightness too, for prints in grey."""


def node_colours(kind: str) -> NodeColours:
    """The colours of a kind of node: population, input, output, layer, or anything else."""
    return NODE_COLOURS.get(kind, OTHER_NODES)


def series_colour(number: int) -> str:
    """The colour of the curve or coupling with this number; the list starts again at its end."""
    return SERIES[number % len(SERIES)]


def phase_colormap() -> Any:
    """A cyclic matplotlib colormap: an ellipse of OKLab from violet (0) by orange to green (pi) and
    by blue back.

    The blue and orange of +-pi/2 and the lightness of 0 and pi are told apart with any colour
    vision; the lightness varies so little that every angle shows on light and on dark alike.
    """
    import numpy
    from matplotlib.colors import ListedColormap

    hue = numpy.linspace(0.0, 2 * numpy.pi, 256, endpoint=False)
    right, up = numpy.cos(hue), numpy.sin(hue)
    light = 0.685 + 0.08 * right  # the map begins at -pi
    lab = numpy.stack([light, 0.03 * up - 0.09 * right, 0.125 * up + 0.03 * right], -1)
    return ListedColormap(_srgb(lab), name="phase")


def ordered_colormap() -> Any:
    """viridis without its palest end, which is hard to see on white."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    whole = colormaps["viridis"].resampled(256)
    return ListedColormap(whole(range(237)), name="ordered")


def _srgb(lab: Any) -> Any:
    """OKLab to sRGB in 0..1 (Ottosson's matrices), clipped to what a screen can show."""
    import numpy

    cone = lab @ numpy.array(
        [[1, 1, 1], [0.3963377774, -0.1055613458, -0.0894841775],
         [0.2158037573, -0.0638541728, -1.2914855480]]
    )  # fmt: skip
    linear = cone**3 @ numpy.array(
        [[4.0767416621, -1.2684380046, -0.0041960863], [-3.3077115913, 2.6097574011, -0.7034186147],
         [0.2309699292, -0.3413193965, 1.7076147010]]
    )  # fmt: skip
    linear = numpy.clip(linear, 0.0, 1.0)
    return numpy.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
