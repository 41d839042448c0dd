"""``--emit``: a compiled spec as one readable PyTorch file, and the arrays that go beside it."""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.files import write_whole
from dynattn.lower import (
    attention_kernels,
    block_kernels,
    class_kernels,
    edge_kernels,
    kernels,
    rotations,
    sparse,
    sparse_kernels,
    sum_kernels,
)
from dynattn.lower.attention_kernels import BlockAttention
from dynattn.lower.code import wrapped
from dynattn.lower.emit_evolving import layer_class
from dynattn.lower.emit_functions import function_class, functions_of
from dynattn.lower.emit_model import NetworkWriter, field_class
from dynattn.lower.emit_module import Writer, _evolves, class_name, let_names, not_yet_in_a_file
from dynattn.lower.emit_text import (
    FIXED,
    GROUP,
    LIBRARY_SOLVE,
    LOAD,
    NETWORK_MAIN,
    OPTIONS,
    OWN_SOLVE,
    PARAMETER,
    QUIET,
    READ,
    SIMULATE_MAIN,
    TAKE_WEIGHTS,
)
from dynattn.lower.initial import in_double
from dynattn.lower.module import System, build_system
from dynattn.lower.pairs import as_pairs
from dynattn.lower.sparse import SparseProduct, WeighedProduct
from dynattn.lower.tolerances import tolerances
from dynattn.model.model import Model
from dynattn.model.plans import Simulation
from dynattn.program.nodes import Program
from dynattn.vocabulary.manifolds import MANIFOLDS
from dynattn.vocabulary.solvers import STRUCTURE_METHODS

if TYPE_CHECKING:
    from dynattn.network.build import Network


@dataclass(frozen=True)
class Emitted:
    """The text, and the arrays it reads from the ``.safetensors`` file of the same name."""

    text: str
    arrays: Mapping[str, Any]


LIKE = {"tsit5": "dopri5", "rodas5p": "scipy_solver"}
"""What stands in a file for an own method with adaptive steps: one of torchdiffeq's."""
INSTEAD = {
    "tsit5": "'s pair of the order of tsit5",
    "rodas5p": "'s way to SciPy, LSODA, which like rodas5p is made for stiff systems",
}


def emit(
    model: Model,
    network: Network,
    program: Program,
    *,
    seed: int | None = None,
    tableau: Any = None,
    main: str | None = None,
) -> Emitted:
    """The file of a model; ``tableau`` (nodes, stages, weights): of an own fixed-step method.

    Where the method of its first experiment is one of torchdiffeq's, or adaptive, it is None.
    ``main`` stands at the end of the file of a network instead of a look at its shapes.
    """
    system = build_system(model, network, program, seed=seed)
    _refuse_what_no_file_holds(system, tableau)
    writer = Writer(system, let_names(model))
    body = _network_file(writer, main) if program.steps else _field_file(writer, tableau)
    writer.stored.update({name: value.detach() for name, value in system.named_parameters()})
    return Emitted(_assembled(writer, body), writer.stored)


def _refuse_what_no_file_holds(system: System, tableau: Any) -> None:
    """SpecError E401 for what the functions of an emitted file know nothing of."""
    model = system.model
    laws = [*model.laws, *(law for layer in model.layers for law in layer.laws)]
    found = [("noise", law.noise.span) for law in laws if law.noise is not None]
    found += [("a pulse", term.span) for term in model.jumps]
    found += [("a signal", item.span) for item in model.inputs if item.signal]
    found += [("a delay", c.delay.span) for c in model.couplings if c.delay is not None]
    found += [
        (f"a network that begins with {name} as it is declared", model.states[name].span)
        for name in system.unset
    ]  # fmt: skip
    if model.simulations and not tableau and not model.network:
        found += [
            (f"the method '{model.simulations[0].method}' on {state.manifold}", state.span)
            for state in model.states.values() if MANIFOLDS[state.manifold.name].logarithmic
        ]  # fmt: skip
    found += [
        (f"the method '{item.method}'", item.span)
        for item in model.simulations[:1] if item.method in STRUCTURE_METHODS
    ]  # fmt: skip
    for word, span in found:
        fix = "use 'method rk4'" if "method" in word else "leave out --emit"
        raise not_yet_in_a_file(f"{word} in an emitted file", span, fix)


def emit_files(
    path: str | os.PathLike[str],
    model: Model,
    network: Network,
    program: Program,
    *,
    seed: int | None = None,
    tableau: Any = None,
    weights: Mapping[str, Any] | None = None,
    main: str | None = None,
    as_trained: bool = False,
) -> tuple[Path, ...]:
    """Write PATH and, where it reads arrays, the ``.safetensors`` beside it; gives their names.

    ``weights`` (a state_dict) replace the initial values of what training moves, in double
    precision, or ``as_trained`` in their own. ``main`` is that of ``emit``.
    """
    from safetensors.torch import save

    emitted = emit(model, network, program, seed=seed, tableau=tableau, main=main)
    target = Path(path)
    written = [target]
    arrays = dict(emitted.arrays)
    given = dict(weights or {})
    arrays.update(given if as_trained else {name: in_double(x) for name, x in given.items()})
    if arrays:
        beside = target.with_suffix(".safetensors")
        tensors, whole = as_pairs(arrays)
        write_whole(beside, save(tensors, {"complex": json.dumps(whole)} if whole else None))
        written.append(beside)
    write_whole(target, emitted.text)
    return tuple(written)


