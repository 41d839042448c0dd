"""The shipped synchronization.dyn on another manifold, as a user moves it."""

from __future__ import annotations

from pathlib import Path

import pytest

SHIPPED = (Path(__file__).parents[2] / "specs" / "synchronization.dyn").read_text()


@pytest.mark.parametrize("manifold", ["sphere(16)", "SU(3)"])
def test_the_changed_text_is_checked_explained_certified_and_run(dynattn, tmp_path, manifold):
    path = tmp_path / "moved.dyn"
    path.write_text(SHIPPED.replace(" on circle ", f" on {manifold} "))
    for command in (["check"], ["explain"], ["compile", "--certify"], ["run", "-o", "out"]):
        done = dynattn(*command, path, *(() if command == ["check"] else ("--set", "N=4")))
        assert (done.code, done.err) == (0, "")
        assert command != ["explain"] or manifold in done.out
