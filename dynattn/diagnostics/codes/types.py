"""Codes of types, and of what is declared for nothing: E417 to E420."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E417": Entry(
        "no such type",
        "population p[N] is agent takes its body from type agent { ... }, declared in the spec or "
        "in a file that it uses.",
        "type agent { state x on real; drift -x }\npopulation p[N] is agnt",
        "type agent { state x on real; drift -x }\npopulation p[N] is agent",
    ),
    "E418": Entry(
        "the arguments do not fit the type",
        "The arguments of a type are its parameters, each given once, by name or in their order; "
        "one without a default must be given. An argument is an expression of the model, so it "
        "cannot name what stands in the population.",
        "type agent(a, b=1) { state x on real; drift a - b*x }\npopulation p[N] is agent(c=2)",
        "type agent(a, b=1) { state x on real; drift a - b*x }\npopulation p[N] is agent(a=2)",
    ),
    "E419": Entry(
        "a type that is never used",
        "Nothing is ignored: a type is the body of some population, and its parameters stand in "
        "that body.",
        "type agent { state x on real; drift -x }",
        "type agent { state x on real; drift -x }\npopulation p[N] is agent",
    ),
}
