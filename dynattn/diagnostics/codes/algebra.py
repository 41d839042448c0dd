"""Codes of complex numbers, matrices and manifolds: E315 to E319, E339 to E341."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E315": Entry(
        "a complex number where order counts",
        "Complex numbers have no order, so they cannot be compared by < or bounded by a range, and "
        "functions such as sign, relu, min or softmax take real numbers alone. re, im, abs and arg "
        "make real numbers of complex ones.",
        "population osc[N] { state z on complex; drift -z }\nobserve n = count(z > 1)",
        "population osc[N] { state z on complex; drift -z }\nobserve n = count(abs(z) > 1)",
    ),
    "E316": Entry(
        "a complex number for a real quantity",
        "What drives a real state, where it starts, an energy, a loss, and a parameter declared on "
        "a real manifold are real numbers. A quantity that may be complex is declared on complex.",
        "population osc[N] { state x on real; drift 2i*x }",
        "population osc[N] { state x on complex; drift 2i*x }",
    ),
    "E317": Entry(
        "no such matrix product",
        "A @ b multiplies the last axis of A with the only axis of a vector b, or with the last "
        "but one of a matrix b: the two must have one size, written alike. Axes in front of these "
        "align as everywhere. trace, det, inverse, expm and polar need a square matrix.",
        "param A[2, 3] = 1\npopulation p[N] { state x on real(2); drift A @ x }",
        "param A[2, 2] = 1\npopulation p[N] { state x on real(2); drift A @ x }",
    ),
    "E318": Entry(
        "no matrix of that kind",
        "A point of SO(n) or SU(n) is an orthogonal or unitary matrix of determinant 1, one of "
        "so(n) or su(n) is minus its conjugate transpose, and has trace 0. A value written in a "
        "spec is checked, so it must be made of numbers and parameters with values, or be expm(A) "
        "of a parameter A on so(n) or su(n).",
        "param W on so(2) = [[0, 1], [1, 0]]",
        "param W on so(2) = [[0, -1], [1, 0]]",
    ),
    "E319": Entry(
        "a frustration that is no turn",
        "On sphere(D), SO(n) and SU(n) a frustration is a matrix V, an element of the group: the "
        "kernel sees V x[j] in place of x[j].",
        "population p[N] { state x on sphere(3) }\ncoupling c: p -> p { frustration 0.3 }",
        "param A on so(3) ~ normal(0, 1)\npopulation p[N] { state x on sphere(3) }\n"
        "coupling c: p -> p { frustration expm(A) }",
    ),
    "E339": Entry(
        "a word with axes or a range",
        "param M = SU(2) names a manifold, so that state x on M may stand anywhere and --set "
        "M=SO(3) changes it; param act = relu names a function. Neither is a quantity: it has no "
        "axes, no range and lies on nothing.",
        "param M[2] = sphere(3)\npopulation p[N] { state x[2] on M; drift x }",
        "param M = sphere(3)\npopulation p[N] { state x[2] on M; drift x }",
    ),
    "E340": Entry(
        "no force toward that vector",
        "toward(x, v) is the force on x towards a vector v of real numbers, in the form of "
        "ambient(x), which is all points of a node as one vector. positive and simplex have no "
        "attraction of their own, so nothing leads toward a vector on them.",
        "population p[N] { state x on SO(3); drift toward(x, [1, 0, 0]) }",
        "population p[N] { state x on SO(3); param v[9] ~ normal(0, 1); drift toward(x, v) }",
    ),
    "E341": Entry(
        "a map along a geodesic",
        "method geodesic takes every step of a layer along the geodesic of its tangent: on a "
        "sphere a great circle, on SO(n) and SU(n) a one-parameter subgroup. A map x <- EXPR has "
        "no tangent: it takes its values as they are.",
        "layer move { h <- 2*h; evolve { steps 1; method geodesic } }",
        "layer move { h <- 2*h; evolve { steps 1 } }",
    ),
}