# --- the two kinds of file -----------------------------------------------------------------------


def _network_file(writer: Writer, main: str | None) -> str:
    classes, arguments = [], {}
    for step in _evolves(writer.system.program.steps):
        lines, arguments[step.layer] = layer_class(writer, step)
        classes.append("\n".join(lines))
    for name, (block, evolve) in functions_of(writer.system.program.steps).items():
        lines, arguments[name] = function_class(writer, name, block, evolve)
        classes.append("\n".join(lines))
    classes.append("\n".join(NetworkWriter(writer, arguments).lines()) + _load(writer))
    return "\n\n\n".join(classes) + "\n\n" + (_shapes_main(writer) if main is None else main)


def _shapes_main(writer: Writer) -> str:
    model = writer.model
    given = [item for item in model.inputs if item.name in writer.inputs]
    inputs = "\n".join(f"    {item.name} = {_sample(writer, item)}" for item in given)
    return NETWORK_MAIN.format(
        options=OPTIONS if writer.learns else "",
        model=class_name(model.name),
        load=TAKE_WEIGHTS if writer.learns else "",
        inputs=inputs,
        names=", ".join(item.name for item in given),
        output=writer.system.outputs[0],
    )


def _sample(writer: Writer, item: Any) -> str:
    """An input of the right shape, to show that the file runs."""
    sizes = {
        **{dim.name: min(16, dim.limit or 16) for dim in writer.model.dims},
        **writer.model.sizes,
    }
    shape = ", ".join(str(size.value(sizes)) for size in item.axes)
    if item.type.dtype == "integer":
        classes = item.type.classes.value(sizes) if item.type.classes is not None else 2
        return (
            f"torch.randint({classes}, (2, {shape}))"
            if shape
            else f"torch.randint({classes}, (2,))"
        )
    return f"torch.randn((2, {shape}), dtype=torch.float64)"


def _field_file(writer: Writer, tableau: Any) -> str:
    model = writer.model
    text = "\n".join(field_class(writer)) + _load(writer)
    simulation = model.simulations[0] if model.simulations else None
    if simulation is None or simulation.stop is None:
        return text + "\n"
    solver = (
        _own_solver(writer, simulation, tableau) if tableau else _library_solver(writer, simulation)
    )
    return f"{text}\n\n{solver}\n{_simulate_main(writer, simulation)}"


def _simulate_main(writer: Writer, simulation: Simulation) -> str:
    span = f"{simulation.start!r}, {simulation.stop!r}"
    count = 2
    if simulation.every:
        count = round((simulation.stop - simulation.start) / simulation.every) + 1  # type: ignore[operator]
    several = len(writer.model.states) > 1
    return SIMULATE_MAIN.format(
        options=OPTIONS if writer.learns else "",
        load=TAKE_WEIGHTS if writer.learns else "",
        model=class_name(writer.model.name),
        times=f"torch.linspace({span}, {count}, dtype=torch.float64)",
        sampled=f"range(0, len(times), {max(1, (count - 1) // 10)})",
        state="tuple(part[k] for part in path)" if several else "path[k]",
    )


def _load(writer: Writer) -> str:
    """The method that takes over weights, where there are any."""
    return "\n" + LOAD.rstrip() if writer.learns else ""


def _curved(writer: Writer) -> bool:
    """Whether some state lies on a manifold that a straight step leaves."""
    block = writer.system.program.retraction
    assert block is not None
    return any(node.op not in ("add", "state", "placeholder", "unsqueeze") for node in block.nodes)


def _library_solver(writer: Writer, simulation: Simulation) -> str:
    method = simulation.method.removeprefix("torchdiffeq.")
    instead, options = INSTEAD.get(method, ""), ""
    if simulation.step is not None:
        options = f', options={{"step_size": {simulation.step!r}}}'
    else:
        options = _tolerances(writer.model, simulation)
    if LIKE.get(method, method) == "scipy_solver":
        options += ', options={"solver": "LSODA"}'
    several = len(writer.model.states) > 1
    rate = "model"
    if _curved(writer):
        nothing = "tuple(0 * part for part in y)" if several else "0 * y"
        rate = f"lambda t, y: model(t, model.retract(y, {nothing}))"
    return LIBRARY_SOLVE.format(
        rate=rate, method=LIKE.get(method, method), options=options, instead=instead
    )


