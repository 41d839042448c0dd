"""A Program as a torch module: ``build_system`` makes a System, whose parameters read as in the spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dynattn.lower.context import Context, context_of, make_array
from dynattn.lower.initial import Initializer, draw_maker
from dynattn.lower.routine import Leaf, Routine, make_plan
from dynattn.lower.unroll import Use, copies_of, copy_name, unroll
from dynattn.model.model import Model, OutputStep, RepeatStep, Step
from dynattn.program.nodes import Block, Call, Evolve, Node, Program

if TYPE_CHECKING:
    from dynattn.network.build import Network

Evaluate = Callable[[Routine, dict[str, Any]], dict[str, Any]]
States = Mapping[str, Tensor]


@dataclass
class CallRun:
    """A block of the network; each result is kept under every key it is read by."""

    routine: Routine
    keys: tuple[tuple[str, str], ...]

    def run(self, environment: dict[str, Any], evaluate: Evaluate) -> None:
        """Evaluate and store."""
        results = evaluate(self.routine, environment)
        for name, key in self.keys:
            environment[key] = results[name]


@dataclass
class EvolveRun:
    """A layer at work for ``steps`` Euler steps of size 1."""

    rate: Routine
    retraction: Routine
    steps: int

    def run(self, environment: dict[str, Any], evaluate: Evaluate) -> None:
        """states <- retraction(states, rate), ``steps`` times."""
        for _ in range(self.steps):
            for name, value in evaluate(self.rate, environment).items():
                environment[f"placeholder v {name}"] = value
            for name, value in evaluate(self.retraction, environment).items():
                environment[f"state {name}"] = value


class System(nn.Module):
    """A model ready to compute.

    Learned parameters are ``nn.Parameter``; fixed ones are buffers that ``state_dict`` leaves out.
    Arrays are ``[batch..., nodes, coordinates...]`` with any number of batch axes.
    """

    def __init__(
        self, model: Model, network: Network, program: Program, initial: Initializer, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.model, self.network, self.program = model, network, program
        self.context = context_of(model, network)
        self.seed, self.repeat = initial.seed, initial.repeat
        _plant(self, "_fixed.origin", torch.zeros((), dtype=dtype), False)
        self._plant_parameters(initial, dtype)
        self.batched = frozenset(initial.batched)
        self._field = self._routine(program.field)
        self._retraction = self._routine(program.retraction)
        self._observe = self._routine(program.observe)
        self._records = self._routine(program.records)
        self._loss = self._routine(program.loss)
        self._runs = [self._run_of(use) for use in unroll(program.steps, model.sizes)]
        self._outputs = tuple(dict.fromkeys(_outputs(model.network)))
        self._dims = _dim_places(model)
        self._unset = self._states_read_first()

    # --- building -------------------------------------------------------------------------------

    def _plant_parameters(self, initial: Initializer, dtype: torch.dtype) -> None:
        copies = copies_of(self.program.steps, self.model.sizes)
        for parameter in self.model.parameters:
            if parameter.name not in initial.nodes:
                continue
            numbers = range(copies[parameter.layer]) if parameter.layer else (None,)
            for copy in numbers:
                value = initial.value(parameter, copy).to(dtype).contiguous().clone()
                name = copy_name(parameter.name, parameter.layer, copy)
                _plant(self, name, value, parameter.learned)

    def _routine(self, block: Block | None, copy: int | None = None) -> Routine | None:
        if block is None:
            return None
        makers = draw_maker(self.seed, self.repeat, lambda name: name)
        plan = make_plan(block, self.context, self.batched, makers)
        return Routine(plan, lambda leaf: self._find(leaf, copy), block.name)

    def _find(self, leaf: Leaf, copy: int | None) -> tuple[dict[str, Any], str]:
        """The table and key of a lasting leaf; fixed arrays are made when first asked for."""
        if leaf.kind == "parameter":
            owner = self.model.parameter[leaf.name]
            return _table(self, copy_name(owner.name, owner.layer, copy))
        if leaf.kind == "edges":
            return {"": len(self.context.edges(leaf.name).receivers)}, ""
        name = "origin" if leaf.kind == "origin" else "_".join(map(_word, leaf.name))
        if name not in self._fixed._buffers:
            array = torch.as_tensor(make_array(leaf.name, self.context))
            dtype = self.dtype if array.is_floating_point() else array.dtype
            _plant(self, f"_fixed.{name}", array.to(dtype), False)
        return self._fixed._buffers, name

    def _run_of(self, use: Use) -> CallRun | EvolveRun:
        match use.step:
            case Call(block):
                routine = self._routine(block)
                assert routine is not None
                return CallRun(routine, tuple(_kept(block, self.model)))
            case Evolve(layer, rate, retraction, steps):
                label = f"{layer}.{use.copy}"
                first, second = self._routine(rate, use.copy), self._routine(retraction, use.copy)
                assert first is not None and second is not None
                first.label = second.label = label
                return EvolveRun(first, second, steps.value(self.model.sizes))

    def _states_read_first(self) -> tuple[str, ...]:
        """States that the network reads before it sets them."""
        known: set[str] = set()
        missing: dict[str, None] = {}
        for run in self._runs:
            routines = [run.routine] if isinstance(run, CallRun) else [run.rate, run.retraction]
            for routine in routines:
                read = {key for key in routine.keys if key.startswith("state ")}
                missing.update(dict.fromkeys(read - known))
            if isinstance(run, CallRun):
                known.update(key for _, key in run.keys)
        return tuple(key.removeprefix("state ") for key in missing)

    # --- facts ----------------------------------------------------------------------------------

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of parameters and results."""
        return self._fixed._buffers["origin"].dtype

    @property
    def device(self) -> torch.device:
        """Where parameters and fixed arrays are."""
        return self._fixed._buffers["origin"].device

    @property
    def sizes(self) -> dict[str, int]:
        """The named sizes that are whole numbers (``N``, ``C``, ``H`` ...)."""
        return dict(self.model.sizes)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The batch axes of parameters given in batches; () without any."""
        shapes = [()]
        for name in self.batched:
            table, key = _table(self, name)
            parameter = self.model.parameter[name]
            rank = len(parameter.shape) + (parameter.place.kind != "global")
            shapes.append(tuple(table[key].shape[: table[key].dim() - rank]))
        return tuple(torch.broadcast_shapes(*shapes))

    # --- states and fields ----------------------------------------------------------------------

    def initial_states(self, **dims: int) -> dict[str, Tensor]:
        """[batch..., nodes, coordinates...] of every state, from the seed; ``dims``: lengths (T=50)."""
        nodes = dict(self.program.initial.outputs)
        environment = {f"dim {name}": value for name, value in dims.items()}
        sizes = {**self.model.sizes, **dims}
        result = {}
        for name, state in self.model.states.items():
            routine = self._routine(Block(name, ((name, nodes[name]),)))
            assert routine is not None
            population = self.model.population[state.population]
            shape = [size.value(sizes) for size in (population.size, *state.shape)]
            result[name] = routine(environment)[name].expand((*self.batch_shape, *shape)).clone()
        return result

    def rates(self, t: float | Tensor, states: States) -> dict[str, Tensor]:
        """The rate of change of every state, in its shape."""
        assert self._field is not None, "every law of this model stands in a layer"
        results = self._field(self._environment(t, states))
        return {name: value.expand(states[name].shape) for name, value in results.items()}

    def retract(self, states: States, steps: States) -> dict[str, Tensor]:
        """Where the tangent steps lead from the states."""
        assert self._retraction is not None, "every law of this model stands in a layer"
        environment = self._environment(0.0, states)
        environment.update({f"placeholder v {name}": step for name, step in steps.items()})
        results = self._retraction(environment)
        return {name: value.expand(states[name].shape) for name, value in results.items()}

    def observe(self, t: float | Tensor, states: States) -> dict[str, Tensor]:
        """The observables by name."""
        return {} if self._observe is None else self._observe(self._environment(t, states))

    def record(self, t: float | Tensor, states: States) -> dict[str, Tensor]:
        """What the experiments record, by label."""
        return {} if self._records is None else self._records(self._environment(t, states))

    def _environment(self, t: float | Tensor, states: States) -> dict[str, Any]:
        time = t if isinstance(t, Tensor) else torch.as_tensor(t, dtype=self.dtype, device=self.device)
        environment: dict[str, Any] = {f"state {name}": value for name, value in states.items()}
        environment["time"] = time
        for name, (kind, key, axis) in self._dims.items():
            if kind == "state":
                environment[f"dim {name}"] = states[key].shape[axis]
        return environment

    # --- the network ----------------------------------------------------------------------------

    def forward(self, *arguments: Any, **named: Any) -> Any:
        """With a network: inputs, in order or by name, to the output (a dict where there are several).

        Without: ``forward(t, y)`` is the field in torchdiffeq's convention, y a Tensor or a tuple.
        """
        if not self._runs:
            return self._right_hand_side(*arguments, **named)
        environment = self._network(self._inputs(arguments, named), _plain)
        outputs = {name: environment[f"output {name}"] for name in self._outputs}
        return outputs if len(outputs) > 1 else outputs[self._outputs[0]]

    def _right_hand_side(self, t: Tensor, y: Any) -> Any:
        names = tuple(self.model.states)
        single = isinstance(y, Tensor)
        rates = self.rates(t, dict(zip(names, (y,) if single else y, strict=True)))
        return rates[names[0]] if single else tuple(rates[name] for name in names)

    def _inputs(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """The environment of a sample: inputs and the lengths that are its own."""
        names = [item.name for item in self.model.inputs]
        values = {**dict(zip(names, arguments, strict=False)), **named}
        if len(arguments) > len(names) or set(values) - set(names):
            raise TypeError(f"this network takes the inputs {', '.join(names)}")
        environment: dict[str, Any] = {}
        for item in self.model.inputs:
            if item.name in values:
                value = values[item.name]
                environment[f"input {item.name}"] = (
                    value.long() if item.type.dtype == "integer" else value.to(self.dtype)
                )
        for name, (kind, key, axis) in self._dims.items():
            if kind == "input" and key in values:
                environment[f"dim {name}"] = values[key].shape[axis]
        return environment

    def _network(self, environment: dict[str, Any], evaluate: Evaluate) -> dict[str, Any]:
        if self._unset:
            dims = {key[4:]: value for key, value in environment.items() if key.startswith("dim ")}
            first = self.initial_states(**dims)
            environment.update({f"state {name}": first[name] for name in self._unset})
        for run in self._runs:
            run.run(environment, evaluate)
        return environment

    def loss(self, **inputs: Any) -> dict[str, Tensor]:
        """``loss`` and what training records, by label, as scalars."""
        assert self._loss is not None, "this model has no train block"
        return self._loss(self._network(self._inputs((), inputs), _plain))

    # --- looking inside -------------------------------------------------------------------------

    @torch.no_grad()
    def trace_nan(
        self, t: float | Tensor = 0.0, states: States | None = None, **inputs: Any
    ) -> Node | None:
        """The first Node (its span names the line of the spec) whose value is not finite, or None."""
        found: list[Node] = []

        def evaluate(routine: Routine, environment: dict[str, Any]) -> dict[str, Any]:
            results, slots = routine.watched(environment)
            for step in routine.plan.instructions:
                if not found and not _finite(slots[step.result]):
                    found.append(step.node)
            return results

        if states is not None and self._field is not None:
            evaluate(self._field, self._environment(t, states))
        else:
            self._network(self._inputs((), inputs), evaluate)
        return found[0] if found else None

    @torch.no_grad()
    def attention_weights(self, **inputs: Any) -> list[tuple[str, str, Tensor]]:
        """(copy of the layer, coupling, weights [batch..., heads, receivers, senders]) for pictures.

        The T x T weights are made here only; computing never needs them.
        """
        found: list[tuple[str, str, Tensor]] = []

        def evaluate(routine: Routine, environment: dict[str, Any]) -> dict[str, Any]:
            results, slots = routine.watched(environment)
            for step in routine.plan.instructions:
                if step.node.op == "attention":
                    coupling = step.node.payload
                    q, k = (slots[place] for place in step.arguments[:2])
                    causal = self.context.edges(coupling).kind == "causal"
                    found.append((routine.label, coupling, _weights(q, k, causal, len(step.node.type.shape) == 2)))
                elif step.node.op == "edge_softmax" and step.node.type.place.kind == "pairs":
                    weights = _heads_first(slots[step.result], step.node)
                    found.append((routine.label, step.node.payload, weights))
            return results

        self._network(self._inputs((), inputs), evaluate)
        return found


def _plain(routine: Routine, environment: dict[str, Any]) -> dict[str, Any]:
    return routine(environment)


def _finite(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_finite, value))
    return not isinstance(value, Tensor) or bool(torch.isfinite(value).all())


def _weights(q: Tensor, k: Tensor, causal: bool, heads: bool) -> Tensor:
    q, k = (a.transpose(-3, -2) if heads else a.unsqueeze(-3) for a in (q, k))
    scores = q @ k.mT
    if causal:
        allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~allowed, -torch.inf)
    return scores.softmax(-1)


def _heads_first(weights: Tensor, node: Node) -> Tensor:
    """[.., receivers, senders, H] -> [.., H, receivers, senders]; one head where there are none."""
    return weights.movedim(-1, -3) if len(node.type.shape) else weights.unsqueeze(-3)


def _word(part: Any) -> str:
    text = str(part)
    return text.replace(".", "_") if text.replace(".", "_").isidentifier() or text.isdigit() else (
        str(abs(hash(text))))  # fmt: skip


def _plant(root: nn.Module, name: str, value: Tensor, learned: bool) -> None:
    """Put a tensor at a dotted name below ``root``, making modules on the way.

    Written into torch's own tables: a spec may call a parameter ``loss`` or a population ``train``,
    which ``register_parameter`` refuses as the name of a method.
    """
    *path, last = name.split(".")
    for part in path:
        root = root._modules.setdefault(part, nn.Module())  # type: ignore[assignment]
    if learned:
        root._parameters[last] = nn.Parameter(value)
        return
    root._buffers[last] = value
    root._non_persistent_buffers_set.add(last)


def _table(root: nn.Module, name: str) -> tuple[dict[str, Any], str]:
    """The table that holds the tensor of a dotted name, and its key there."""
    *path, last = name.split(".")
    for part in path:
        root = root._modules[part]  # type: ignore[assignment]
    return (root._parameters if last in root._parameters else root._buffers), last


def _kept(block: Block, model: Model) -> list[tuple[str, str]]:
    """For each result of a Call the environment's keys: a state, a variable, an output."""
    outputs = set(_outputs(model.network))
    keys = []
    for name, _ in block.outputs:
        keys.append((name, f"state {name}" if name in model.states else f"variable {name}"))
        if name in outputs:
            keys.append((name, f"output {name}"))
    return keys


