"""Codes of readouts, populations without a state and layers that evolve: E333, E434 to E449."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E434": Entry(
        "a quantity that depends on itself",
        "A readout and a definition are what their expressions are now. Only a state has a past "
        "and a law, so only the rate of a state may depend on the state itself.",
        "readout near: osc -> osc { kernel cos(theta[j]) * near[j] }",
        "readout near: osc -> osc { kernel cos(theta[j]) }",
    ),
    "E435": Entry(
        "a readout that speaks of a state",
        "A readout sums what its kernel says and acts on nothing: it names the populations, not a "
        "state, and has no energy, which belongs to a force. Its frustration and harmonics are of "
        "the one state of the receivers that the kernel reads.",
        "readout pull: osc -> osc.theta { kernel sin(theta[j] - theta[i]) }",
        "readout pull: osc -> osc { kernel sin(theta[j] - theta[i]) }",
    ),
    "E436": Entry(
        "a readout that nothing reads",
        "Nothing is ignored: a readout must be used by a law, an output, an observable or a "
        "record.",
        "readout near: osc -> osc { kernel cos(theta[j]) }",
        "readout near: osc -> osc { kernel cos(theta[j]) }\nobserve near_order = mean(near)",
    ),
    "E437": Entry(
        "a population that takes part in nothing",
        "Nodes without a state are there to be coupled with others or to be read.",
        "population anchor[5] { param r ~ normal(0, 1) }",
        "population anchor[5] { param r ~ normal(0, 1) }\n"
        "coupling hold: anchor -> osc { kernel r[j] - x[i] }",
    ),
    "E445": Entry(
        "a layer whose equilibrium is not computed",
        "until equilibrium lets a layer run until no rate is left. Noise, dropout and the time "
        "keep rates from being 0; on simplex and positive what dies out is never quite gone; "
        "states of edges are too many; maps and flows together have no clock in common. Such "
        "a layer evolves through time.",
        "population p[9] { state z on real(3); drift x - z; noise 0.1 }\n"
        "evolve { until equilibrium }",
        "population p[9] { state z on real(3); drift x - z; noise 0.1 }\n"
        "evolve { t 0 .. 30; method euler; step 0.1 }",
    ),
    "E446": Entry(
        "how a layer evolves",
        "A layer evolves by Euler steps of size 1 (steps 5), through a stretch of time by steps of "
        "one size (t, method and step) or by steps that tsit5, dopri5 or bosh3 choose (t, method, "
        "rtol and atol), or until equilibrium, with rtol for the way there. Only a stretch of time "
        "gives t a value. Steps are chosen by their error, which noise and dropout hide. Weight "
        "noise is drawn once a use, and a law through time has none.",
        "evolve { t 0 .. 30 }",
        "evolve { t 0 .. 30; method rk4; step 0.1 }",
    ),
    "E333": Entry(
        "a method that does not integrate the noise of a layer",
        "Noise is Itô's on flat manifolds, which euler integrates, and Stratonovich's on the "
        "others, which heun integrates. Where the noise does not depend on the state, heun is "
        "right on flat manifolds too. Euler steps of size 1 (steps 5) go with all noise.",
        "population p[9] { state z on sphere(3); drift x; noise 0.1 }\n"
        "evolve { t 0 .. 1; method euler; step 0.1 }",
        "population p[9] { state z on sphere(3); drift x; noise 0.1 }\n"
        "evolve { t 0 .. 1; method heun; step 0.1 }",
    ),
    "E447": Entry(
        "a function that moves the model",
        "A layer with arguments is a function: it has states of its own, and what comes out is its "
        "output. The states of the model are moved by layers without arguments.",
        "layer f(x: real[d]) { drift theta: 1; evolve { steps 1 }; output x }",
        "layer f { drift theta: 1; evolve { steps 1 } }",
    ),
    "E438": Entry(
        "values for nodes without a limit",
        "Every node of the population has a value of its own, and a sample may have any number of "
        "nodes. A limit says how many values there are; a sample uses the first ones.",
        "dim T\npopulation anchor[T] { learn r on sphere(3) }",
        "dim T <= 50\npopulation anchor[T] { learn r on sphere(3) }",
    ),
    "E439": Entry(
        "an array as long as a sample",
        "A dim is the length of a sample, and no size of an array. What every place of a sample "
        "has belongs to a population of that many nodes.",
        "dim T <= 50\nlearn place[T, d]",
        "dim T <= 50\npopulation word[T] { learn place[d] }",
    ),
}
