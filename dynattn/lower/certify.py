"""Certification: a compiled module against the plain reference evaluation of the same spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy
import torch

from dynattn.diagnostics.report import Diagnostic, NumericalError, SpecError
from dynattn.lower.cases import Case, Numbers, draw_case, load_case, start_of_network
from dynattn.lower.certificate import Certificate, Difference, difference, worst
from dynattn.lower.components import compare_components
from dynattn.lower.evolving import EvolveRun
from dynattn.lower.quantities import (
    Along,
    in_parts,
    module_outputs,
    module_quantities,
    reference_quantities,
)
from dynattn.model.composition import Adaptive
from dynattn.model.model import Model
from dynattn.program import duals
from dynattn.program.duals import Dual, jacobian
from dynattn.program.evolving import STEPS
from dynattn.program.shrink import sequence_length, shrinkings, size_limits

if TYPE_CHECKING:
    from dynattn.lower.module import System

TOLERANCE = 1e-9
DRAWS = 3
ATTEMPTS = 10
MOST_ENTRIES = 6000
"""More states and parameters than these are moved along random directions, all at once."""
DIRECTIONS = 64
LONGEST = 64
"""Length of a sequence at full size, where neither training nor a limit says more."""


def certify(compilation: Any, *, seed: int = 0, tolerance: float = TOLERANCE) -> Certificate:
    """Compare value, Jacobian and gradient with the sizes shrunk, then components at full size.

    ``compilation`` is a ``Compilation``; its trained values are left aside, since every number is
    drawn anew. Raises NumericalError E651 or E652 where there is nothing that can be compared.
    """
    model = compilation.model
    if not model.laws and not model.network:
        problem = "this spec has no law and no network"
        fix = "give a state a drift or a coupling"
        raise NumericalError(Diagnostic("E652", problem, fix=fix))
    rng = numpy.random.default_rng(seed)
    small = shrunk(compilation)
    lengths = {dim.name: sequence_length(small.model) for dim in small.model.dims}
    found = worst(_compare_shrunk(small, lengths, rng))
    longest = {dim.name: full_length(model, dim.limit) for dim in model.dims}
    system = _in_plain_steps(replace(compilation, values=None).build().eval())
    full, components, edges = compare_components(model, compilation.network, system, longest, rng)
    return Certificate(
        (*found, *full), _named(small.model, lengths), _named(model, longest), components, edges,
        DRAWS, tolerance,
    )  # fmt: skip


def shrunk(compilation: Any) -> Any:
    """The same spec with its named sizes as small as spec and graph accept."""
    refusal: SpecError | None = None
    for overrides, most in shrinkings(compilation.model):
        sizes = {**compilation.overrides, **overrides}
        small = replace(compilation, overrides=sizes, values=None, most_nodes=most)
        try:
            _ = small.model, small.network, small.program
        except SpecError as error:
            refusal = error
        else:
            return small
    assert refusal is not None
    raise refusal


def full_length(model: Model, limit: int | None) -> int:
    """Length of a sequence at full size: that of training, the limit, or ``LONGEST``."""
    context = model.training.data.options.get("context") if model.training else None
    return int(context or limit or LONGEST)


def _named(model: Model, lengths: Mapping[str, int]) -> dict[str, int]:
    named = {name: model.sizes[name] for name in size_limits(model)}
    made = [p for p in model.populations if p.made_from is not None and not p.size.names]
    return {**named, **{p.name: p.size.value(model.sizes) for p in made}, **lengths}


def _compare_shrunk(
    small: Any, lengths: Mapping[str, int], rng: numpy.random.Generator
) -> Iterator[Difference]:
    system = _in_plain_steps(small.build().eval())
    for _ in range(DRAWS):
        trial = _finite_trial(small, system, lengths, rng)
        case = trial.case
        moving = {n: x.requires_grad_() for n, x in case.tensor_states().items()}
        leaves = {**load_case(system, case), **moving}
        found = module_quantities(small.model, system, case, moving)
        along = Along([leaves[name] for name in trial.wrt], trial.directions)
        for name, dual in trial.expected.items():
            yield from _compare(name, in_parts(found[name]), duals.in_parts(dual), along, rng)
        if small.model.network:
            yield from _compare_batch(small.model, system, case, lengths, rng)


def _in_plain_steps(system: System) -> System:
    """Layers that choose their steps take as many of one size as in the reference."""
    for run in system._runs:
        if isinstance(run, EvolveRun) and isinstance(run.evolution, Adaptive):
            run.evolution, run.steps = run.evolution.in_steps(STEPS), STEPS
    return system


@dataclass(frozen=True, eq=False)
class Trial:
    """A case, what the reference makes of it, and along what its slopes are."""

    case: Case
    expected: Mapping[str, Dual]
    wrt: tuple[str, ...]
    directions: Numbers | None


def _finite_trial(
    small: Any, system: System, lengths: Mapping[str, int], rng: numpy.random.Generator
) -> Trial:
    for _ in range(ATTEMPTS):
        case = draw_case(small.model, system, lengths, rng)
        free = load_case(system, case)
        case = start_of_network(small.model, system, case)
        wrt = (*free, *(case.tensor_states() if small.model.laws else ()))
        directions = None
        if case.entries(wrt) > MOST_ENTRIES:
            directions = rng.standard_normal((case.entries(wrt), DIRECTIONS))
        with numpy.errstate(all="ignore"):
            reference = case.reference(small.model, small.network, wrt=wrt, directions=directions)
            expected = reference_quantities(reference, case)
        if all(_finite(dual) for dual in expected.values()):
            return Trial(case, expected, wrt, directions)
    raise NumericalError(
        Diagnostic(
            "E651",
            f"the formulas of this spec gave no finite numbers at any of {ATTEMPTS} random states",
            fix="declare the ranges of the parameters: param a = 1.0 in 0.1 .. 5",
        )
    )


def _finite(dual: Dual) -> bool:
    return bool(numpy.isfinite(dual.value).all() and numpy.isfinite(jacobian(dual, 1)).all())


def _compare(
    name: str, found: torch.Tensor, expected: Dual, along: Along, rng: numpy.random.Generator
) -> Iterator[Difference]:
    yield difference("value", name, found.detach().numpy(), expected.value)
    slopes = jacobian(expected, along.count).reshape(expected.value.size, along.count)
    flat = found.reshape(-1)
    rows = numpy.zeros((len(flat), along.count))
    for number, entry in enumerate(flat.unbind()):
        rows[number] = along.slopes(entry)
    yield difference("jacobian", name, rows, slopes)
    weights = rng.standard_normal(len(rows))
    projected = along.slopes((torch.from_numpy(weights) * flat).sum())
    expected_gradient = weights[: len(slopes)] @ slopes if len(slopes) == len(rows) else slopes
    yield difference("gradient", name, projected, expected_gradient)


def _compare_batch(
    model: Model,
    system: System,
    case: Case,
    lengths: Mapping[str, int],
    rng: numpy.random.Generator,
) -> Iterator[Difference]:
    """Two samples side by side give what each gives alone."""
    if not case.inputs:
        return
    other = replace(case, inputs=draw_case(model, system, lengths, rng).inputs)
    first, second = case.tensor_inputs(), other.tensor_inputs()
    together = {name: torch.stack([first[name], second[name]]) for name in first}
    with torch.no_grad():
        try:
            alone = [module_outputs(model, system, inputs) for inputs in (first, second)]
        except NumericalError:  # the other sample does not come to rest
            return
        for name, array in module_outputs(model, system, together).items():
            expected = numpy.stack([part[name].numpy() for part in alone])
            yield difference("batch", name, array.numpy(), expected)
