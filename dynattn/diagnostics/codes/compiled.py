"""Codes of compiled steps: E358 to E361."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E358": Entry(
        "no compiler",
        "With --compile torch writes C++ for every step and calls a compiler: the command in CXX, "
        "or g++, clang++ or c++. Without --compile nothing of this is needed, and the results are "
        "the same.",
        "CXX=gpp dynattn run kuramoto.dyn --compile",
        "CXX=g++ dynattn run kuramoto.dyn --compile",
    ),
    "E359": Entry(
        "steps that cannot be compiled",
        "A compiled step is one graph of arrays whose shapes are known: the steps of euler, heun, "
        "rk4 and tsit5. torchdiffeq's methods decide on the way, delays read a past that grows, "
        "numbers that a layer draws come from outside, the way to rest is as long as it is, and a "
        "layer that chooses its steps takes as many as it needs.",
        "simulate { t 0 .. 10 every 0.1; method dopri5 }    # dynattn run --compile",
        "simulate { t 0 .. 10 every 0.1; method tsit5 }    # dynattn run --compile",
    ),
    "E360": Entry(
        "a step that torch does not compile",
        "torch.compile refused something in the step of this spec; its own words follow. Nothing "
        "is computed another way in silence: leave out --compile.",
        "dynattn run model.dyn --compile",
        "dynattn run model.dyn",
    ),
    "E361": Entry(
        "batches of too many shapes",
        "A compiled step of training knows the shape of its batch, and every other shape is "
        "compiled anew. Samples of many lengths would be compiled for most of the time.",
        "dynattn compile spoken_digits.dyn --train --compile",
        "dynattn compile spoken_digits.dyn --train",
    ),
}