def _tolerances(model: Model, simulation: Simulation) -> str:
    """The keywords rtol and atol: a number, or one per state."""
    atol = simulation.rtol if simulation.atol is None else simulation.atol
    pairs = tolerances(model, simulation.rtol, atol).values()
    relative, absolute = (
        values[0] if len(set(values)) == 1 else values for values in zip(*pairs, strict=True)
    )
    return f", rtol={relative!r}, atol={absolute!r}"


def _own_solver(writer: Writer, simulation: Simulation, tableau: Any) -> str:
    if simulation.step is None:
        raise ValueError(f"the method {simulation.method} needs a step")
    several = len(writer.model.states) > 1
    if several:
        gathered = "tuple(torch.stack(parts) for parts in zip(*points, strict=True))"
        combined = (
            "steps = []\n    for parts in zip(*slopes, strict=True):\n        "
            "steps.append(h * sum(w * k for w, k in zip(weights, parts, strict=True)))\n    "
            "return model.retract(y, steps)"
        )
    else:
        gathered = "torch.stack(points)"
        combined = (
            "step = h * sum(w * k for w, k in zip(weights, slopes, strict=True))\n"
            "    return model.retract(y, step)"
        )
    return OWN_SOLVE.format(
        nodes=tableau.nodes,
        stages=tableau.stages,
        weights=tableau.weights,
        step=repr(simulation.step),
        gathered=gathered,
        combined=combined,
    )


# --- assembling ----------------------------------------------------------------------------------


def _assembled(writer: Writer, body: str) -> str:
    copied = _copied(writer, body)
    helpers = {"STORED": READ, "parameter(": PARAMETER, "fixed(": FIXED, "Group(": GROUP}
    parts = [text.strip("\n") for word, text in helpers.items() if word in body]
    parts += copied
    body = "\n".join(part for line in body.splitlines() for part in wrapped(line))
    code = re.sub(r"#.*|\"\"\".*?\"\"\"", "", body)
    text = "\n\n\n".join([*parts, body.strip("\n")]) + "\n"
    sizes = {
        name: value
        for name, value in writer.system.context.fixed.items()
        if re.search(rf"(?<![\w.\"]){name}(?![\w\"=])", code)
    }
    constants = "".join(f"{name} = {value}\n" for name, value in sizes.items())
    if "sparse_csr_tensor(" in text:
        constants += f"\n{QUIET}"
    gap = "\n\n" if constants else "" if text.startswith("DTYPES") else "\n"
    return f"{_head(writer)}\n{_imports(text)}\n{constants}{gap}{text}"


def _head(writer: Writer) -> str:
    model = writer.model
    title = model.doc.replace("\\", "\\\\").replace('"""', "'''") or model.name
    return f'"""{title}\n\nMade from the model {model.name} by dynattn compile --emit.\n"""\n'


def _imports(text: str) -> str:
    text += "warnings." if "sparse_csr_tensor(" in text else ""
    lines = [
        f"import {name}"
        for name in ("argparse", "json", "math", "warnings")
        if re.search(rf"\b{name}\.", text)
    ]
    lines += ["from pathlib import Path"] if "Path(" in text else []
    lines += [*([""] if lines else []), "import torch", "from torch import nn"]
    lines += ["from torch.nn import functional as F"] if re.search(r"\bF\.", text) else []
    lines += ["from torchdiffeq import odeint"] if "odeint(" in text else []
    return "\n".join(lines) + "\n"


CLASSES = (SparseProduct, WeighedProduct, BlockAttention, kernels.SineCosine)
"""Classes that the functions use."""


def _functions(item: Any) -> list[Any]:
    """The function itself, or those of a class."""
    if inspect.isfunction(item):
        return [item]
    held = [getattr(f, "__func__", f) for f in vars(item).values()]
    return [inspect.unwrap(f) for f in held if inspect.isfunction(f)]


def _names(code: CodeType) -> Iterator[str]:
    """The names that it reads from outside, comprehensions included."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _copied(writer: Writer, body: str) -> list[str]:
    """The sources of the functions that the body calls, and of those that they call."""
    wanted: dict[str, Any] = {}
    rooms = (
        kernels, attention_kernels, rotations, edge_kernels, sum_kernels, block_kernels,
        class_kernels, sparse_kernels, sparse,
    )  # fmt: skip
    queue = [function for function in writer.copies if f"{function.__name__}(" in body]
    while queue:
        function = queue.pop(0)
        if function.__name__ in wanted:
            continue
        wanted[function.__name__] = function
        names = dict.fromkeys(n for f in _functions(function) for n in _names(f.__code__))
        found = [getattr(room, name, None) for name in names for room in rooms]
        queue += [f for f in found if inspect.isfunction(f) or f in CLASSES]
    return [inspect.getsource(item).strip("\n") for item in reversed(list(wanted.values()))]
