"""Every kind of experiment leaves a labelled data set, with what it was made of; full disks."""

from __future__ import annotations

import json
import resource
import signal
from pathlib import Path

import numpy as np
import pytest

import dynattn
from dynattn.cli.main import run_command
from dynattn.diagnostics.report import SpecError

STATES = """
model states
param a = 0.5 in -2 .. 2 "bias"
population p[3] { state x on real ~ normal(0, 0.3); x' = a + x - x^3 }
observe m = mean(x)
simulate { t 0 .. 1 every 0.5 }
sweep grid { a = [0.1, 0.2]; repeat 2; t 0 .. 1 every 0.5; record m, final(x) }
sweep draws { repeat 3; t 0 .. 1 every 0.5; record m, final(m) }
equilibria rest { starts 5 }
"""
FOLD = """
model fold
param a = -1 in -2 .. 2 "bias"
param c = 1 in 0 .. 2
population p[1] { state x on real = -1; x' = a + c*x - x^3 }
observe m = mean(x)
continue branch { a = -1 .. 1; detect fold }
continue curve { follow branch.fold; c = 0.95 .. 1.05; a = -2 .. 2; detect cusp }
"""
ORBITS = """
model brusselator
param b = 1 in 0 .. 5 "bias"
population p[1] {
  state x on real = 1; state y on real = 1
  x' = 1 - (b + 1)*x + x^2*y
  y' = b*x - x^2*y
}
continue rest { b = 1 .. 3; detect hopf }
continue orbits { start at rest.hopf; b = 1 .. 2.1 }
"""
MEASURED = """
model measured
param a = 0.5 in -2 .. 2 "bias"
population p[2] { state x on real ~ normal(0, 1); energy x^4/4 - x^2/2; drift a }
population q[2] { state theta on circle ~ uniform; drift a + index }
observe m = mean(x)
lyapunov growth { t 0 .. 5 }
lyapunov growths { t 0 .. 5; a = [0, 0.2] }
passage first { when m > -9; t 0 .. 1; a = [0, 0.2] }
hysteresis loop { a = -1 .. 1 by 1; t 0 .. 2; record m }
locking together { t 0 .. 5; a = [0, 0.2] }
balance lost { t 0 .. 5; a = [0, 0.2] }
"""
KINDS = {
    "simulate": (STATES, "p.x", ("time", "p"), None),
    "grid": (STATES, "final(x)", ("a", "repeat", "p"), "a"),
    "draws": (STATES, "m", ("repeat", "time"), None),
    "rest": (STATES, "p.x", ("equilibrium", "p"), None),
    "branch": (FOLD, "p.x", ("point", "p"), "a"),
    "curve": (FOLD, "p.x", ("point", "p"), "a"),
    "growth": (MEASURED, "exponents", ("exponent",), None),
    "growths": (MEASURED, "exponents", ("a", "exponent"), "a"),
    "first": (MEASURED, "times", ("a", "start"), "a"),
    "loop": (MEASURED, "m", ("direction", "a"), "a"),
    "together": (MEASURED, "frequencies", ("a", "q"), "a"),
    "lost": (MEASURED, "dissipated", ("a", "time"), "a"),
    "orbits": (ORBITS, "p.x", ("point", "phase", "p"), "b"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_labelled_data_set_and_its_files(name, tmp_path, monkeypatch, capsys):
    import xarray

    text, variable, axes, swept = KINDS[name]
    monkeypatch.chdir(tmp_path)
    Path("m.dyn").write_text(text)
    assert run_command(["run", "m.dyn", name, "-o", "out", "--plot", "none", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["files"][0] == "out/results.nc" and all(Path(f).is_file() for f in said["files"])
    with xarray.open_dataset("out/results.nc") as found:
        assert found[variable].dims == axes and np.isfinite(found[variable]).all()
        assert (found.attrs["spec"], int(found.attrs["seed"])) == (text, 0)
        assert {"torch", "dynattn"} <= json.loads(found.attrs["versions"]).keys()
        assert json.loads(found.attrs["settings"])["model"] in text
        assert swept is None or found[swept].attrs["long_name"] == "bias"
        if text == STATES:
            again = dynattn.load("m.dyn").run(name).to_xarray()
            assert again.sizes == found.sizes
            np.testing.assert_array_equal(again[variable], found[variable])


@pytest.mark.parametrize("name", ["simulate", "draws"])
def test_a_file_that_may_not_grow(name, tmp_path):
    """What a full disk does, by the kernel itself."""
    (tmp_path / "m.dyn").write_text(KINDS[name][0])
    spec, before = dynattn.load(tmp_path / "m.dyn"), resource.getrlimit(resource.RLIMIT_FSIZE)
    heeded = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1]))
    try:
        with pytest.raises(SpecError) as caught:
            spec.run(name, folder=tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heeded)
    (item,) = caught.value.diagnostics
    assert item.code == "E705" and "cannot be written: the file is larger" in item.message
    assert item.fix == "make room; what was written before is whole"
    assert not list(tmp_path.rglob("*.tmp")) and not (tmp_path / "out" / "results.nc").exists()
