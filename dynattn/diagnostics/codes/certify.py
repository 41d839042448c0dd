"""Codes of certification: E650 to E659."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E650": Entry(
        "certification failed",
        "The compiled module and the plain reference evaluation of the same spec do not agree: a "
        "value, a slope or a gradient differs by more than the tolerance. This is a fault of "
        "dynattn; please report it with the spec and the table that --certify printed. One "
        "exception: at a rare random state a slope may change wholly with the last digits of the "
        "numbers, and rounding alone shows. Then another --seed passes.",
        "dynattn compile spec.dyn --certify",
        "dynattn compile spec.dyn --certify   # passes once the fault is mended",
    ),
    "E651": Entry(
        "certification met no finite numbers",
        "Certification draws random states and random values of the parameters, within their "
        "declared limits. At every one of them the spec's own formulas gave NaN or infinity, so "
        "there was nothing to compare. A declared range keeps the draws where the formulas have a "
        "meaning.",
        "param a = 1.0\ndrift sqrt(a - 5)",
        "param a = 9.0 in 6 .. 12\ndrift sqrt(a - 5)",
    ),
    "E652": Entry(
        "nothing to certify",
        "Certification compares rates of change, observables, outputs and the loss. A spec without "
        "a law and without a network has none of them.",
        "population osc[10] { state theta on circle }",
        "population osc[10] { state theta on circle; drift 1.0 }",
    ),
}
