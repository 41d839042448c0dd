"""Codes of experiments: E320 to E327, and of those that cannot be run: E620 to E782."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E320": Entry(
        "no such point of an experiment",
        "branch.fold is the fold that 'continue branch' detects, and branch.fold.c the value of c "
        "there: of a parameter that the experiment moves. rest[0] is the first equilibrium that "
        "'equilibria rest' finds, a stable one if there is any. Only settings of experiments, "
        "start at and follow know such points.",
        "continue branch { c = 0 .. 1; detect fold }\nsimulate { t 0 .. 10; start at branch.hopf }",
        "continue branch { c = 0 .. 1; detect fold }\nsimulate { t 0 .. 10; start at branch.fold }",
    ),
    "E321": Entry(
        "no condition, or nothing to record",
        "until and time when take a condition on the whole model, such as r < 0.1; record takes "
        "quantities: r (the series), average(r) after 50, final(r), time when r < 0.4.",
        "simulate { t 0 .. 10; until theta < 1; record r after 5 }",
        "simulate { t 0 .. 10; until max(theta) < 1; record average(r) after 5 }",
    ),
    "E322": Entry(
        "no place to start",
        "An experiment starts at the initial values (init), at a point of a continuation, at an "
        "equilibrium, at the saturated one, or, from point to point of a sweep over one parameter, "
        "where the one before ended (previous).",
        "sweep s { K = 0 .. 4 by 0.1; start last }",
        "sweep s { K = 0 .. 4 by 0.1; start previous }",
    ),
    "E323": Entry(
        "continue needs its parameters",
        "continue moves one parameter through a range, from one end to the other, in steps that it "
        "chooses itself; with follow, which traces a point, it moves two.",
        "continue branch { K = [0, 1, 2] }",
        "continue branch { K = 0 .. 2 }",
    ),
    "E324": Entry(
        "no such event",
        "What detect names is a way in which an equilibrium changes: fold, hopf or branch_point in "
        "one parameter; cusp, bogdanov_takens or bautin where one of those is followed in two. A "
        "periodic orbit has its fold, branch_point, period_doubling and neimark_sacker.",
        "continue branch { K = 0 .. 2; detect folds }",
        "continue branch { K = 0 .. 2; detect fold }",
    ),
    "E327": Entry(
        "training cannot move this",
        "train moves what is declared with learn, and the parameters that free names. It sets "
        "nothing: a value stands where the parameter is declared.",
        'train { data text("a.txt"); loss l; steps 10; free theta; K = 2 }',
        'train { data text("a.txt"); loss l; steps 10; free K }',
    ),
    "E620": Entry(
        "an experiment that this version cannot run",
        "The experiment is understood and checked, and rests on something that is not computed "
        "yet: training that moves what is declared with param. Everything else of the spec can be "
        "run.",
        'train { data text("a.txt"); loss l; steps 10; free K }   # param K = 1',
        'train { data text("a.txt"); loss l; steps 10 }   # learn K = 1',
    ),
    "E621": Entry(
        "noise is never at rest",
        "until equilibrium ends an experiment where every rate is small; noise keeps moving the "
        "state.",
        "population p[N] { state x on real; drift -x; noise 0.1 }\n"
        "simulate { t 0 .. 10; until equilibrium; method euler; step 0.01 }",
        "population p[N] { state x on real; drift -x; noise 0.1 }\n"
        "simulate { t 0 .. 10; method euler; step 0.01 }",
    ),
    "E622": Entry(
        "no state to go on from",
        "start previous hands the last states of one point of a sweep to the next, so all points "
        "must have states of one shape.",
        "sweep s { N = [10, 20]; start previous }",
        "sweep s { K = [1, 2]; start previous }",
    ),
    "E636": Entry(
        "no equilibrium is sought here",
        "An equilibrium is a state that the laws leave as it is, whatever the time. Laws that read "
        "the time have none, unless it stands in products with parameters that are 0. Flows "
        "beside maps have no clock in common.",
        "equilibria(system)   # drift sin(t) - x",
        "equilibria(system)   # drift P - x",
    ),
    "E637": Entry(
        "the model does not come to rest",
        "start equilibrium lets the model run from its initial states until it is at rest, or only "
        "drifts along a symmetry. A limit cycle or a chaotic model never is, and a very slow one "
        "takes too long.",
        "population p[1] { state x on real = 1; state y on real; x' = -y; y' = x }\n"
        "simulate { t 0 .. 10; start equilibrium }",
        "population p[1] { state x on real = 1; state y on real; x' = -y; y' = x - 0.5*y }\n"
        "simulate { t 0 .. 10; start equilibrium }",
    ),
    "E670": Entry(
        "no exponents here",
        "Lyapunov exponents are the rates at which small disturbances grow. They are found by the "
        "slopes of the present rates, so there must be no noise and no delay, but for gamma ones, "
        "and either flows alone or maps alone.",
        "population p[1] { state x on real; drift -x; noise 0.1 }\n"
        "lyapunov { t 0 .. 100; method euler; step 0.01 }",
        "population p[1] { state x on real; drift -x }\nlyapunov { t 0 .. 100 }",
    ),
    "E671": Entry(
        "no passage is located here",
        "passage looks for the moment at which a condition first holds inside of each step, on its "
        "continuous solution: by tsit5 and rodas5p, or by euler, heun and rk4 with step. Maps have "
        "no such moments, and steps with delays are not looked into.",
        "passage { when x > 1; t 0 .. 10; method dopri5 }",
        "passage { when x > 1; t 0 .. 10; method tsit5 }",
    ),
    "E672": Entry(
        "no loop of hysteresis here",
        "hysteresis moves one number of the model while the states go along. Sizes, arguments of "
        "graphs and numbers of single nodes stay as the model was built, and delays would need a "
        "past from before each value.",
        "hysteresis { N = [10, 20, 30]; t 0 .. 50 }",
        "hysteresis { K = 0 .. 3 by 0.1; t 0 .. 50 }",
    ),
    "E673": Entry(
        "all starts are one",
        "basins counts how many starts lead to each attractor. The starts are the initial states, "
        "drawn again and again, so at least one state must be drawn.",
        "population p[1] { state x on real = 0.1; drift x - x^3 }\nbasins { t 0 .. 50 }",
        "population p[1] { state x on real ~ normal(0, 1); drift x - x^3 }\nbasins { t 0 .. 50 }",
    ),
    "E782": Entry(
        "no balance of an energy here",
        "balance adds up over time how fast an energy changes, by the rates of the states at each "
        "moment. Noise and maps have no rates, and with delays these belong to the past too, but "
        "for gamma ones.",
        "population p[1] { state x on real = 1; energy x^2/2; noise 0.1 }\n"
        "balance { t 0 .. 10; method euler; step 0.01 }",
        "population p[1] { state x on real = 1; energy x^2/2 }\nbalance { t 0 .. 10 }",
    ),
    "E680": Entry(
        "nothing can be absent here",
        "start saturated begins at the equilibrium of a community in which some are absent, at 0, "
        "because they could not grow. Only states on positive know that.",
        "population species[S] { state n on real = 1; drift n*(1 - n) }\n"
        "simulate { t 0 .. 10; start saturated }",
        "population species[S] { state n on positive = 1; drift 1 - n }\n"
        "simulate { t 0 .. 10; start saturated }",
    ),
    "E681": Entry(
        "no saturated equilibrium",
        "start saturated looks for the equilibrium in which nothing absent could grow. Where "
        "interactions are so strong that numbers grow without bound there is none, and where there "
        "are several the search may miss them.",
        "sweep s { sigma = 0.2 .. 4 by 0.1; start saturated; t 0 .. 10 }",
        "sweep s { sigma = 0.2 .. 0.7 by 0.1; start saturated; t 0 .. 10 }",
    ),
    "E638": Entry(
        "a layer that does not come to rest",
        "evolve { until equilibrium } lets a layer run, each sample by itself, until no rate is "
        "left. A cycle never ends, phases that drift together drift for ever, and what grows "
        "without bound is lost.",
        "population p[T] { state h on torus(d); drift 1 + x }\nevolve { until equilibrium }",
        "population p[T] { state h on torus(d); drift 1 + x - 2*sin(h) }\n"
        "evolve { until equilibrium }",
    ),
    "E639": Entry(
        "an equilibrium without a gradient",
        "The gradient of an equilibrium is that of an implicit function, which is there where no "
        "other equilibrium is beside it. Phases that may all be shifted together have none, and "
        "neither has a bifurcation. What no shift changes has one, cos(theta[j] - theta[i]) say.",
        "population p[T] { state h on torus(d) = x }\n"
        "coupling c: p -> p over everyone(T) { kernel sin(h[j] - h[i]) }\n"
        "evolve { until equilibrium }",
        "population p[T] { state h on torus(d) = x; drift sin(x - h) }\n"
        "coupling c: p -> p over everyone(T) { kernel sin(h[j] - h[i]) }\n"
        "evolve { until equilibrium }",
    ),
    "E640": Entry(
        "no such point on the branch",
        "An experiment that names branch.fold follows the branch first. Where that has no fold in "
        "its range, there is nothing to start at, and no value to set.",
        "continue branch { c = 0 .. 0.5; detect fold }\n"
        "simulate { t 0 .. 10; start at branch.fold }   # the fold is at 0.9",
        "continue branch { c = 0 .. 1.2; detect fold }\n"
        "simulate { t 0 .. 10; start at branch.fold }",
    ),
    "E641": Entry(
        "no equilibrium to start at",
        "continue lets the model come to rest at the first end of the range, or where start says, "
        "and asks Newton's method where it does not. Neither found an equilibrium. Where it starts "
        "at a point, nothing was found to lead on from there.",
        "population p[1] { state x on real; drift c + x^2 }\ncontinue { c = 1 .. -1 }",
        "population p[1] { state x on real; drift c + x^2 }\ncontinue { c = -1 .. 1 }",
    ),
    "E642": Entry(
        "the start is singular",
        "Where several branches cross, no single one starts. A start beside the crossing has one "
        "direction, and the crossing is found from there.",
        "population p[1] { state x on real; drift r*x - x^3 }\ncontinue { r = 0 .. 1 }",
        "population p[1] { state x on real; drift r*x - x^3 }\ncontinue { r = -1 .. 1 }",
    ),
    "E643": Entry(
        "too large a branch",
        "Equilibria are followed with whole matrices of as many rows and columns as there are "
        "unknowns, 2 000 at most.",
        "dynattn run spec.dyn branch --set N=5000",
        "dynattn run spec.dyn branch --set N=1000",
    ),
    "E644": Entry(
        "a parameter that does not move continuously",
        "continue moves a number in the rates. Sizes and graphs do not change continuously, and "
        "what is computed from a parameter once, such as draws, stays as it is.",
        "population p[10] { param w ~ normal(0, s); state x on real; drift w - x }\n"
        "continue { s = 0 .. 1 }",
        "population p[10] { param w ~ normal(0, 1); state x on real; drift s*w - x }\n"
        "continue { s = 0 .. 1 }",
    ),
    "E645": Entry(
        "nothing that a branch can do",
        "A branch starts inside its range, and moves one parameter alone; Hopf points are those of "
        "flows, not of maps.",
        "continue branch { c = 0 .. 1; start equilibrium at c = 2 }",
        "continue branch { c = 0 .. 1; start equilibrium at c = 0.3 }",
    ),
    "E648": Entry(
        "a gradient that there is not, or that does not fit",
        "Gradients through what evolves are exact, in the cheapest way that there is, where "
        "nothing is said. 'gradient checkpointed' keeps some states and takes the steps between "
        "them again, 'gradient backpropagation' keeps all, and 'gradient adjoint' solves the "
        "equation backwards, with methods of torchdiffeq. What is drawn in a step would be drawn "
        "anew, and an equilibrium does not depend on the way there.",
        "evolve { steps 100; gradient checkpoints }",
        "evolve { steps 100; gradient checkpointed }",
    ),
    "E649": Entry(
        "no such equilibrium",
        "An experiment that starts at rest[3] looks for the equilibria first. Where fewer are "
        "found there is nothing to start at. They are numbered from 0, the stable ones first.",
        "population p[1] { state x on real ~ normal(0, 1); drift x - x^3 }\n"
        "equilibria rest { starts 20 }\nsimulate { t 0 .. 10; start at rest[3] }   # there are 3",
        "population p[1] { state x on real ~ normal(0, 1); drift x - x^3 }\n"
        "equilibria rest { starts 20 }\nsimulate { t 0 .. 10; start at rest[2] }",
    ),
    "E653": Entry(
        "a training without data that cannot be",
        "train without data moves numbers of the model until one number is as small as can be: a "
        "loss of what the model does at rest, of where branches of equilibria have folds, branch "
        "points and Hopf points, of what is observed there, and of the frequency of a Hopf point. "
        "Something has to be moved: what is declared with learn, or named by free.",
        "param b = 1\ncontinue branch { a = -1 .. 1; detect fold }\n"
        "train { loss branch.fold.frequency; free b; steps 50 }",
        "param b = 1\ncontinue branch { a = -1 .. 1; detect fold }\n"
        "train { loss (branch.fold.a - 0.5)^2; free b; steps 50 }",
    ),
    "E654": Entry(
        "equilibria at a value that is not known",
        "equilibria looks for places of rest at the numbers that stand in it, and waits for no "
        "other experiment.",
        "continue branch { c = 0 .. 1; detect fold }\nequilibria rest { c = branch.fold.c + 0.1 }",
        "continue branch { c = 0 .. 1; detect fold }\nequilibria rest { c = [0.8, 0.9] }",
    ),
    "E655": Entry(
        "a special point or an equilibrium that is lost",
        "train without data follows special points and equilibria while numbers move. A fold may "
        "vanish in a cusp or leave the range of its branch, a branch point lasts only while what "
        "moves keeps both branches, an equilibrium may lose itself in a cycle. Large steps of the "
        "optimiser jump over what small ones follow.",
        "continue branch { a = -1 .. 1; detect fold }\n"
        "train { loss (branch.fold.a - 2)^2; steps 90 }   # the range ends at 1",
        "continue branch { a = -1 .. 3; detect fold }\n"
        "train { loss (branch.fold.a - 2)^2; steps 90 }",
    ),
    "E656": Entry(
        "a loss that nothing changes",
        "What is moved has no part in the points and equilibria that the loss is made of, so "
        "there is no direction to move it in.",
        "param b = 1, c = 2\npopulation p[1] { state x on real; drift b - x }\n"
        "population q[1] { state y on real; drift c - y }\n"
        "observe m = mean(x)\ntrain { loss (m - 3)^2; free c; steps 50 }",
        "param b = 1, c = 2\npopulation p[1] { state x on real; drift b - x }\n"
        "population q[1] { state y on real; drift c - y }\n"
        "observe m = mean(x)\ntrain { loss (m - 3)^2; free b; steps 50 }",
    ),
    "E660": Entry(
        "orbits on a curved space",
        "A periodic orbit is followed as a polynomial in the coordinates of the states. On a "
        "sphere, a simplex or a group of matrices that leaves the space; on angles, numbers and "
        "complex numbers it does not.",
        "population p[2] { state x on sphere(3) }\ncontinue b { K = 0 .. 1; detect hopf }\n"
        "continue orbits { start at b.hopf; K = 0 .. 1 }",
        "population p[2] { state x on real(3) }\ncontinue b { K = 0 .. 1; detect hopf }\n"
        "continue orbits { start at b.hopf; K = 0 .. 1 }",
    ),
    "E690": Entry(
        "a fit that cannot be",
        "train on series moves numbers of the model, what is declared with learn or named by free, "
        "until the sum of squared distances between what it does and what was measured is least. "
        "States are followed by explicit steps, without noise, and numbers stand in the laws "
        "themselves: what is computed from them once would not move with them.",
        'param K = 1\nlet strong = 2*K\ntrain { data series("a.csv"); free K; loss strong }',
        'param K = 1\nlet strong = 2*K\ntrain { data series("a.csv"); free K }',
    ),
    "E691": Entry(
        "a fit that does not settle",
        "Segments of a record have to join, and the sum of squares has to be least. From numbers "
        "far from right, or over segments in which the model is chaotic, that may not be reached.",
        'train { data series("a.csv"); free K; steps 3 }',
        'train { data series("a.csv"); free K; shoot 5; steps 200 }',
    ),
}
