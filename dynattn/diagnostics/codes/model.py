"""Codes of names, shapes and meaning: E201 to E449."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

_NAMES: dict[str, Entry] = {
    "E201": Entry(
        "unknown name",
        "Every name in an expression must be declared: with param, learn or let, as a state, as a "
        "dim, or as an input. Names are looked up from the inside out: coupling or population, "
        "layer, model.",
        "population osc[N] { state theta on circle; param omega ~ normal(0, 1); drift omga }",
        "population osc[N] { state theta on circle; param omega ~ normal(0, 1); drift omega }",
    ),
    "E202": Entry(
        "unknown function",
        "A name followed by parentheses is a function of the language; there are no others.",
        "observe r = ordr(theta)",
        "observe r = order(theta)",
    ),
    "E203": Entry(
        "declared twice",
        "A name stands for one thing. Two declarations of one name in the same place are a "
        "mistake, "
        "as are two models, two networks or two train blocks in one spec.",
        "param N = 100\nparam N = 200",
        "param N = 100",
    ),
    "E204": Entry(
        "hidden name",
        "A name declared inside a population or a layer may not be that of something declared in "
        "the model around it: nobody could tell which of the two is meant.",
        "param omega = 1\npopulation osc[N] { param omega ~ normal(0, 1) }",
        "param mean_omega = 1\npopulation osc[N] { param omega ~ normal(0, 1) }",
    ),
    "E205": Entry(
        "reserved name",
        "t is the time, index a node's number, i and j are the two ends of a coupling, pi is pi. "
        "A state cannot have the name of a clause: drift' = .. would be no equation. Other words "
        "of the language may be names; where they stand tells them apart.",
        "param t = 1",
        "param tau = 1",
    ),
    "E206": Entry(
        "no such state",
        "A coupling acts on a state of its receiving population, and a drift belongs to a state.",
        "coupling pull: osc -> osc.thta { strength 1 }",
        "coupling pull: osc -> osc.theta { strength 1 }",
    ),
    "E207": Entry(
        "unknown manifold",
        "A state lives on a manifold: circle, torus(d), sphere(D), SO(n), SU(n), complex, "
        "real or real(d).",
        "state theta on cirle",
        "state theta on circle",
    ),
    "E208": Entry(
        "unknown distribution",
        "What stands after ~ is a distribution with its arguments.",
        "param omega ~ norml(0, 1)",
        "param omega ~ normal(0, 1)",
    ),
    "E209": Entry(
        "unknown graph",
        "A coupling runs over a declared graph, a source such as everyone(N), causal(T), ring(N), "
        "one_to_one(N), or a generator of networkx under its own name.",
        "graph net = watts_strogatz(n=N, k=10, p=0.1)",
        "graph net = watts_strogatz_graph(n=N, k=10, p=0.1)",
    ),
    "E210": Entry(
        "no such population",
        "A coupling joins two declared populations: coupling NAME: SENDER -> RECEIVER.",
        "coupling pull: osc -> ocs { strength 1 }",
        "coupling pull: osc -> osc { strength 1 }",
    ),
    "E211": Entry(
        "name of several populations",
        "Outside of a population, its states and parameters may be called by their bare names as "
        "long as only one population has them.",
        "observe m = mean(x)",
        "observe m = mean(left.x)",
    ),
    "E212": Entry(
        "unknown argument",
        "Functions, graph sources and generators take the arguments of their signature, by "
        "position or by name.",
        "linear(x, n, biass=false)",
        "linear(x, n, bias=false)",
    ),
    "E213": Entry(
        "unknown normalisation",
        "normalize none divides the sum of a coupling by 1, size by the number of nodes of the "
        "sending population, degree by the number of senders of the receiver.",
        "normalize deg",
        "normalize degree",
    ),
    "E214": Entry(
        "unknown type of input",
        "An input is token(V)[T]: a whole number below V at each of T places.",
        "input text: tokn(V)[T]",
        "input text: token(V)[T]",
    ),
    "E215": Entry(
        "no such layer",
        "A name alone in a network is a layer that acts on the populations.",
        "network { theta = embed(text); atend }",
        "network { theta = embed(text); attend }",
    ),
    "E216": Entry(
        "unknown word in an experiment",
        "Nothing is ignored: an experiment takes the clauses listed in docs/language.md only.",
        "simulate { t 0 .. 10; rtl 1e-6 }",
        "simulate { t 0 .. 10; rtol 1e-6 }",
    ),
    "E217": Entry(
        "no such parameter to vary",
        "An experiment varies parameters of the model that have a value: K = 0 .. 4 by 0.1.",
        "sweep { KK = 0 .. 4 by 0.1 }",
        "sweep { K = 0 .. 4 by 0.1 }",
    ),
    "E218": Entry(
        "a declared name that is an attribute too",
        "The attributes of a graph's edges are names in the couplings over it, those of its nodes "
        "in the populations made from them. Where such a name is also that of something declared, "
        "nobody could tell which of the two is meant.",
        "param b = 2          # and every edge of grid has a b\n"
        "coupling line: bus -> bus over grid { weight b }",
        "param gain = 2\ncoupling line: bus -> bus over grid { weight b; strength gain }",
    ),
    "E219": Entry(
        "a text where a number belongs",
        "Attributes of a graph that are texts serve conditions, which choose the nodes of a "
        "population; numbers are computed with.",
        "population bus[grid] { state theta on circle; drift kind }",
        'population load[grid where kind == "load"] { state theta on circle; drift P }',
    ),
}

_SHAPES: dict[str, Entry] = {
    "E301": Entry(
        "shapes that do not fit",
        "Arithmetic aligns trailing axes, and the sizes of aligned axes must be the same formula: "
        "C and C, 2*C and 2*C. A number of your own that happens to equal C today is refused, "
        "because another setting of C would break it.",
        "learn eta[H] = 1\ncoupling sync: token -> token { strength eta }",
        "learn eta[C] = 1\ncoupling sync: token -> token { strength eta }",
    ),
    "E302": Entry(
        "wrong number of arguments",
        "A function, distribution or manifold takes the arguments of its signature.",
        "sin(a, b)",
        "sin(a)",
    ),
    "E303": Entry(
        "a node's quantity without i or j",
        "In a coupling two nodes meet: i receives, j sends. What has a value per node must say "
        "whose.",
        "kernel sin(theta)",
        "kernel sin(theta[j] - theta[i])",
    ),
    "E304": Entry(
        "an index where none belongs",
        "i and j index quantities of the receiving and of the sending population, in a coupling "
        "only; strength stands outside the sum and knows no j; what lives once takes no index.",
        "strength K[j]",
        "weight K[j]",
    ),
    "E305": Entry(
        "quantities of two populations",
        "Nodes of different populations do not match one by one; a coupling joins them.",
        "drift left.x + right.x",
        "drift left.x + mean(right.x)",
    ),
    "E306": Entry(
        "value out of range",
        "A number is outside the range declared for it, or has no meaning where it stands.",
        "param K = 12 in 0 .. 10",
        "param K = 2 in 0 .. 10",
    ),
    "E307": Entry(
        "not a size",
        "A size is a whole number from 1 on, made of whole numbers, parameters and dims by + - "
        "* /.",
        "param N = 2.5\npopulation osc[N] { state theta on circle }",
        "param N = 25\npopulation osc[N] { state theta on circle }",
    ),
    "E308": Entry(
        "a graph or input that does not fit its population",
        "A graph has as many nodes as the populations it couples; an input runs along a "
        "population.",
        "population osc[N] { state theta on circle }\ncoupling pull: osc -> osc over ring(M) { "
        "strength 1 }",
        "population osc[N] { state theta on circle }\ncoupling pull: osc -> osc over ring(N) { "
        "strength 1 }",
    ),
    "E309": Entry(
        "a number is needed",
        "Ranges, settings, options and initial values are known before anything runs: numbers, "
        "parameters, and arithmetic on them.",
        "simulate { t 0 .. theta }",
        "simulate { t 0 .. 100 }",
    ),
    "E310": Entry(
        "the wrong kind of thing",
        "A population, a graph or a layer is no quantity, and some functions want a state, tokens "
        "or a word.",
        "observe r = order(K)",
        "observe r = order(theta)",
    ),
    "E311": Entry(
        "nothing to run over",
        "sum, mean, std, min, max, count and order run over the nodes of a population.",
        "observe m = mean(K)",
        "observe m = mean(theta)",
    ),
    "E312": Entry(
        "draws that are off the manifold",
        "On a sphere only uniform draws are points of the manifold for certain.",
        "state x on sphere(3) ~ normal(0, 1)",
        "state x on sphere(3) ~ uniform",
    ),
}

_MEANING: dict[str, Entry] = {
    "E401": Entry(
        "no meaning yet",
        "The grammar covers the whole language; this construct is understood and refused, because "
        "this version of dynattn cannot carry it out. docs/language.md lists what has a meaning.",
        "state x on sphere(3); x <- -x",
        "state x on sphere(3); drift -x",
    ),
    "E402": Entry(
        "given twice",
        "A clause stands once: which of the two is meant cannot be told.",
        "coupling pull: osc -> osc { strength 1; strength 2 }",
        "coupling pull: osc -> osc { strength 2 }",
    ),
    "E403": Entry(
        "something is missing",
        "A declaration lacks a part that has no sensible default.",
        "population osc[N] { state theta }",
        "population osc[N] { state theta on circle }",
    ),
    "E404": Entry(
        "a layer that is never used",
        "Nothing is ignored: a layer, and the couplings in it, must be named in the network.",
        "layer mix { drift theta: 1; evolve { steps 1 } }\nnetwork { theta = embed(text) }",
        "layer mix { drift theta: 1; evolve { steps 1 } }\nnetwork { theta = embed(text); mix }",
    ),
    "E405": Entry(
        "a state that nothing moves",
        "A state needs a law: a drift, or a coupling into it.",
        "population osc[N] { state theta on circle }",
        "population osc[N] { state theta on circle; drift 1 }",
    ),
    "E406": Entry(
        "frustration without a phase difference",
        "A frustration alpha turns the phase difference d = x[j] - x[i] of a kernel into d - "
        "alpha. "
        "A kernel that uses the phases in another way has no such difference.",
        "coupling pull: osc -> osc { kernel sin(theta[j]); frustration 0.2 }",
        "coupling pull: osc -> osc { kernel sin(theta[j] - theta[i]); frustration 0.2 }",
    ),
    "E408": Entry(
        "a spec without a name",
        "A spec begins with the name of its model.",
        "param N = 100",
        'model kuramoto "Kuramoto oscillators"\nparam N = 100',
    ),
}

_INHERITED: dict[str, Entry] = {
    "E411": Entry(
        "no spec to extend",
        "model a extends b looks for b.dyn beside the spec, then among the specs that ship.",
        "model mine extends kuramotto",
        "model mine extends kuramoto",
    ),
    "E412": Entry(
        "specs that rest on themselves",
        "What a spec extends or uses must not lead back to it.",
        "model mine extends mine",
        "model mine extends kuramoto",
    ),
    "E413": Entry(
        "a path out of the spec's folder",
        "The files a spec uses lie beside it or below it, so that the folder can be moved or sent "
        "as a whole.",
        'use "../layers.dyn"',
        'use "parts/layers.dyn"',
    ),
    "E414": Entry(
        "no file to use",
        "use takes the types, layers and graphs of another file; its path is relative to the spec.",
        'use "layer.dyn"',
        'use "layers.dyn"',
    ),
    "E415": Entry(
        "nothing there to drop",
        "drop removes what is inherited, by its name, in the body it stands in.",
        "model mine extends kuramoto\ndrop omega",
        "model mine extends kuramoto\npopulation osc { drop omega; drift 1 }",
    ),
    "E416": Entry(
        "nothing there to change",
        "A population without a size and a coupling without its two ends change the body of an "
        "inherited one.",
        "model mine\ncoupling pull { strength 2 }",
        "model mine extends kuramoto\ncoupling pull { strength 2 }",
    ),
}

CODES: dict[str, Entry] = {**_NAMES, **_SHAPES, **_MEANING, **_INHERITED}