def _outputs(steps: Sequence[Step]) -> list[str]:
    found: list[str] = []
    for step in steps:
        match step:
            case OutputStep(name, _):
                found.append(name)
            case RepeatStep(_, _, inner):
                found.extend(_outputs(inner))
    return found


def _dim_places(model: Model) -> dict[str, tuple[str, str, int]]:
    """Where each dim's length is read: an axis, counted from the end, of an input or a state."""
    places: dict[str, tuple[str, str, int]] = {}
    for dim in model.dims:
        for item in model.inputs:
            for axis, size in enumerate(item.axes):
                if str(size) == dim.name:
                    places.setdefault(dim.name, ("input", item.name, axis - len(item.axes)))
        for state in model.states.values():
            if str(model.population[state.population].size) == dim.name:
                places.setdefault(dim.name, ("state", state.name, -len(state.shape) - 1))
    return places


def build_system(
    model: Model,
    network: Network,
    program: Program,
    *,
    seed: int | None = None,
    repeat: int = 0,
    dtype: torch.dtype = torch.float64,
    device: str | torch.device = "cpu",
    values: Mapping[str, Any] | None = None,
) -> System:
    """The torch module of a program.

    ``values`` override initial values by name (``K``, ``osc.omega``, ``attend.0.eta``; ``attend.eta``
    for all copies); what is computed from them follows. A value with axes in front of the declared
    ones is a batch of points: K of shape [P] goes with states [P, N]. Inside, it is seen as [P, 1],
    axes of size 1 standing where node and coordinate axes of the other operands are.
    """
    given = dict(values or {})
    context = context_of(model, network)
    _check_names(model, program, given, context)
    chosen = default_seed(model) if seed is None else seed
    initial = Initializer(program.initial, context, chosen, repeat, given)
    return System(model, network, program, initial, dtype).to(device)


def _check_names(
    model: Model, program: Program, given: Mapping[str, Any], context: Context
) -> None:
    copies = copies_of(program.steps, model.sizes)
    known = {parameter.name for parameter in model.parameters}
    for parameter in model.parameters:
        if parameter.layer:
            numbers = range(copies[parameter.layer])
            known |= {copy_name(parameter.name, parameter.layer, copy) for copy in numbers}
    for name in given:
        if name not in known:
            raise ValueError(f"{name} is no parameter of {model.name}")
        if name in context.fixed:
            raise ValueError(f"{name} is a size of {model.name}: set it where the spec is loaded")


def default_seed(model: Model) -> int:
    """The seed of the first experiment, or 0: training's where the model trains."""
    if model.training is not None:
        return model.training.seed
    return model.simulations[0].seed if model.simulations else 0
