"""Codes of layers and of the network's variables: E440 to E444, E765."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E440": Entry(
        "a layer in the wrong place",
        "A layer with arguments is a function: it is called in the network, or in another layer, "
        "and what comes out is used. A layer without arguments acts on the model's populations "
        "and stands alone on a line of the network.",
        "layer feed(x: real[T, d]) { output x + mlp(x, hidden=d, out=d) }\nnetwork { feed }",
        "layer feed(x: real[T, d]) { output x + mlp(x, hidden=d, out=d) }\n"
        "network { x = embed(text, d); x = feed(x); output y = linear(x, V) }",
    ),
    "E441": Entry(
        "a layer that calls itself",
        "The size of a network is known before it runs, so a layer cannot be a part of itself, not "
        "by way of other layers either. What is to happen several times stands in a repeat.",
        "layer pass(h: real[n]) { output pass(linear(h, n)) }",
        "layer pass(h: real[n]) { output linear(h, n) }\nnetwork { repeat 4 { h = pass(h) } }",
    ),
    "E442": Entry(
        "an argument of another type",
        "A layer's argument says whether it has a value at every place of a sequence, its "
        "coordinates, and for tokens and classes how many there are. What is given must be the "
        "same.",
        "layer pass(h: real[n]) { output tanh(h) }\n"
        "network { output y = pass(linear(image, 2*n)) }",
        "layer pass(h: real[n]) { output tanh(h) }\nnetwork { output y = pass(linear(image, n)) }",
    ),
    "E443": Entry(
        "a variable without a value, or a value without a use",
        "A network reads top to bottom. A variable can be read from the line after its first "
        "assignment on, and in the next round of a repeat. A value that nothing reads, and an "
        "argument that a layer does not use, is a mistake: nothing is ignored.",
        "network { x = linear(image, n); y = linear(image, n); output z = linear(x, 10) }",
        "network { x = linear(image, n); y = linear(image, n); output z = linear(x + y, 10) }",
    ),
    "E444": Entry(
        "a variable that changes its type in a repeat",
        "Each round of a repeat begins where the one before ended, so a variable has the same "
        "shape and the same places before and after a round.",
        "network { h = image; repeat 3 { h = linear(h, n) }; output y = h }",
        "network { h = linear(image, n); repeat 3 { h = linear(h, n) }; output y = h }",
    ),
    "E765": Entry(
        "no one says in which way a layer evolves",
        "A layer may evolve in several ways, each with a name: evolve exact { ... } and evolve "
        "euler { ... }. A parameter of the model says which: param solution = exact, and --set "
        "solution=euler takes the other.",
        "layer settle { evolve exact { until equilibrium }; evolve short { steps 1 } }",
        "param solution = exact\n"
        "layer settle { evolve exact { until equilibrium }; evolve short { steps 1 } }",
    ),
}
