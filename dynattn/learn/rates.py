"""How many samples a second recordings have: one number for all that a run hears."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynattn.learn.fitting import refused
from dynattn.learn.options import KNOWN
from dynattn.model.plans import Choice

ONE_RATE = "bring all recordings to one rate first"


def rate_of(arrays: Mapping[str, Any], options: Mapping[str, Any], choice: Choice) -> int:
    """The rate of the recordings of an npz file: of its array ``rate``, or of ``rate=``.

    SpecError E519 for an array that holds no rate, E738 where two of them differ.
    """
    import numpy

    file = options["path"]
    if "rate" not in arrays:
        check_asked(int(options["rate"]), options, f"'{file}'", choice)
        return int(options["rate"])
    stored = arrays["rate"]
    good = stored.dtype.kind in "iuf" and stored.size and (stored == numpy.floor(stored)).all()
    if not good or stored.min() < 1:
        message = f"the array 'rate' of '{file}' holds no number of samples a second"
        raise refused("E519", message, choice, "store one whole number above 0, or write rate=8000")
    if stored.min() != stored.max():
        first = stored.reshape(-1)[0]
        row = int((stored.reshape(-1) != first).argmax())
        message = f"recording {row} (from 0) of '{file}' has {int(stored.reshape(-1)[row])} samples"
        raise refused(
            "E738", f"{message} a second, and those before it {int(first)}", choice, ONE_RATE
        )
    check_asked(int(stored.max()), options, f"'{file}'", choice)
    return int(stored.max())


def check_asked(rate: int, options: Mapping[str, Any], what: str, choice: Choice) -> None:
    """SpecError E738 where recordings have another rate than a run was trained on, or than
    ``rate=`` says.
    """
    asked, known = options["rate"], options.get(KNOWN) or {}
    trained = known.get("rate", rate)
    if rate != trained:
        message = f"{what} has {rate} samples a second, and the run was trained on {trained}"
        raise refused("E738", message, choice, f"bring the recordings to {trained} a second first")
    if asked and rate != asked:
        message = f"{what} has {rate} samples a second, and rate= says {asked}"
        raise refused("E738", message, choice, f"write rate={rate}, or leave it out")
