"""A made task: which arm of a spiral is a point of the plane on?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dynattn.learn.fitting import facts_of, fitted, refused
from dynattn.learn.made import called
from dynattn.learn.parts import Part, SamplesData
from dynattn.model.model import Model
from dynattn.model.plans import Choice
from dynattn.vocabulary.distributions import stream

if TYPE_CHECKING:
    import numpy


def check_spiral(choice: Choice, options: Mapping[str, Any], model: Model) -> int:
    """How many arms there are; SpecError E514 for inputs that are not a point and its arm."""
    uses = {use.name: use for use in model.inputs}
    x, label = uses.get("x"), uses.get("label")
    if len(uses) == 2 and x is not None and label is not None:
        sizes = [size.value(model.sizes) for size in x.axes if size.names <= set(model.sizes)]
        arms = label.type.classes
        if sizes == [2] and len(x.axes) == 1 and x.type.classes is None and arms and not label.axes:
            return arms.value(model.sizes)
    fix = "declare input x: real[2]; input label: class(3)"
    message = "spiral fills the inputs 'x', a point of the plane, and 'label', its arm"
    raise refused("E514", message, choice, fix)


def load_spiral(choice: Choice, options: Mapping[str, Any], model: Model) -> SamplesData:
    """Points of all arms, each as likely as any other, by streams of the seed."""
    arms, parts = check_spiral(choice, options, model), []
    for name, count in (("training", "samples"), (options["measure"], "validation")):
        rng = stream(options["seed"], f"data.spiral.{name}")
        parts.append(_part(rng, options[count], arms, choice, options, model))
    content = b"".join(array.tobytes() for part in parts for array in part.arrays.values())
    facts = {
        "source": "spiral", "path": called(choice, options), "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(), **facts_of(*parts),
    }  # fmt: skip
    return SamplesData(parts[0], parts[1], facts)


def _part(
    rng: numpy.random.Generator, count: int, arms: int, choice: Choice, options: Mapping[str, Any],
    model: Model,
) -> Part:  # fmt: skip
    """(r cos a, r sin a), r uniform below 1, a in turns: ``turns`` r, the arm's share, noise."""
    import numpy

    radius, label = rng.random(count), rng.integers(0, arms, count)
    turns = options["turns"] * radius + label / arms + options["noise"] * rng.standard_normal(count)
    angle = 2 * numpy.pi * turns
    x = radius[:, None] * numpy.stack([numpy.cos(angle), numpy.sin(angle)], -1)
    return fitted({"x": x.astype("float32"), "label": label}, {}, model, choice)
