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
    "E425": Entry(
        "not a delay",
        "delay tau: the sender's states are those of the time t - tau. tau is one number from 0 "
        "on, for all edges or per edge, made of numbers, parameters, learned parameters and edge "
        "attributes, and fixed while time runs. In a network there is no time.",
        "coupling pull: osc -> osc { delay -0.3 }",
        "coupling pull: osc -> osc { delay 0.3 }",
    ),
    "E426": Entry(
        "a past that is not kept",
        "A delay takes the states of the sender from the past, and all that is made of them. What "
        "is made of states and the time has no past; with a delay of each edge, what is made of "
        "all nodes has none either, as each edge would need all of them at a time of its own; and "
        "what the members of a group make of their states must be one formula.",
        "coupling c: p -> p over ring(N, reach=2) { kernel x[j] - mean_x[j]; delay distance }",
        "coupling c: p -> p over ring(N, reach=2) { kernel x[j]; delay distance }",
    ),
    "E427": Entry(
        "observing the past",
        "Observables and records are functions of the present states. The sum of a coupling with "
        "a delay, and the rate of a state it acts on, are made of states of the past.",
        "coupling pull: p -> p { kernel x[j]; delay 1 }\nobserve f = mean(pull)",
        "coupling pull: p -> p { kernel x[j]; delay 1 }\nobserve f = mean(x)",
    ),
    "E428": Entry(
        "equilibrium with a delay",
        "Equilibria are found, and told, by the rates at a point. With a delay the rates are made "
        "of the past too: a solution can pass a point at which a constant past would rest.",
        "coupling pull: p -> p { kernel x[j]; delay 1 }\nsimulate { t 0 .. 99; until equilibrium }",
        "coupling pull: p -> p { kernel x[j]; delay 1 }\nsimulate { t 0 .. 99 }",
    ),
    "E429": Entry(
        "not a signal",
        "A signal is an input that is a function of time: linear between samples that an "
        "experiment takes from a table (CSV) or from arrays (NPZ). A network has no time. A table "
        "has a first line of names: t, and that of the input, or drive[0], drive[1] .. for "
        "signal[n].",
        'input drive: signal\nsimulate { t 0 .. 9; data "drive.csv" }',
        'input drive: signal\nsimulate { t 0 .. 9; data table("drive.csv") }',
    ),
    "E336": Entry(
        "not a gamma delay",
        "delay gamma(mean, order): the coupling reads averages of the sender's states over the "
        "past, with the weights of a gamma distribution of this mean. The order is a whole number "
        "from 1 to 64: 1 forgets exponentially, and the higher it is the nearer all weight is to "
        "the mean. The mean is above 0, of all edges or of each.",
        "coupling pull: p -> p { kernel x[j]; delay gamma(0.5, 2.5) }",
        "coupling pull: p -> p { kernel x[j]; delay gamma(0.5, 3) }",
    ),
    "E337": Entry(
        "points without an average",
        "A gamma delay averages the coordinates of the sender's states. The average of points of a "
        "sphere, or of rotations, lies inside of it: no kernel is made for it.",
        "population p[9] { state x on sphere(3) }\ncoupling c: p -> p { delay gamma(0.5, 3) }",
        "population p[9] { state x on sphere(3) }\ncoupling c: p -> p { delay 0.5 }",
    ),
    "E338": Entry(
        "an average of updates",
        "A gamma delay averages over the time that passes. A map knows updates alone: its delay is "
        "a whole number of them.",
        "population p[9] { state x on real; x <- c }\n"
        "coupling c: p -> p { kernel x[j]; delay gamma(2, 3) }",
        "population p[9] { state x on real; x <- c }\ncoupling c: p -> p { kernel x[j]; delay 2 }",
    ),
}
