"""Plain lines with the time left."""

from __future__ import annotations

import io

import pytest

from dynattn.cli.main import run_command
from dynattn.present import pace
from dynattn.present.pace import PaceLines, duration
from tests.run.specs import KURAMOTO


def test_lines_some_seconds_apart_with_the_time_left():
    now, out = [100.0], io.StringIO()
    lines = PaceLines("transition", out, lambda: now[0])
    for moment, done in ((100, 0.2), (105, 0.25), (110, 0.3), (112, 0.5), (121, 0.6), (140, 1.0)):
        now[0] = moment
        lines(done)
    assert out.getvalue().splitlines() == [
        "transition: 30 %, about 70 s left",  # 0.1 in 10 s: what was there before took none
        "transition: 60 %, about 21 s left",
        "transition: 100 %",
    ]


def test_nothing_is_promised_before_anything_is_done():
    now, out = [0.0], io.StringIO()
    lines = PaceLines("film.gif", out, lambda: now[0])
    for now[0], done in ((1.0, 0.4), (20.0, 0.4), (40.0, 0.401)):
        lines(done)
    assert out.getvalue() == "film.gif: 40 %\nfilm.gif: 40 %\n"


@pytest.mark.parametrize(
    ("seconds", "words"), [(4.4, "4 s"), (99, "99 s"), (130, "2 min"), (9000, "2.5 h")]
)
def test_durations(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize("quiet", [False, True])
def test_a_sweep_in_a_pipe_says_how_far_it_is(quiet, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pace, "SECONDS_BETWEEN_LINES", 0.0)
    (tmp_path / "small.dyn").write_text(KURAMOTO.format(seed=", seed=1"))
    call = ["run", "small.dyn", "transition", "--plot", "none", "--workers", "1"]
    assert run_command([*call, *["--json"] * quiet]) == 0
    out, err = capsys.readouterr()
    assert err == "" if quiet else err.splitlines()[-1] == "transition: 100 %"
    assert "%" not in out and (quiet or " s left\n" in err)
