"""What parameters and states begin as: values and draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dynattn.model.parts import Draw, Parameter, State
from dynattn.model.terms import Place, Term
from dynattn.program.nodes import ArrayType, Node
from dynattn.vocabulary.sizes import Size

if TYPE_CHECKING:
    from dynattn.program.rules import Builder


def initial_value(
    builder: Builder, quantity: Parameter | State, place: Place, shape: tuple[Size, ...]
) -> Node:
    """The initial value of a parameter or state in this place and shape."""
    dtype = quantity.dtype if isinstance(quantity, Parameter) else quantity.manifold.dtype
    kind = ArrayType(builder.place(place), shape, dtype)
    if not isinstance(quantity.init, Draw):
        value = builder.node(quantity.init)
        return builder.maker.in_complex(value) if dtype == "complex" else value
    inputs = [builder.node(term) for term in quantity.init.arguments]
    payload = (quantity.init.distribution, quantity.name)
    return builder.maker.at(quantity.init.span).make("draw", inputs, kind, payload)


def start(builder: Builder, term: Term) -> Node:
    """The initial value of a state: a draw is the same as where the state itself is drawn."""
    state = builder.model.states[term.payload]
    return initial_value(builder, state, state.place, state.shape)
