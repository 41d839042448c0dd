"""Codes of numbers: E600 to E699."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E362": Entry(
        "there is no such gradient",
        "The gradients of a solve are exact, in the cheapest way that there is, where nothing is "
        "said; else 'backpropagation', 'checkpointed' or 'adjoint'. The memory that a solve may "
        "keep for them is a number of MiB above 0.",
        'solve(system, states, times, method="rk4", step=0.1, gradient=Gradient("backprop"))',
        'solve(system, states, times, method="rk4", step=0.1, '
        'gradient=Gradient("backpropagation"))',
    ),
    "E363": Entry(
        "a gradient that the method does not have",
        "The adjoint belongs to torchdiffeq's methods but for scipy_solver. Steps are taken again "
        "from checkpoints by our own methods, where the steps are fixed and nothing is delayed.",
        'solve(system, states, times, method="rk4", step=0.1, gradient=Gradient("adjoint"))',
        'solve(system, states, times, method="dopri5", gradient=Gradient("adjoint"))',
    ),
    "E601": Entry(
        "there is no such method",
        "Every integration method has a fixed name: euler, heun, rk4, tsit5, rodas5p, leapfrog, "
        "yoshida4, blanes_moan4 and avf are dynattn's own, the others are torchdiffeq's. Where "
        "both have a name, 'torchdiffeq.rk4' means theirs.",
        "simulate { t 0 .. 10 every 0.1; method dopri }",
        "simulate { t 0 .. 10 every 0.1; method dopri5 }",
    ),
    "E602": Entry(
        "a fixed-step method without a step",
        "A method of fixed steps is only as exact as its step is small, and the times that are "
        "saved say nothing about that. Nothing guesses a step: write one, or use a method that "
        "chooses its own from 'rtol'.",
        "simulate { t 0 .. 10 every 0.1; method rk4 }",
        "simulate { t 0 .. 10 every 0.1; method rk4; step 0.01 }",
    ),
    "E603": Entry(
        "a number became infinite, or is not a number",
        "A state left the range of numbers, or an adaptive method found no step small enough to "
        "follow it. Either the model runs away in finite time, as x' = x^2 does, or an expression "
        "divides by 0 or takes a root of a negative number, or a fixed step is too large. The "
        "message names the state, the node and the time.",
        "population p[3] { state x on real ~ normal(1, 1); drift x^2 }",
        "population p[3] { state x on real ~ normal(1, 1); drift x - x^3 }",
    ),
    "E604": Entry(
        "the method did not get to the end",
        "An adaptive method used up its steps, or an implicit one did not converge. The system is "
        "stiff (rates of very different size), or the accuracy asked for is beyond what float64 "
        "can give.",
        "simulate { t 0 .. 100 every 1; method dopri5; rtol 1e-15 }",
        "simulate { t 0 .. 100 every 1; method rodas5p; rtol 1e-8 }",
    ),
    "E605": Entry(
        "a method has no such option",
        "An option that a method does not know would otherwise have no effect.",
        'solve(system, states, times, method="dopri5", options={"firststep": 0.1})',
        'solve(system, states, times, method="dopri5", options={"first_step": 0.1})',
    ),
    "E606": Entry(
        "times, steps or tolerances that make no sense",
        "Times run strictly in one direction, steps and tolerances are positive, an adaptive "
        "method takes no 'step' (but tsit5, which is adaptive without and fixed with one), and an "
        "average begins before the end.",
        "simulate { t 0 .. 10 every 0.1; method dopri5; step 0.01 }",
        "simulate { t 0 .. 10 every 0.1; method dopri5; rtol 1e-8 }",
    ),
    "E608": Entry(
        "nothing to run",
        "An experiment integrates the laws that stand in the model itself. A model whose laws all "
        "stand in layers is trained instead, and one with inputs needs data.",
        "dynattn run kuramoto_attention.dyn",
        "dynattn compile kuramoto_attention.dyn --train",
    ),
    "E609": Entry(
        "results cannot be read",
        "The folder of a 'dynattn run' holds results.nc; in this one it is "
        "missing, cut short or changed.",
        'read_results("runs")',
        'read_results("runs/kuramoto-transition-1")',
    ),
    "E610": Entry(
        "results too large for memory",
        "A sweep without 'record' keeps every state at every time and every point. Record what is "
        "wanted: an average or a final value is one number a point.",
        "sweep { K = 0 .. 4 by 0.01; repeat 100 }",
        "sweep { K = 0 .. 4 by 0.01; repeat 100; record average(r) after 50 }",
    ),
    "E611": Entry(
        "a method without gradients",
        "scipy's methods compute outside torch: nothing can be learned through them.",
        'solve(module, states, times, method="scipy_solver")',
        'solve(module, states, times, method="dopri5")',
    ),
    "E612": Entry(
        "results of different shapes",
        "A sweep over a number of nodes has another number of values at each point, if values are "
        "recorded per node; they fit into no array.",
        "sweep { N = [100, 1000]; record final(theta) }",
        "sweep { N = [100, 1000]; record final(order(theta)) }",
    ),
    "E613": Entry(
        "a method that does not stop at a pulse",
        "A rate that jumps is integrated exactly only by steps that end at the jump. Multistep "
        "methods and scipy's go across it.",
        "simulate { t 0 .. 100; method explicit_adams; step 0.01 }",
        "simulate { t 0 .. 100; method rk4; step 0.01 }",
    ),
    "E614": Entry(
        "noise and method do not fit",
        "noise s is s dW, in Itô's sense on flat manifolds (method euler; heun too where s does "
        "not depend on the state) and in Stratonovich's sense on the others (method heun). Both "
        "take fixed steps.",
        "population p[N] { state x on real; drift -x; noise 0.1 }\nsimulate { t 0 .. 10 }",
        "population p[N] { state x on real; drift -x; noise 0.1 }\n"
        "simulate { t 0 .. 10; method euler; step 0.01 }",
    ),
    "E615": Entry(
        "a map has no time",
        "A map h <- EXPR is updated step by step: its clock is steps n.",
        "population p[N] { state h on real = 0.2; h <- 3.7 * h * (1 - h) }\nsimulate { t 0 .. 10 }",
        "population p[N] { state h on real = 0.2; h <- 3.7 * h * (1 - h) }\nsimulate { steps 10 }",
    ),
    "E616": Entry(
        "delay and method do not fit",
        "A delay needs the past between the steps, which the own methods keep: tsit5, in adaptive "
        "steps or with 'step', and euler, heun and rk4 with 'step'.",
        "coupling pull: p -> p { kernel x[j]; delay 1 }\nsimulate { t 0 .. 10; method dopri5 }",
        "coupling pull: p -> p { kernel x[j]; delay 1 }\nsimulate { t 0 .. 10 }",
    ),
    "E617": Entry(
        "delays and steps do not fit",
        "Delays are finite and 0 or more. A delay above 0 is at least as long as a step: a shorter "
        "one would need states inside the step that is being taken. Maps know whole updates.",
        "coupling pull: p -> p { kernel x[j]; delay 0.05 }\n"
        "simulate { t 0 .. 10; method rk4; step 0.1 }",
        "coupling pull: p -> p { kernel x[j]; delay 0.05 }\n"
        "simulate { t 0 .. 10; method rk4; step 0.05 }",
    ),
    "E618": Entry(
        "samples that are none",
        "Samples of a signal are finite numbers, one for each of ascending times; in a table they "
        "stand in columns under the names t and that of the input. With the clock steps n times "
        "are whole numbers, and may be left out.",
        "t, drive\n0, 1.0\n2, nan\n1, 0.5",
        "t, drive\n0, 1.0\n1, 0.5\n2, 0.7",
    ),
    "E619": Entry(
        "a signal without samples",
        "Every signal has samples for all of the simulated time, from the data of the experiment "
        "or from Python: run(signals={'drive': (times, values)}). Nothing is guessed outside.",
        "input drive: signal\nsimulate { t 0 .. 9 }",
        'input drive: signal\nsimulate { t 0 .. 9; data table("drive.csv") }',
    ),
    "E632": Entry(
        "too large for an implicit method",
        "rodas5p solves linear equations with the Jacobian of all rates by all states. It is a "
        "sparse matrix where nodes hear few others and no gradients of the solve are wanted, else "
        "a full one at each point of a sweep. What does not fit is refused before it is made. "
        "Explicit methods need no matrix.",
        "param N = 50000\ncoupling c: p -> p\nsimulate { t 0 .. 10; method rodas5p }",
        "param N = 50000\ncoupling c: p -> p\nsimulate { t 0 .. 10; method tsit5 }",
    ),
    "E633": Entry(
        "no room in memory",
        "An array was asked for that the system does not give: memory is bounded, or in use. "
        "Most that is too large is refused before anything is made, with the clause that asks for "
        "it; this is what could not be foreseen.",
        "dynattn run large.dyn --set N=200000",
        "dynattn run large.dyn --set N=20000",
    ),
    "E634": Entry(
        "a tolerance beside fixed steps",
        "rtol and atol choose the steps of adaptive methods, and say what counts as at rest in "
        "until equilibrium. Steps of a fixed size are as exact as they are short, whatever "
        "tolerance stands beside them.",
        "simulate { t 0 .. 10; method rk4; step 0.1; rtol 1e-9 }",
        "simulate { t 0 .. 10; method tsit5; rtol 1e-9 }",
    ),
    "E623": Entry(
        "a draw whose arguments are out of range",
        "Arguments of a distribution that are drawn or computed for each node or edge have values "
        "only when the model is built: a negative shape, a correlation over 1, or more numbers "
        "than fit in memory cannot be drawn with.",
        "param k ~ normal(0, 1), a ~ gamma(k)",
        "param k ~ lognormal(0, 1), a ~ gamma(k)",
    ),
    "E624": Entry(
        "a symplectic method for a model without inertia",
        "leapfrog, yoshida4 and blanes_moan4 move positions by velocities and velocities by "
        "forces. A state has a velocity where its population says inertia; a pair of equations "
        "x' = v, v' = F is one state with inertia 1 and dissipation 0.",
        "population p[1] { state x on real = 1; state v on real; x' = v; v' = -x }\n"
        "simulate { t 0 .. 9; method leapfrog; step 0.1 }",
        "population p[1] { state x on real = 1; inertia 1; dissipation 0; drift -x }\n"
        "simulate { t 0 .. 9; method leapfrog; step 0.1 }",
    ),
    "E625": Entry(
        "a law that a symplectic method cannot split",
        "Forces depend on positions, other states and time, and friction is the clause "
        "dissipation, which may depend on those too: a force that reads a velocity has no exact "
        "kick. States without inertia beside those with it go with leapfrog; the methods of order "
        "4 take steps back in time, and have no place for them.",
        "population p[1] { state x on real = 1; inertia 1; drift -x - 0.1*x' }\n"
        "simulate { t 0 .. 9; method leapfrog; step 0.1 }",
        "population p[1] { state x on real = 1; inertia 1; dissipation 0.1; drift -x }\n"
        "simulate { t 0 .. 9; method leapfrog; step 0.1 }",
    ),
    "E629": Entry(
        "friction too strong for steps back in time",
        "The symplectic methods of order 4 take a part of each step backwards, where friction "
        "makes velocities grow. Beyond a factor of about 3000 the digits that are lost are seen.",
        "population p[1] { state x on real = 1; inertia 0.01; dissipation 9; drift -x }\n"
        "simulate { t 0 .. 9; method yoshida4; step 0.1 }",
        "population p[1] { state x on real = 1; inertia 0.01; dissipation 9; drift -x }\n"
        "simulate { t 0 .. 9; method leapfrog; step 0.1 }",
    ),
    "E630": Entry(
        "an implicit step was not found",
        "The method avf solves an equation for the end of every step. Where the step is long "
        "against the fastest rate, the search for it may not end. The message names the state "
        "that is furthest off.",
        "simulate { t 0 .. 100; method avf; step 10 }",
        "simulate { t 0 .. 100; method avf; step 0.1 }",
    ),
    "E631": Entry(
        "a model whose energy avf does not keep",
        "The averaged vector field goes along straight lines, which circle, torus, real and "
        "complex have, and its energy balance is exact where inertia and dissipation are numbers "
        "that do not change along the way.",
        "population p[1] { state x on real = 1; inertia 1 + x^2; energy x^2/2 }\n"
        "simulate { t 0 .. 9; method avf; step 0.1 }",
        "population p[1] { state x on real = 1; inertia 1; energy x^2/2 }\n"
        "simulate { t 0 .. 9; method avf; step 0.1 }",
    ),
}
