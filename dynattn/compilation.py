"""The conductor: one spec on its way to a torch module, one cached property per stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Source

if TYPE_CHECKING:
    from dynattn.lower.module import System
    from dynattn.model.model import Model
    from dynattn.network.build import Network
    from dynattn.program.nodes import Program
    from dynattn.syntax.tree import SyntaxTree


@dataclass(frozen=True, eq=False)
class Compilation:
    """One spec, its settings and its seed; every stage runs on first use and is kept.

    ``overrides`` sets parameters by name (``{"K": 3.0}``). ``seed`` None means the spec's own.
    ``values`` are trained parameters by name (torch tensors), which ``build`` puts in place.
    """

    source: Source
    overrides: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    values: Mapping[str, Any] | None = field(default=None, repr=False)
    most_nodes: int | None = None
    """So many nodes at most are taken from a graph whose size no parameter sets."""

    @cached_property
    def tree(self) -> SyntaxTree:
        """The text's syntax tree, with what the spec inherits from others."""
        from dynattn.syntax.inherit import parse_whole

        return parse_whole(self.source)

    @cached_property
    def model(self) -> Model:
        """The checked model; SpecError with every mistake of the spec."""
        from dynattn.model.check import check

        return check(self.tree, self.overrides, self.most_nodes)

    @property
    def chosen_seed(self) -> int:
        """The seed in force: that given, else that of ``train``, else of the first experiment."""
        if self.seed is not None:
            return self.seed
        if self.model.training is not None:
            return self.model.training.seed
        return self.model.simulations[0].seed if self.model.simulations else 0

    @cached_property
    def network(self) -> Network:
        """The coupling graph, drawn with the seed in force."""
        from dynattn.network.build import build_network

        return build_network(self.model, seed=self.chosen_seed)

    @cached_property
    def program(self) -> Program:
        """The array program, rewritten by every pass; SpecError where a form does not fit."""
        from dynattn.program.asked_forms import refuse_unfitting
        from dynattn.program.build import build_program

        program = build_program(self.model, self.network)
        refuse_unfitting(program, self.model, self.network)
        return program

    @cached_property
    def program_of_draws(self) -> Program:
        """The array program for points that have draws of their own side by side."""
        from dynattn.network.side_by_side import side_by_side
        from dynattn.program.build import build_program

        network = side_by_side({0: self.network}, [0])
        return build_program(self.model, network, drawn=True)

    def build(self, seed: int | None = None, dtype: Any = None, device: Any = "cpu") -> System:
        """A fresh torch module, in float64 unless ``dtype`` says otherwise, with ``values`` set."""
        if seed is not None and seed != self.chosen_seed:
            return replace(self, seed=seed).build(dtype=dtype, device=device)
        import torch

        from dynattn.lower.module import build_system
        from dynattn.program.asked_forms import refuse_huge

        refuse_huge(self.program, self.model, self.network)

        return build_system(
            self.model,
            self.network,
            self.program,
            seed=self.chosen_seed,
            dtype=dtype or torch.float64,
            device=device,
            values=self.values,
        )
