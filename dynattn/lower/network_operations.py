"""How torch does what networks compute: norms, dropout, places, and the numbers of training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.nn import functional as F

from dynattn.lower import network_kernels as kernels
from dynattn.lower.code import call_code
from dynattn.lower.context import ORIGIN, Context, Need, rank_of, width_of
from dynattn.lower.operation import Operation, kernel_call, method_call
from dynattn.program.nodes import Node


def _layer_norm(node: Node, context: Context) -> Operation:
    width = (node.type.shape[-1].value(context.model.sizes),)
    return Operation(
        lambda x, gain, bias: F.layer_norm(x, width, gain, bias),
        lambda x, gain, bias: call_code("F.layer_norm", x, width, gain, bias),
    )


def _dropout(node: Node, context: Context) -> Operation:
    share = node.payload
    return Operation(
        lambda x, training: F.dropout(x, share, training),
        lambda x, training: call_code("F.dropout", x, share, training),
        (Need("training"),),
    )


def _rounded(node: Node, context: Context) -> Operation:
    return kernel_call(kernels.at_levels, 2**node.payload)


def _disturbed(node: Node, context: Context) -> Operation:
    size, name = node.payload
    return Operation(
        lambda a, white, full: kernels.with_noise(a, size, white.of_weights(full, a)),
        lambda a, white, full: call_code("with_noise", a, size),
        (Need("white"), Need("array_name", name)),
        (kernels.with_noise,),
    )


def _sinusoidal(node: Node, context: Context) -> Operation:
    population, width = node.payload
    needs = (
        Need("size", context.model.population[population].size), Need("size", width), ORIGIN,
    )  # fmt: skip
    return kernel_call(kernels.sinusoidal, needs=needs)


def _flatten(node: Node, context: Context) -> Operation:
    return method_call("flatten", -rank_of(node.inputs[0]))


def _at(node: Node, context: Context) -> Operation:
    return kernel_call(kernels.pick_node, width_of(node.inputs[0]))


def over_targets(function: Callable[..., Any]) -> Callable[[Node, Context], Operation]:
    """A mean over targets; along a sequence, predictions past its end are left out."""
    return lambda node, context: kernel_call(function, node.inputs[1].type.place_axes == 1)


OPERATIONS: dict[str, Callable[[Node, Context], Operation]] = {
    "layer_norm": _layer_norm,
    "dropout": _dropout,
    "rounded": _rounded,
    "disturbed": _disturbed,
    "sinusoidal": _sinusoidal,
    "flatten": _flatten,
    "at": _at,
    "average": lambda node, context: method_call("mean"),
    "cross_entropy": over_targets(kernels.mean_cross_entropy),
    "binary_cross_entropy": over_targets(kernels.mean_binary_cross_entropy),
    "accuracy": over_targets(kernels.mean_accuracy),
    "binary_accuracy": over_targets(kernels.mean_binary_accuracy),
}
"""As in ``operations``, which takes these up."""
