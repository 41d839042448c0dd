"""Codes of results on disk and of sweeps over several processes: E739 to E745, E794."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E739": Entry(
        "xarray is not installed",
        'Results are written as NetCDF without it, and `result["r"]` and `result.axes` are plain '
        "arrays. An xarray.Dataset with names, attributes and pictures of its own needs xarray.",
        'dynattn.load("kuramoto.dyn").run().to_xarray()',
        "pip install 'dynattn[xarray]'",
    ),
    "E740": Entry(
        "a folder with another sweep",
        "A sweep goes on with the points that its folder holds already, so they must be of the "
        "same spec, experiment, settings, seed and versions: others would give other numbers.",
        "dynattn run kuramoto.dyn transition -o runs/a --set N=200   # begun with N = 100",
        "dynattn run kuramoto.dyn transition -o runs/b --set N=200",
    ),
    "E741": Entry(
        "points whose process ended",
        "The process that solved these points was killed or ended several times, mostly because "
        "the memory was full. The other points have their numbers; the same command tries these "
        "again.",
        "dynattn run kuramoto.dyn transition -o runs/a --set N=20000",
        "dynattn run kuramoto.dyn transition -o runs/a --set N=20000 --workers 1",
    ),
    "E742": Entry(
        "workers that have nothing to do",
        "Points of a sweep are shared out to one worker or more, of this machine or of a cluster; "
        "a simulation and a branch are one piece, and so is a sweep on a GPU.",
        "dynattn run kuramoto.dyn --workers 0",
        "dynattn run kuramoto.dyn transition --workers 2",
    ),
    "E743": Entry(
        "another process is at work in the folder",
        "Two processes that solved the same points would compute everything twice.",
        "dynattn run kuramoto.dyn transition -o runs/a   # while the first one runs",
        "dynattn run kuramoto.dyn transition -o runs/b",
    ),
    "E744": Entry(
        "no cluster",
        "A Dask scheduler has to answer at the address, with workers that have dynattn and its "
        "versions: `dask scheduler` on one machine, `dask worker ADDRESS --nthreads 1` on each.",
        "dynattn run kuramoto.dyn transition --cluster nowhere:8786",
        "dynattn run kuramoto.dyn transition --cluster tcp://10.0.0.1:8786",
    ),
    "E745": Entry(
        "other versions on a worker",
        "Numbers of other versions of dynattn, torch or numpy may differ in their last digits, and "
        "a sweep has the same ones whoever computes them.",
        "dynattn run kuramoto.dyn transition --cluster tcp://10.0.0.1:8786",
        "pip install -c constraints.txt 'dynattn[cluster]'   # on every machine",
    ),
    "E794": Entry(
        "a folder with another fit",
        "An interrupted fit goes on with the numbers that its folder holds in fit.npz, so it must "
        "be of the same spec, experiment, settings, seed and data; and the file must be whole.",
        "dynattn run measured.dyn fit -o runs/a --set N=5   # begun with N = 6",
        "dynattn run measured.dyn fit -o runs/b --set N=5",
    ),
}
