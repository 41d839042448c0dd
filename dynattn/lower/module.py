"""A Program as a torch module: ``build_system`` makes a System, named as in the spec."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dynattn.lower import lengths
from dynattn.lower.binding import (
    Binder,
    CallRun,
    plant,
    put_first_states,
    read_before_set,
    table_of,
)
from dynattn.lower.context import Context, context_of
from dynattn.lower.draws import Repeat
from dynattn.lower.first_states import first_states
from dynattn.lower.held import holding
from dynattn.lower.initial import (
    Initializer,
    declared_shape,
    default_seed,
    full_name,
)
from dynattn.lower.inspection import attention_in, first_not_finite
from dynattn.lower.losses import losses_of
from dynattn.lower.past import Past, at_rest, environment_of, every_edge
from dynattn.lower.routine import Routine
from dynattn.lower.signals import Signal
from dynattn.lower.unroll import unroll
from dynattn.lower.white import Drawn, White
from dynattn.model.delays import all_past
from dynattn.model.model import Model
from dynattn.program.copies import layer_uses, output_names, output_ranks, parameter_arrays
from dynattn.program.nodes import Block, Node, Program

if TYPE_CHECKING:
    from dynattn.lower.binding import Evaluate
    from dynattn.network.build import Network

States = Mapping[str, Tensor]


class System(nn.Module):
    """A model ready to compute.

    Learned parameters are ``nn.Parameter``; fixed ones are buffers that ``state_dict`` leaves out.
    Arrays are ``[batch..., nodes, coordinates...]`` with any number of batch axes.
    """

    def __init__(
        self,
        model: Model,
        network: Network,
        program: Program,
        initial: Initializer,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.model, self.network, self.program = model, network, program
        self.context = context_of(model, network)
        plant(self, "_fixed.origin", torch.zeros((), dtype=dtype), False)
        self._plant_parameters(initial, dtype)
        self.batched = frozenset(initial.batched)
        binder = Binder(self, self.context, self.batched, initial.seed, initial.repeat)
        self._binder = [binder]  # in a list: the binder holds this module, which is no part of it
        self._field = binder.optional(program.field)
        self._retraction = binder.optional(program.retraction)
        self._observe = binder.optional(program.observe)
        self._records = binder.optional(program.records)
        self.losses, self.objective = losses_of(program.loss, binder.routine)
        self._noise = binder.optional(program.noise)
        self._jumps = binder.optional(program.jumps)
        self._delays = binder.optional(program.delays)
        self.late = tuple(term.payload for term in all_past(model))
        self.seed, self.repeat = initial.seed, initial.repeat
        self.white: White = Drawn(initial.seed, initial.repeat)
        """Where the noise of layers comes from."""
        uses = unroll(program.steps, model.sizes)
        self._runs = [run for use in uses for run in binder.runs_of(use)]
        self.signals: Mapping[str, Signal] = {}
        """What signals are, by input: the field reads them at its own time."""
        self.outputs = output_names(model.network)
        self.dims = lengths.dim_places(model)
        self.unset = read_before_set(self._runs)
        """States that the network reads before it sets them: they start as they are declared."""

    def _plant_parameters(self, initial: Initializer, dtype: torch.dtype) -> None:
        uses = layer_uses(self.model.network, self.model.sizes)
        for parameter in self.model.parameters:
            copies = range(uses.get(parameter.layer, 0)) if parameter.layer else (None,)
            for copy in copies:
                value = initial.value(parameter, copy)
                value = value.to(dtype.to_complex() if value.is_complex() else dtype)
                value = value.contiguous().clone()
                plant(self, full_name(parameter, copy), value, parameter.learned)

    # --- facts ----------------------------------------------------------------------------------

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of parameters and results."""
        return self._binder[0].origin.dtype

    @property
    def device(self) -> torch.device:
        """Where parameters and fixed arrays are."""
        return self._binder[0].origin.device

    @property
    def sizes(self) -> dict[str, int]:
        """The named sizes that are whole numbers (``N``, ``C``, ``H`` ...)."""
        return dict(self.model.sizes)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The batch axes of parameters given in batches, and of draws; () without any."""
        shapes = [(len(self.repeat),) if isinstance(self.repeat, tuple) else ()]
        for name in self.batched:
            table, key = table_of(self, name)
            rank = len(declared_shape(self.model.parameter[name], self.context))
            shapes.append(tuple(table[key].shape[: table[key].dim() - rank]))
        return tuple(torch.broadcast_shapes(*shapes)) if any(shapes) else ()

    def held(self) -> AbstractContextManager[None]:
        """Inside, what depends on parameters alone is computed once; they must not change there."""
        return holding(self._field, self._noise, self._retraction)

    # --- states and fields ----------------------------------------------------------------------

    def initial_states(self, **dims: int) -> dict[str, Tensor]:
        """[batch..., nodes, coordinates...] of every state, from the seed; ``dims``: ``T=50``."""
        return first_states(self, self._binder[0], dims)

    def redrawn_states(self, repeat: int) -> dict[str, Tensor]:
        """As ``initial_states``, drawn as another repeat would draw them."""
        return first_states(self, replace(self._binder[0], repeat=repeat), {})

    def own_starts(self, **dims: int) -> dict[str, Tensor]:
        """What the layers' own states are drawn as, by copy: ``attend.0.token.z``."""
        found: dict[str, Tensor] = {}
        for run in self._runs:
            if not isinstance(run, CallRun):
                found |= run.draws({f"dim {name}": value for name, value in dims.items()})
        return found

    def rates(
        self, t: float | Tensor, states: States, past: Past | None = None
    ) -> dict[str, Tensor]:
        """The rate of change of every state, in its shape; with delays ``past`` must be given."""
        assert self._field is not None, "every law of this model stands in a layer"
        environment = self._environment(t, states)
        if self.late:
            environment |= environment_of(self, past)
        shapes = {name: x.shape for name, x in states.items()}
        results = self._field(environment).items()
        return {n: x if x.shape == shapes[n] else x.expand(shapes[n]) for n, x in results}

    def layer_rates(
        self, layer: str, states: States, copy: int = 0, t: float | Tensor = 0.0
    ) -> dict[str, Tensor]:
        """The rate of change that one copy of a layer gives the states it moves, in their shapes.

        ``copy`` counts the uses of the layer in the network; ValueError where there is none such.
        """
        label = f"{layer}.{copy}"
        rates = (run.rate for run in self._runs if not isinstance(run, CallRun))
        rate = next((routine for routine in rates if routine.label == label), None)
        if rate is None:
            raise ValueError(f"the network of {self.model.name} has no {label}")
        environment = self._environment(t, states)
        for name, value in states.items():
            state = self.model.states[name]
            if state.coupling:
                continue
            size = self.model.population[state.population].size
            environment[f"dim {size}"] = value.shape[-len(state.shape) - 1]
        results = rate(environment)
        return {name: value.expand(states[name].shape) for name, value in results.items()}

    def retract(self, states: States, steps: States) -> dict[str, Tensor]:
        """Where the tangent steps lead from the states."""
        assert self._retraction is not None, "every law of this model stands in a layer"
        environment = self._environment(0.0, states)
        environment.update({f"placeholder v {name}": step for name, step in steps.items()})
        results = self._retraction(environment)
        return {name: value.expand(states[name].shape) for name, value in results.items()}

    @property
    def noisy(self) -> tuple[str, ...]:
        """The states whose laws hold noise."""
        return tuple(law.state for law in self.model.laws if law.noise is not None)

    def diffuse(self, t: float | Tensor, states: States, white: States) -> dict[str, Tensor]:
        """The tangent vectors that increments of independent Wiener processes lead to."""
        assert self._noise is not None, "no law of this model holds noise"
        environment = self._environment(t, states)
        environment.update({f"placeholder W' {name}": value for name, value in white.items()})
        results = self._noise(environment)
        return {name: value.expand(states[name].shape) for name, value in results.items()}

    def delays(self) -> dict[str, Tensor]:
        """How late each coupling with a delay is: [batch...], or [batch..., edges].

        Over everyone and causal a delay per edge is one per pair, [batch..., receivers, senders].
        """
        found = {} if self._delays is None else self._delays({})
        return {name: every_edge(self, name, tau) for name, tau in found.items()}

    def routine(self, block: Block) -> Routine:
        """A block of the program's nodes, bound to this module's tensors."""
        return self._binder[0].routine(block)

    def jumps(self) -> tuple[float, ...]:
        """The times at which a rate jumps, ascending; those of all points of a batch."""
        if self._jumps is None:
            return ()
        found = self._jumps({}).values()
        times = (float(t) for value in found for t in torch.as_tensor(value).reshape(-1).tolist())
        return tuple(sorted(set(times)))

    def observe(self, t: float | Tensor, states: States) -> dict[str, Tensor]:
        """The observables by name."""
        return {} if self._observe is None else self._observe(self._environment(t, states))

    def record(self, t: float | Tensor, states: States) -> dict[str, Tensor]:
        """What the experiments record, by label."""
        return {} if self._records is None else self._records(self._environment(t, states))

    def _environment(self, t: float | Tensor, states: States) -> dict[str, Any]:
        time = t if isinstance(t, Tensor) else self._binder[0].origin.new_tensor(t)
        environment: dict[str, Any] = {f"state {name}": value for name, value in states.items()}
        environment["time"] = time
        environment |= {"training": self.training, "white": self.white}
        for item in self.model.inputs:
            if item.signal:
                environment[f"input {item.name}"] = self._signal(item.name).at(time)
        for name, (kind, key, axis) in self.dims.items():
            if kind == "state":
                environment[f"dim {name}"] = states[key].shape[axis]
        return environment

    def _signal(self, name: str) -> Signal:
        if name not in self.signals:
            raise TypeError(f"the signal '{name}' has no samples: set system.signals")
        return self.signals[name]

    # --- the network ----------------------------------------------------------------------------

    def forward(self, *arguments: Any, **named: Any) -> Any:
        """With a network: inputs, in order or by name, to the output (a dict of several).

        Samples of different lengths: a list per input to a list of outputs, exactly as one by one.

        Without: ``forward(t, y)`` is the field in torchdiffeq's convention, y a Tensor or a tuple.
        """
        if not self._runs:
            return self._right_hand_side(*arguments, **named)
        values = lengths.named_inputs(self.model, arguments, named)
        outputs = self._ragged(values) if lengths.is_ragged(values) else self._outputs(values)
        return outputs if len(outputs) > 1 else outputs[self.outputs[0]]

    def _outputs(self, values: Mapping[str, Any]) -> dict[str, Tensor]:
        environment = self.environment(values)
        return {name: environment[f"output {name}"] for name in self.outputs}

    def _ragged(self, values: Mapping[str, Any]) -> dict[str, list[Tensor]]:
        groups = lengths.in_groups(self.model, values)
        found = [self._outputs(group.inputs) for group in groups]
        ranks = output_ranks(self.model.network)
        return {
            name: lengths.apart(groups, [o[name] for o in found], ranks[name])
            for name in self.outputs
        }

    def _right_hand_side(self, t: Tensor, y: Any) -> Any:
        names = tuple(self.model.states)
        single = isinstance(y, Tensor)
        rates = self.rates(t, dict(zip(names, (y,) if single else y, strict=True)))
        return rates[names[0]] if single else tuple(rates[name] for name in names)

    def environment(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Everything the network makes of samples of one length, by kind and name."""
        self.white.begin()
        return self._network(lengths.input_environment(self, inputs), evaluate_plainly)

    def _network(self, environment: dict[str, Any], evaluate: Evaluate) -> dict[str, Any]:
        put_first_states(self, environment)
        for run in self._runs:
            run.run(environment, evaluate)
        return environment

    def loss(self, **inputs: Any) -> dict[str, Tensor]:
        """``loss`` and what training records, by label, as scalars; inputs as in ``forward``."""
        assert self.losses is not None, "this model has no train block"
        groups = lengths.in_groups(self.model, lengths.named_inputs(self.model, (), inputs))
        found = [self.environment(group.inputs) for group in groups]
        return self.losses(lambda: found, self.training)

    # --- looking inside -------------------------------------------------------------------------

    @torch.no_grad()
    def trace_nan(
        self, t: float | Tensor = 0.0, states: States | None = None, **inputs: Any
    ) -> Node | None:
        """The first Node (its span names the line of the spec) whose value is not finite, or None.

        Looks at the field where states are given, else at the network with these inputs and the
        noise of its last call.
        """
        found: list[Node] = []

        def evaluate(routine: Routine, environment: dict[str, Any]) -> dict[str, Any]:
            results, slots = routine.watched(environment)
            node = first_not_finite(routine, slots)
            found.extend([] if node is None else [node])
            return results

        if states is not None and self._field is not None:
            past = environment_of(self, at_rest(self, states))
            evaluate(self._field, self._environment(t, states) | past)
        else:
            groups = lengths.in_groups(self.model, inputs)
            self.white.call -= len(groups)  # the noise of the last call once more
            for group in groups:
                self.white.begin()
                self._network(lengths.input_environment(self, group.inputs), evaluate)
        return found[0] if found else None

    @torch.no_grad()
    def attention_weights(self, **inputs: Any) -> list[tuple[str, str, Tensor]]:
        """(copy of the layer, coupling, weights [batch..., heads, receivers, senders]).

        The T x T weights are made here only; computing never needs them.
        """
        found: list[tuple[str, str, Tensor]] = []

        def evaluate(routine: Routine, environment: dict[str, Any]) -> dict[str, Any]:
            results, slots = (routine := routine.whole()).watched(environment)
            found.extend(attention_in(routine, slots, self.context))
            return results

        self.white.call -= 1
        self.white.begin()
        self._network(lengths.input_environment(self, inputs), evaluate)
        return found


def evaluate_plainly(routine: Routine, environment: dict[str, Any]) -> dict[str, Any]:
    """Run a routine, and nothing else."""
    return routine(environment)


def build_system(
    model: Model,
    network: Network,
    program: Program,
    *,
    seed: int | None = None,
    repeat: Repeat = 0,
    dtype: torch.dtype = torch.float64,
    device: str | torch.device = "cpu",
    values: Mapping[str, Any] | None = None,
) -> System:
    """The torch module of a program.

    ``values`` override initial values by name (``K``, ``osc.omega``, ``attend.0.eta``, or
    ``attend.eta`` for all copies); what is computed from them follows. A value with axes in front
    of the declared ones is a batch of points: K of shape [P] goes with states [P, N]; inside it is
    [P, 1], with axes of size 1 for those of other operands. With a ``repeat`` for each of P points
    what is drawn has an axis of points in front.
    """
    given = dict(values or {})
    context = context_of(model, network)
    _check_names(model, given, context)
    chosen = default_seed(model) if seed is None else seed
    initial = Initializer(program.initial, context, chosen, repeat, given)
    return System(model, network, program, initial, dtype).to(device)


def _check_names(model: Model, given: Mapping[str, Any], context: Context) -> None:
    known = {parameter.name for parameter in model.parameters} | set(parameter_arrays(model))
    for name in given:
        if name not in known:
            raise ValueError(f"{name} is no parameter of {model.name}")
        if name in context.fixed:
            raise ValueError(f"{name} is a size of {model.name}: set it where the spec is loaded")
