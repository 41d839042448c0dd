"""Codes of the law: velocities, equations and energies: E421 to E429."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E421": Entry(
        "no velocity",
        "Only a state with inertia has a velocity of its own: one that starts somewhere and that "
        "expressions may read. The rate of any other state can be read in observe and record.",
        "population osc[N] { state x on circle; state x' ~ normal(0, 1); drift 1 }",
        "population osc[N] { state x on circle; state x' ~ normal(0, 1); inertia 2; drift 1 }",
    ),
    "E422": Entry(
        "inertia on a curved manifold",
        "The law with inertia is written for flat manifolds: circle, torus(d), real.",
        "population p[N] { state x on sphere(3); inertia 1 }",
        "population p[N] { state x on circle; inertia 1 }",
    ),
    "E423": Entry(
        "a coupling that is not in the equation",
        "Where a state writes its own equation, a coupling into it stands in the equation by its "
        "name, and so does no other: what acts must be seen.",
        "population p[N] { state E on real; E' = -E }\ncoupling pull: p -> p { kernel E[j] }",
        "population p[N] { state E on real; E' = -E + pull }\n"
        "coupling pull: p -> p { kernel E[j] }",
    ),
    "E424": Entry(
        "an energy without a force",
        "The force of an energy is minus its gradient, so the energy must be one number made of "
        "functions whose derivatives are known. A pair potential is shared by two nodes of one "
        "population: it must be the same with i and j exchanged, on a graph that is the same in "
        "both directions.",
        "coupling bond: p -> p { energy (x[j] - 2*x[i])^2 / 2 }",
        "coupling bond: p -> p { energy (x[j] - x[i])^2 / 2 }",
    ),
}
