"""Optimisers: torch's own, by name, with weight decay only where it has a meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Collector
from dynattn.learn.options import Option, find_entry, read_options
from dynattn.model.parts import Parameter
from dynattn.model.plans import Choice

if TYPE_CHECKING:
    import torch

_FLAT = ("real", "complex")
"""Manifolds on which zero is a point like any other, so that decay towards it makes sense."""


@dataclass(frozen=True)
class Optimizer:
    """One optimiser. ``make(groups, options)`` returns torch's."""

    name: str
    options: tuple[Option, ...]
    make: Callable[[list[dict[str, Any]], Mapping[str, Any]], torch.optim.Optimizer]


def _adam_like(name: str) -> Callable[..., Any]:
    def make(groups: list[dict[str, Any]], options: Mapping[str, Any]) -> Any:
        import torch

        kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[name]
        first, second = options["betas"]
        return kind(groups, lr=options["lr"], betas=(first, second), eps=options["eps"])

    return make


def _sgd(groups: list[dict[str, Any]], options: Mapping[str, Any]) -> Any:
    import torch

    return torch.optim.SGD(groups, lr=options["lr"], momentum=options["momentum"])


_RATE = Option("lr", "number", 1e-3, low=0, high=1e6, above=True)
_DECAY = (
    Option("weight_decay", "number", 0.0, low=0),
    Option("decay", "word", "all", words=("all", "matrices")),
)
_MOMENTS = (
    Option("betas", "numbers", (0.9, 0.999), low=0, high=1, length=(2,)),
    Option("eps", "number", 1e-8, low=0, above=True),
)

_ENTRIES = (
    Optimizer("adamw", (_RATE, *_MOMENTS, *_DECAY), _adam_like("adamw")),
    Optimizer("adam", (_RATE, *_MOMENTS, *_DECAY), _adam_like("adam")),
    Optimizer("sgd", (_RATE, Option("momentum", "number", 0.0, low=0, high=1), *_DECAY), _sgd),
)

OPTIMIZERS: dict[str, Optimizer] = {entry.name: entry for entry in _ENTRIES}


@dataclass(frozen=True)
class OptimizerChoice:
    """An optimiser with its options filled in."""

    optimizer: Optimizer
    options: Mapping[str, Any]

    @property
    def rate(self) -> float:
        """The learning rate before the schedule."""
        return self.options["lr"]


def read_optimizer(choice: Choice, found: Collector) -> OptimizerChoice:
    """The optimiser of ``train``; mistakes go to ``found``."""
    entry = find_entry(OPTIMIZERS, choice, "optimizer", "E520", found)
    values = read_options(choice, entry.options, found) if entry else {}
    return OptimizerChoice(entry or OPTIMIZERS["adamw"], values)


def decays(parameter: Parameter, reach: str) -> bool:
    """Whether weight decay reaches a learned value; never where it is a point of a manifold."""
    if parameter.manifold is not None and parameter.manifold.name not in _FLAT:
        return False
    return reach == "all" or parameter.role == "matrix"


def declared_parameter(name: str, parameters: Mapping[str, Parameter]) -> Parameter:
    """The declaration of a torch parameter: ``attend.2.eta`` is a copy of ``attend.eta``."""
    if name in parameters:
        return parameters[name]
    return parameters[".".join(part for part in name.split(".") if not part.isdigit())]


def make_optimizer(
    chosen: OptimizerChoice,
    named: Iterable[tuple[str, Any]],
    parameters: Mapping[str, Parameter],
) -> torch.optim.Optimizer:
    """torch's optimiser over the named parameters: one group that decays and one that does not."""
    reach, strength = chosen.options["decay"], chosen.options["weight_decay"]
    groups: dict[bool, list[Any]] = {True: [], False: []}
    for name, value in named:
        groups[decays(declared_parameter(name, parameters), reach)].append(value)
    return chosen.optimizer.make(
        [
            {"params": values, "weight_decay": strength if decaying else 0.0}
            for decaying, values in groups.items()
            if values
        ],
        chosen.options,
    )
