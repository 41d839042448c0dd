"""What a network has: its outputs, and the copies of its layers' parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dynattn.model.composition import (
    AssignStep,
    CallStep,
    LayerStep,
    OutputStep,
    RepeatStep,
    Step,
)
from dynattn.model.model import Model
from dynattn.model.parts import Parameter
from dynattn.model.terms import Term


def copy_name(parameter: Parameter, copy: int) -> str:
    """``attend.eta`` of the third use of the layer is ``attend.2.eta``."""
    assert parameter.layer is not None
    return f"{parameter.layer}.{copy}{parameter.name.removeprefix(parameter.layer)}"


def own_name(name: str, layer: str, copy: int) -> str:
    """``attend.token.z`` in the third use of the layer is ``attend.2.token.z``."""
    return f"{layer}.{copy}{name.removeprefix(layer)}"


def output_names(steps: Sequence[Step]) -> tuple[str, ...]:
    """Names of the outputs, in order, each once."""
    return tuple(output_ranks(steps))


def output_ranks(steps: Sequence[Step]) -> dict[str, int]:
    """How many axes of its own each output has behind those of the samples."""
    found: dict[str, int] = {}
    for step in steps:
        match step:
            case OutputStep(name, Term(type=kind)):
                found[name] = (kind.place.kind == "nodes") + len(kind.shape)
            case RepeatStep(steps=inner):
                found |= output_ranks(inner)
    return found


def layer_uses(steps: Sequence[Step], sizes: Mapping[str, int]) -> dict[str, int]:
    """How many copies of each layer's parameters the network has."""
    uses: dict[str, int] = {}
    for step in steps:
        match step:
            case LayerStep(layer):
                uses[layer] = uses.get(layer, 0) + 1
            case AssignStep(owner=str(owner)) | OutputStep(owner=str(owner)):
                uses[owner] = uses.get(owner, 0) + 1
            case CallStep(layer=layer, owner=owner):
                for name in (layer, owner) if owner else (layer,):
                    uses[name] = uses.get(name, 0) + 1
            case RepeatStep(count, tied, inner):
                rounds = 1 if tied else count.value(sizes)
                for layer, number in layer_uses(inner, sizes).items():
                    uses[layer] = uses.get(layer, 0) + rounds * number
    return uses


def parameter_arrays(model: Model) -> dict[str, Parameter]:
    """Every parameter array by its full name, copies of layers told apart."""
    uses = layer_uses(model.network, model.sizes)
    found: dict[str, Parameter] = {}
    for parameter in model.parameters:
        if parameter.layer is None:
            found[parameter.name] = parameter
            continue
        for copy in range(uses.get(parameter.layer, 0)):
            found[copy_name(parameter, copy)] = parameter
    return found
