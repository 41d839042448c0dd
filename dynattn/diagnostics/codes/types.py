"""Codes of types and points, and of what is declared for nothing: E325 to E330, E417 to E420."""

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
    "E325": Entry(
        "points that cannot be added",
        "On a curved manifold the sum of two points is no point, and points of two manifolds have "
        "neither a sum nor a difference. Numbers made of points add as numbers do, and so do "
        "points times a number, which are vectors.",
        "population p[N] { state x on sphere(3) }\ncoupling c: p -> p { kernel x[j] + x[i] }",
        "population p[N] { state x on sphere(3) }\ncoupling c: p -> p { kernel x[j] }",
    ),
    "E326": Entry(
        "a range that would hold nothing",
        "in LOW .. HIGH is the range of a number that the spec, --set or a sweep sets. A state, "
        "and what is drawn or learned, is kept in bounds by its manifold or its distribution.",
        "population p[N] { state x on real = 1 in 0 .. 10; drift -x }",
        "population p[N] { state x on positive = 1; drift -x }",
    ),
    "E328": Entry(
        "an array that no machine holds",
        "Sizes are multiplied before anything is made: a state or a parameter of more than 1 TiB "
        "is a slip of the pen.",
        "param N = 1000000\nparam A[N, N] ~ normal(0, 1)",
        "param N = 1000\nparam A[N, N] ~ normal(0, 1)",
    ),
    "E329": Entry(
        "an angle used as a plain number",
        "An angle is the same after a whole turn, so what it drives must be too. Sums and "
        "differences of angles, and whole numbers times an angle, are angles; sin, cos, tan and "
        "cis make plain numbers of them. Anything else jumps where the angle ends its turn. What "
        "is observed or recorded may be any function of an angle, and of an energy only the force "
        "counts: that of a tilted potential does not jump.",
        "population p[N] { state theta on circle }\n"
        "coupling c: p -> p { kernel theta[j] - theta[i] }",
        "population p[N] { state theta on circle }\n"
        "coupling c: p -> p { kernel sin(theta[j] - theta[i]) }",
    ),
    "E330": Entry(
        "a value that may be no point",
        "What a network sets a state to is a point of the state's manifold: a state, a learned "
        "value, embed(text) or an expmap on it, or an expression that always is one. On sphere(D) "
        "that is v / norm(v), [cos(a), sin(a)] or a rotated point, on positive what is made of "
        "exp, softplus and numbers above 0, on simplex(d) p / dot(p, 1) of such a p, on SO and SU "
        "products of points and expm of rotation rates. On circle, torus, real and complex every "
        "number is a point.",
        "population p[4] { state z on sphere(3) }\nnetwork { z = linear(f, 3); attend }",
        "population p[4] { state z on sphere(3) }\n"
        "network { v = linear(f, 3); z = v / norm(v); attend }",
    ),
    "E420": Entry(
        "a name that nothing uses",
        "Nothing is ignored: what is declared stands in some law, graph, size, observable or loss. "
        "Being set by an experiment is no use. What a spec inherits and does not need, it drops.",
        "param K = 1\npopulation p[3] { state x on real; drift -x }",
        "param K = 1\npopulation p[3] { state x on real; drift -K*x }",
    ),
    "E419": Entry(
        "a type that is never used",
        "Nothing is ignored: a type is the body of some population, and its parameters stand in "
        "that body.",
        "type agent { state x on real; drift -x }",
        "type agent { state x on real; drift -x }\npopulation p[N] is agent",
    ),
}
