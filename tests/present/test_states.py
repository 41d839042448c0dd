"""Pictures of states: every artist is where the states are, whatever the manifold."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
from matplotlib.collections import PathCollection
from matplotlib.text import Text

from dynattn.diagnostics.report import SpecError, UsageError
from dynattn.present.figure import frames_of
from dynattn.present.globe import projected
from dynattn.present.palette import phase_colormap
from dynattn.present.panels import CORNERS, PANELS, principal
from dynattn.present.pictures import PICTURES
from dynattn.vocabulary import manifolds
from tests.present.scenes import spec

SYNC = """
model sync
param N = 11, K = 1.0
population unit[N] {{ state x on {manifold}; {drift} }}
coupling pull: unit -> unit {{ strength K; normalize size {kernel} }}
simulate {{ t 0 .. 1 every 0.5 {more} }}
"""


def of(manifold: str, *, kernel: str = "", drift: str = "", more: str = "", **over):
    """A run of units that attract each other on a manifold."""
    return spec(SYNC.format(manifold=manifold, kernel=kernel, drift=drift, more=more), **over).run()


def dots(figure) -> list[PathCollection]:
    return [c for axes in figure.axes for c in axes.collections if isinstance(c, PathCollection)]


def places(figure) -> numpy.ndarray:
    (one,) = dots(figure)
    return numpy.asarray(one.get_offsets())


def words(figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def test_every_manifold_has_a_panel():
    assert {entry.picture for entry in manifolds.MANIFOLDS.values()} <= PANELS.keys()
    assert set(manifolds.PICTURES) == PANELS.keys()


def test_phases_are_points_of_the_circle_with_an_arrow_to_their_mean():
    result = of("circle")
    figure = result.plot("states")
    last = result["unit.x"][-1]
    numpy.testing.assert_allclose(
        places(figure), numpy.stack([numpy.cos(last), numpy.sin(last)], -1)
    )
    mean = numpy.exp(1j * last).mean()
    (arrow,) = [p for p in figure.axes[0].patches if hasattr(p, "_posA_posB")]
    numpy.testing.assert_allclose(arrow._posA_posB[1], [mean.real, mean.imag])
    assert f"r = {abs(mean):.2f}" in words(figure)
    assert "sync: simulate, t = 1" in words(figure)
    assert "unit.x on circle" in words(figure)


def test_phases_are_coloured_by_their_own_frequency():
    result = of("circle", drift="param w ~ normal(0, 1); drift w")
    figure = result.plot("states")
    (one,) = dots(figure)
    shade = numpy.asarray(one.get_facecolor())[:, 1]  # green grows along the map
    assert (numpy.argsort(shade) == numpy.argsort(result.parameters["unit.w"])).all()
    assert "unit.w" in words(figure)


def test_few_nodes_have_names():
    assert {f"unit[{k}]" for k in range(3)} <= set(
        words(of("circle", N=3).plot("states")).split("\n")
    )


def test_two_angles_are_points_of_a_square():
    result = of("torus(2)")
    last = result["unit.x"][-1]
    numpy.testing.assert_allclose(places(result.plot("states")), numpy.angle(numpy.exp(1j * last)))


def test_more_angles_have_a_circle_each():
    result = of("torus(3)")
    figure = result.plot("states")
    found = places(figure).reshape(11, 3, 2)
    last = result["unit.x"][-1]
    circle = numpy.stack([numpy.cos(last), numpy.sin(last)], -1)
    middles = (found - circle).mean(0)
    numpy.testing.assert_allclose(found - middles, circle)
    apart = numpy.linalg.norm(middles[:, None] - middles, axis=-1) + 9 * numpy.eye(3)
    assert apart.min() > 2


def globe(points):
    """Offsets of the near and of the far points."""
    seen, depth = projected(points)
    near = depth >= 0
    return seen, near


def assert_on_globe(figure, points):
    far, near = (numpy.ma.filled(d.get_offsets(), numpy.nan) for d in dots(figure))
    seen, front = globe(points)
    numpy.testing.assert_allclose(near[front], seen[front])
    numpy.testing.assert_allclose(far[~front], seen[~front])
    assert numpy.isnan(near[~front]).all()
    assert numpy.isnan(far[front]).all()


def test_unit_vectors_are_points_of_the_sphere_seen_from_outside():
    result = of("sphere(3)")
    assert_on_globe(result.plot("states"), result["unit.x"][-1])


def test_the_view_of_the_sphere_is_orthographic():
    seen, depth = projected(numpy.eye(3))
    numpy.testing.assert_allclose((seen**2).sum(-1) + depth**2, 1)
    numpy.testing.assert_allclose(seen.T @ seen, numpy.eye(2), atol=1e-12)
    assert (seen[2, 0], seen[2, 1] > 0) == (0, True)


def test_vectors_of_more_dimensions_are_seen_in_their_principal_three():
    result = of("sphere(5)")
    figure = result.plot("states")
    points, share = principal(result["unit.x"])
    assert_on_globe(figure, points[-1])
    assert f"({share:.0%} of the spread)" in words(figure)


def test_principal_directions_keep_what_lies_in_three_dimensions():
    rng = numpy.random.default_rng(0)
    flat = rng.normal(size=(2, 40, 3)) @ numpy.linalg.qr(rng.normal(size=(6, 3)))[0].T
    points, share = principal(flat)
    assert share == pytest.approx(1)
    numpy.testing.assert_allclose(
        points @ points.transpose(0, 2, 1), flat @ flat.transpose(0, 2, 1)
    )


def test_rotations_are_drawn_by_where_they_take_an_axis():
    result = of("SO(3)")
    figure = result.plot("states")
    assert_on_globe(figure, result["unit.x"][-1] @ [0, 0, 1])
    assert "where it takes the axis [2]" in words(figure)


def test_spins_are_drawn_by_the_hopf_map():
    result = of("SU(2)")
    unitary = result["unit.x"][-1]
    pauli = numpy.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    up = unitary[:, :, 0]
    bloch = numpy.einsum("na,kab,nb->nk", up.conj(), pauli, up).real
    assert_on_globe(result.plot("states"), bloch)


def test_rotation_rates_are_lines_of_their_entries():
    figure = of("so(2)", drift="drift -x").plot("states")
    assert [axes.get_ylabel() for axes in figure.axes[:4]] == [
        f"unit.x[{a}][{b}]" for a in range(2) for b in range(2)
    ]


def test_complex_numbers_are_points_of_the_plane():
    result = of("complex ~ normal(0, 1)", N=13)
    last = result["unit.x"][-1]
    numpy.testing.assert_allclose(
        places(result.plot("states")), numpy.stack([last.real, last.imag], -1)
    )


def test_numbers_are_lines_over_time():
    result = of("real ~ normal(0, 1)")
    axes = result.plot("states").axes[0]
    for node, line in enumerate(axes.lines):
        numpy.testing.assert_array_equal(line.get_xdata(), result.times)
        numpy.testing.assert_array_equal(line.get_ydata(), result["unit.x"][:, node])
    assert (len(axes.lines), axes.get_xlabel(), axes.get_yscale()) == (11, "time t", "linear")


def test_what_is_above_0_has_a_logarithmic_axis():
    axes = of("positive", kernel="; kernel x[j]", drift="drift -9").plot("states").axes[0]
    assert axes.get_yscale() == "log"


def test_the_last_moment_alone_is_shown_node_by_node():
    result = of("real ~ normal(0, 1)", more="; record final(x)")
    figure = result.plot("states")
    values = numpy.stack([numpy.arange(11), result["final(x)"]], -1)
    numpy.testing.assert_array_equal(places(figure), values)
    assert figure.axes[0].get_xlabel() == "node of unit"


def test_three_shares_are_points_of_a_triangle():
    result = of("simplex(3)", kernel="; kernel x[j]", drift="drift [index, 1, 0]")
    numpy.testing.assert_allclose(
        places(result.plot("states")), result["unit.x"][-1] @ numpy.array(CORNERS)
    )


def test_other_shares_are_stacked():
    result = of("simplex(4)", kernel="; kernel x[j]", drift="drift [index, 1, 0, 2]")
    bars = result.plot("states").axes[0].patches
    found = numpy.array([bar.get_height() for bar in bars]).reshape(4, 11)
    numpy.testing.assert_allclose(found.T, result["unit.x"][-1])
    tops = numpy.array([bar.get_y() + bar.get_height() for bar in bars]).reshape(4, 11)
    numpy.testing.assert_allclose(tops[-1], 1)


@pytest.mark.parametrize("manifold", ["circle", "torus(2)", "torus(3)", "sphere(3)", "complex"])
def test_a_moving_picture_goes_to_every_moment(manifold):
    from dynattn.present.drawing import scene_of
    from dynattn.present.pictures import states_figure

    result = of(manifold)
    figure, motion, count = states_figure(scene_of(result.drawing.compilation, result), moving=True)
    assert count == 3
    seen = []
    for k in range(count):
        motion.to(k)
        seen.append(numpy.ma.filled(dots(figure)[-1].get_offsets(), -9.0))
        assert f"t = {result.times[k]:.1f}" in words(figure)
    assert set(dots(figure)) <= set(motion.artists)
    still = numpy.ma.filled(dots(result.plot("states"))[-1].get_offsets(), -9.0)
    numpy.testing.assert_array_equal(seen[-1], still)
    assert manifold == "complex" or not numpy.array_equal(seen[0], seen[1])


def test_a_raster_has_a_panel_for_each_coordinate_and_two_for_complex_ones():
    result = of("complex ~ normal(0, 1)")
    phase, size = (axes.images[0].get_array() for axes in result.plot("raster").axes[:2])
    numpy.testing.assert_allclose(phase.T, numpy.angle(result["unit.x"]))
    numpy.testing.assert_allclose(size.T, numpy.abs(result["unit.x"]))
    assert len([a for a in of("real(2) = 0").plot("raster").axes if a.images]) == 2


def test_the_graph_is_coloured_by_the_last_states():
    result = of("real ~ normal(0, 1)")
    figure = result.plot("graph")
    (one,) = dots(figure)
    numpy.testing.assert_array_equal(one.get_array(), result["unit.x"][-1])
    assert "sync: simulate, t = 1: 11 nodes" in words(figure)


def test_of_repeats_the_first_is_shown_as_far_as_it_went():
    result = of("real ~ normal(0, 1)", more="; repeat 2; until mean(x) < 9; record x")
    figure = result.plot("states")
    values = result["x"][0]
    ended = ~numpy.isnan(values).all(1)
    assert 0 < ended.sum() < len(ended)
    kept = values[ended]
    axes = figure.axes[0]
    found = [line.get_ydata() for line in axes.lines] or [p[1:] for p in places(figure)]
    numpy.testing.assert_array_equal(numpy.array(found).reshape(11, -1).T, kept)
    assert "sync: simulate, repeat 0" in words(figure)


@pytest.mark.parametrize("kind", ["states", "raster", "graph"])
@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png"])
def test_pictures_are_written(kind, suffix, tmp_path: Path):
    result = of("circle")
    result.plot(kind, tmp_path / f"a{suffix}")
    assert (tmp_path / f"a{suffix}").stat().st_size > 3000


def test_many_points_are_pixels_in_vector_files_too(tmp_path: Path):
    of("sphere(3)", N=6000, more="; record final(x)").plot("states", tmp_path / "a.svg")
    content = (tmp_path / "a.svg").read_text()
    assert "data:image/png" in content
    assert content.count("<use") < 1000


def test_a_raster_has_no_more_rows_than_can_be_seen():
    axes = of("circle", N=7000).plot("raster").axes[0]
    assert axes.images[0].get_array().shape == (2334, 3)
    assert axes.get_ylim() == (-0.5, 6999.5)


def test_the_same_run_gives_the_same_picture(tmp_path: Path):
    for name in "ab":
        of("sphere(3)").plot("states", tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


# ── moving pictures ────────────────────────────────────────────────────────────────────────────


def test_a_gif_has_a_frame_for_every_moment(tmp_path: Path):
    from PIL import Image

    result = of("circle")
    path = result.animate(tmp_path / "a.gif", seconds=0.3)
    with Image.open(path) as film:
        assert (film.info["duration"], film.info["loop"]) == (100, 0)
        assert film.width >= 500
        film.seek(0)
        first = numpy.asarray(film.convert("RGB")).astype(int)
        film.seek(2)
        last = numpy.asarray(film.convert("RGB")).astype(int)
        with pytest.raises(EOFError):
            film.seek(3)
    assert (first != last).any()


def test_no_more_frames_than_asked_for():
    assert frames_of(5, 200) == [0, 1, 2, 3, 4]
    assert frames_of(1001, 5) == [0, 250, 500, 750, 1000]
    assert frames_of(9, 1) == [8]


def test_an_interruption_leaves_what_was_there(tmp_path: Path):
    from dynattn.present.animation import write_animation
    from dynattn.present.drawing import scene_of

    path = tmp_path / "a.gif"
    path.write_bytes(b"old")
    result = of("circle")

    def stop(done: float) -> None:
        if done > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_animation(scene_of(result.drawing.compilation, result), path, progress=stop)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.gif", b"old")]


def put_ffmpeg(folder: Path, script: str, monkeypatch) -> None:
    (folder / "ffmpeg").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_ffmpeg_is_given_every_pixel_of_every_frame(tmp_path: Path, monkeypatch):
    put_ffmpeg(
        tmp_path, 'echo "$@" > "$0.arguments"; for made; do :; done; cat > "$made"', monkeypatch
    )
    path = of("circle").animate(tmp_path / "a.mp4")
    said = (tmp_path / "ffmpeg.arguments").read_text().split()
    width, height = map(int, said[said.index("-s") + 1].split("x"))
    assert (width % 2, height % 2) == (0, 0)
    assert path.stat().st_size == 3 * 3 * width * height


def test_what_ffmpeg_says_is_told(tmp_path: Path, monkeypatch):
    put_ffmpeg(tmp_path, "echo no encoder >&2; exit 1", monkeypatch)
    with pytest.raises(SpecError) as error:
        of("circle").animate(tmp_path / "a.mp4")
    (told,) = error.value.diagnostics
    assert (told.code, told.message) == (
        "E712",
        f"ffmpeg could not write {tmp_path}/a.mp4: no encoder",
    )
    assert not (tmp_path / "a.mp4").exists()


# ── what is refused ────────────────────────────────────────────────────────────────────────────


def refused(call) -> tuple[str, str, str, bool]:
    with pytest.raises(SpecError) as error:
        call()
    (told,) = error.value.diagnostics
    return told.code, told.message, told.fix or "", isinstance(error.value, UsageError)


def test_an_unknown_picture():
    told = refused(lambda: of("circle").plot("state"))
    assert told == ("E710", "there is no picture 'state'", "did you mean 'states'?", True)


def test_an_unknown_format(tmp_path: Path):
    code, text, fix, usage = refused(lambda: of("circle").plot("states", tmp_path / "a.bmp"))
    assert (code, text, usage) == ("E711", "'.bmp' is no format for this picture", True)
    assert fix == "use one of .svg, .png, .pdf"
    assert refused(lambda: of("circle").animate(tmp_path / "a"))[:2] == (
        "E711", "a name without an ending is no format for this picture",
    )  # fmt: skip


def test_an_mp4_without_ffmpeg(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    code, text, fix, usage = refused(lambda: of("circle").animate(tmp_path / "a.mp4"))
    assert (code, fix, usage) == ("E712", "install it, or write a.gif", True)
    assert text == f"{tmp_path}/a.mp4 needs the program ffmpeg, which is not on the path"


def test_a_sweep_has_no_states_and_does_not_move(tmp_path: Path):
    text = SYNC.format(manifold="circle", kernel="", drift="", more="")
    sweep = spec(text + "sweep s { K = [0, 1]; record final(order(x)) }\n").run("s")
    assert refused(lambda: sweep.plot("states")) == (
        "E713", "'s' is a sweep, which has no picture 'states'", "it has sweep, ensemble", True,
    )  # fmt: skip
    assert refused(lambda: sweep.animate(tmp_path / "a.gif"))[:2] == (
        "E713", "'s' is a sweep, which has no moving picture",
    )  # fmt: skip
    assert refused(lambda: of("circle").plot("sweep"))[0] == "E713"


def test_a_state_that_was_not_kept(tmp_path: Path):
    result = of("circle", more="; record order(x)")
    for call in (lambda: result.plot("states"), lambda: result.animate(tmp_path / "a.gif")):
        assert refused(call) == (
            "E714", "'simulate' keeps no state",
            "let it record x, or leave its record out, which keeps everything", False,
        )  # fmt: skip
    assert refused(lambda: of("circle", more="; record x").plot("series"))[0] == "E714"


def test_repeats_keep_no_states_unless_told_to():
    result = of("circle", more="; repeat 2 }\nobserve r = order(x)\nsweep s { K = [0, 1]")
    assert refused(lambda: result.plot("states")) == (
        "E714", "'simulate' keeps no state", "let it record x", False,
    )  # fmt: skip


def test_a_graph_of_too_many_nodes():
    code, text, _, _ = refused(lambda: of("circle", N=2001).plot("graph"))
    assert (code, text) == ("E715", "2001 nodes are too many to tell apart (at most 2000)")


def test_a_result_without_a_spec_says_so():
    from dataclasses import replace

    with pytest.raises(ValueError, match=r"Spec\.run"):
        replace(of("circle"), drawing=None).plot("states")


def test_the_table_of_pictures_says_what_each_is():
    assert all(picture.doc and picture.of for picture in PICTURES.values())


def test_sweeps_beside_one_another():
    more = "}}\n".join(
        (
            "",
            "sweep up {{ K = [0, 1, 2]; record final(order(x)) ",
            "sweep down {{ K = [2, 1, 0]; start previous; record final(order(x)) ",
            "sweep size {{ N = [5, 6]; record final(order(x)) ",
            "sweep other {{ K = [0, 1]; record average(order(x)) ",
        )
    ).format()
    sync = spec(SYNC.format(manifold="circle", kernel="", drift="", more=more))
    up, down = sync.run("up"), sync.run("down")
    figure = up.plot("sweep", beside=[down])
    (axes,) = figure.axes
    assert figure.get_suptitle() == "sync: up, down"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["up", "down"]
    for line, sweep, mark in zip(axes.lines, (up, down), "><", strict=True):
        numpy.testing.assert_array_equal(line.get_xdata(), sweep.axes["K"])
        numpy.testing.assert_array_equal(line.get_ydata(), sweep["final(order(x))"])
        assert line.get_marker() == mark
    assert axes.lines[0].get_color() != axes.lines[1].get_color()
    refusals = {
        "size": "'up' and 'size' do not run over the same parameter, but K and N",
        "other": "'up' and 'other' measure different things",
        "up": "both are 'up' of the same settings",
        "simulate": "only series, sweeps and bifurcations go beside one another, each beside its "
        "like",
    }
    for name, text in refusals.items():
        other = sync.run(name)
        found = refused(lambda other=other: up.plot("sweep", beside=[other]))
        assert (found[0], found[1], found[3]) == ("E713", text, True)


def test_few_values_of_one_of_two_parameters_are_a_line_each():
    more = "}}\nsweep s {{ K = [0, 0.5, 1, 2, 3]; N = [4, 8]; repeat 3; record final(order(x)) "
    sweep = spec(SYNC.format(manifold="circle", kernel="", drift="", more=more.format())).run("s")
    (axes,) = sweep.plot().axes
    assert axes.get_xlabel() == "K"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["N = 4", "N = 8"]
    means = [line for line in axes.lines if line.get_linestyle() != "None"]
    for k, line in enumerate(means):
        numpy.testing.assert_allclose(line.get_ydata(), sweep["final(order(x))"][:, k].mean(-1))
        assert line.get_marker() == "o"
    assert len(means) == 2


def test_steps_are_whole_numbers():
    text = "model m\npopulation p[3] { state x on real ~ normal(0, 1); x <- x/2 }\n"
    figure = spec(text + "simulate { steps 5 }\n").run().plot("states")
    axes = next(axes for axes in figure.axes if axes.get_xlabel() == "step")
    assert all(tick == round(tick) for tick in axes.get_xticks())


def test_points_are_coloured_by_the_phase_of_the_same_nodes():
    text = """model m
population p[12] {
  state z on complex ~ normal(0, 1)
  state theta on circle
  z'     = -z
  theta' = 4
}
simulate { t 0 .. 1 every 0.5 }
"""
    result = spec(text).run()
    figure = result.plot("states")
    phase = numpy.angle(numpy.exp(1j * result["p.theta"][-1]))
    colours = numpy.asarray(dots(figure)[0].get_facecolor())[:, :3]
    expected = phase_colormap()((phase + numpy.pi) / (2 * numpy.pi))[:, :3]
    numpy.testing.assert_allclose(colours, expected, atol=1e-12)
    assert "p.theta" in words(figure).split("\n")
