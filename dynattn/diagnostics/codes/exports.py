"""Codes of exported models: E750 to E758."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E750": Entry(
        "a model that is no graph of operations",
        "`torch.export` keeps the operations of one forward, for batches and lengths of any size. "
        "A layer that takes as many steps as its numbers need, draws its noise or the states that "
        "it begins with, and a model without a network, are more than that.",
        "dynattn export runs/settling-1 --format torch -o model.pt2",
        "dynattn export runs/layer-1 --format torch -o model.pt2",
    ),
    "E751": Entry(
        "torch finds no graph of operations in a network",
        "The message is that of `torch.export`. The network runs all the same: in dynattn, and as "
        "a file of Python where that can be written.",
        "dynattn export RUN --format torch -o model.pt2",
        "dynattn export RUN --format python -o model",
    ),
    "E752": Entry(
        "a model that no file of Python holds",
        "The file has the formulas of the model alone. What needs more of dynattn at work, draws "
        "and solvers that choose their steps, is not written.",
        "dynattn export runs/settling-1 -o model",
        "dynattn export runs/layer-1 -o model",
    ),
}
