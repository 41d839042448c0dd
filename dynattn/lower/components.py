"""Certification at full size: single components, since plain loops can do no more there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy
import torch

from dynattn.diagnostics.report import NumericalError
from dynattn.lower.cases import Case, Numbers, draw_case, load_case, start_of_network
from dynattn.lower.certificate import COMPONENTS, Difference, difference
from dynattn.lower.quantities import Along, in_parts, module_outputs
from dynattn.model.delays import past_name
from dynattn.model.model import Model
from dynattn.network.build import Network
from dynattn.program.duals import Dual, jacobian
from dynattn.program.duals import in_parts as in_parts_of_dual
from dynattn.program.reference import Reference, TooManyEdges

if TYPE_CHECKING:
    from dynattn.lower.module import System

EDGE_LIMIT = 200_000
DIRECTIONS = 4
ATTEMPTS = 10


@dataclass(frozen=True)
class Component:
    """One number of a rate or an output; ``node`` is -1 where the output has no nodes."""

    quantity: str
    node: int
    number: int
    """Which of the node's coordinates, in C order."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What the reference makes of a component."""

    component: Component
    value: float
    slopes: Numbers
    """Along each direction."""


def compare_components(
    model: Model,
    network: Network,
    system: System,
    lengths: Mapping[str, int],
    rng: numpy.random.Generator,
) -> tuple[tuple[Difference, ...], int, int]:
    """Values, and slopes along random directions; how many components, and edges they took.

    Ends early where ``EDGE_LIMIT`` edge evaluations do not suffice for all ``COMPONENTS``.
    """
    for _ in range(ATTEMPTS):
        case = draw_case(model, system, lengths, rng)
        leaves = load_case(system, case)
        case = start_of_network(model, system, case)
        moving = case.tensor_states()
        if model.laws:
            leaves |= {name: array.requires_grad_() for name, array in moving.items()}
        try:
            found = _module_components(model, system, case, moving)
            break
        except NumericalError:  # at these numbers a layer does not come to rest
            continue
    else:
        return (), 0, 0
    directions = rng.standard_normal((case.entries(tuple(leaves)), DIRECTIONS))
    reference = case.reference(
        model, network, wrt=tuple(leaves), directions=directions, edge_limit=EDGE_LIMIT
    )
    answers = list(_answers(reference, _asked(found, reference, rng)))
    along = Along(list(leaves.values()), directions)
    compared = tuple(_by_quantity(found, answers, along, rng))
    return compared, len(answers), min(reference.edges, EDGE_LIMIT)


def _module_components(
    model: Model, system: System, case: Case, moving: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    time = torch.tensor(case.time, dtype=torch.float64)
    found: dict[str, torch.Tensor] = {}
    if model.laws:
        states = {name: moving[name] for name in model.states}
        system.signals = case.signals(model)
        past = {key: moving[past_name(key)] for key in system.late}
        rates = system.rates(time, states, past)
        found |= {f"rate {n}": _in_one_row(system, n, x) for n, x in rates.items()}
    if model.network:
        found |= module_outputs(model, system, case.tensor_inputs())
    return {name: in_parts(array) for name, array in found.items()}


def _in_one_row(system: System, state: str, rates: torch.Tensor) -> torch.Tensor:
    """Rates of pairs as those of sites, numbered as in the reference."""
    behind = len(system.model.states[state].shape)
    return rates.flatten(0, 1) if rates.dim() - behind == 2 else rates


def _asked(
    found: Mapping[str, torch.Tensor], reference: Reference, rng: numpy.random.Generator
) -> list[Component]:
    """Random components, low nodes first: along a causal sequence these need the fewest edges."""
    names = list(found)
    asked: list[Component] = []
    for _ in range(COMPONENTS):
        name = names[int(rng.integers(len(names)))]
        array = found[name]
        nodes = name.startswith("rate ") or reference.has_nodes(name.removeprefix("output "))
        node = int(rng.integers(array.shape[0])) if nodes else -1
        size = array[0].numel() if nodes else array.numel()
        asked.append(Component(name, node, int(rng.integers(size))))
    return sorted(asked, key=lambda component: component.node)


def _answers(reference: Reference, asked: Sequence[Component]) -> Iterator[Answer]:
    """The reference's numbers; components that are not finite are left out."""
    for component in asked:
        try:
            with numpy.errstate(all="ignore"):
                dual = in_parts_of_dual(_answer(reference, component.quantity, component.node))
        except TooManyEdges:
            return
        value = float(dual.value.reshape(-1)[component.number])
        slopes = jacobian(dual, DIRECTIONS).reshape(-1, DIRECTIONS)[component.number]
        if numpy.isfinite(value) and numpy.isfinite(slopes).all():
            yield Answer(component, value, slopes)


def _answer(reference: Reference, quantity: str, node: int) -> Dual:
    kind, _, name = quantity.partition(" ")
    if kind == "rate":
        return reference.rate(name, node)
    return reference.output_at(name, node) if node >= 0 else reference.output(name)


def _by_quantity(
    found: Mapping[str, torch.Tensor],
    answers: Sequence[Answer],
    along: Along,
    rng: numpy.random.Generator,
) -> Iterator[Difference]:
    for name, array in found.items():
        own = [answer for answer in answers if answer.component.quantity == name]
        if not own:
            continue
        entries = torch.stack([_entry(array, answer.component) for answer in own])
        values = numpy.asarray([answer.value for answer in own])
        yield difference("value at full size", name, entries.detach().numpy(), values)
        weights = rng.standard_normal(len(own))
        slopes = along.slopes((torch.from_numpy(weights) * entries).sum())
        expected = weights @ numpy.stack([answer.slopes for answer in own])
        yield difference("gradient at full size", name, slopes, expected)


def _entry(array: torch.Tensor, component: Component) -> torch.Tensor:
    row = array[component.node] if component.node >= 0 else array
    return row.reshape(-1)[component.number]
