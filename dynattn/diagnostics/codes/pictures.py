"""Codes of pictures of runs: E710 to E719, E789."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E710": Entry(
        "there is no such picture",
        "`--plot` names what is drawn, such as series, states, portrait or sweep (docs/pictures.md "
        "has all of them); `all` is every one that the experiment has, `default` what is drawn "
        "unless asked, `none` nothing. An ending decides the format: states.pdf.",
        "dynattn run kuramoto.dyn --plot phases",
        "dynattn run kuramoto.dyn --plot states",
    ),
    "E711": Entry(
        "no format for this picture",
        "Pictures are written as .svg, .pdf or .png, moving ones as .gif or .mp4.",
        "dynattn run kuramoto.dyn --animate phases.avi",
        "dynattn run kuramoto.dyn --animate phases.gif",
    ),
    "E712": Entry(
        "no ffmpeg for an mp4",
        "An .mp4 is written by the program ffmpeg, which must be on the path; where it "
        "fails, its own words are told. A .gif needs nothing more than what came with dynattn.",
        "dynattn run kuramoto.dyn --animate phases.mp4   # without ffmpeg",
        "dynattn run kuramoto.dyn --animate phases.gif",
    ),
    "E713": Entry(
        "a picture that this kind of experiment does not have",
        "A simulation has series, states, a portrait, a raster and a graph, and can move. A sweep "
        "has the picture of what was measured at its points, over one parameter or two. With "
        "`--beside` series, sweeps and bifurcations show several experiments, each its like.",
        "dynattn run kuramoto.dyn transition --plot states",
        "dynattn run kuramoto.dyn transition --plot sweep",
    ),
    "E714": Entry(
        "nothing was kept that this picture shows",
        "A simulation that says what to `record` keeps that alone. Pictures of states need the "
        "state (`record theta`, or `final(theta)` for the last moment), rasters and moving "
        "pictures need it over time (`record theta`), series need a quantity of the whole model. "
        "Of repeats no state is kept unless it is recorded.",
        "simulate { t 0 .. 10 every 0.1; record r }   # and --plot states",
        "simulate { t 0 .. 10 every 0.1; record r, theta }",
    ),
    "E715": Entry(
        "a graph of too many nodes to draw",
        "A picture of the graph shows each node. A raster shows many nodes, and `dynattn graph "
        "--level adjacency` their edges.",
        "dynattn run kuramoto.dyn --set N=100000 --plot graph",
        "dynattn run kuramoto.dyn --set N=500 --plot graph",
    ),
    "E716": Entry(
        "a picture of something that it does not show",
        "In brackets behind a picture stand the names of what it shows, as the experiment records "
        "them: `series(r)`, `states(theta)`. A portrait has two, and takes nodes and coordinates "
        "too: `portrait(v, w)`, `portrait(v[0], v[1])`, `portrait(re(z), im(z))`.",
        'dynattn run cells.dyn --plot "portrait(v, u)"   # the states are v and w',
        'dynattn run cells.dyn --plot "portrait(v, w)"',
    ),
    "E789": Entry(
        "no width of a picture",
        "`--width` is a number of inches from 2 to 16, or has its unit: `86mm`, `8.6cm`, `3.4in`. "
        "A column of a journal is 3.3 to 3.5 inches wide, a page about 7.",
        "dynattn run kuramoto.dyn --width 86   # inches",
        "dynattn run kuramoto.dyn --width 86mm",
    ),
}
