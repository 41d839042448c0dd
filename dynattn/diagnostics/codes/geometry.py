"""Codes of manifolds and their geometry: E350 to E353."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E350": Entry(
        "no points of one manifold",
        "distance(x, y) and logmap(x, y) take two points of one manifold, expmap(x, v) a point and "
        "a vector. A point is a state, a parameter declared on the manifold, the result of expmap, "
        "or a value written in numbers, which is checked. On circle, torus, real and complex all "
        "numbers are points.",
        "population p[N] { state x on sphere(3); param w = 1 }\nobserve d = mean(distance(x, w))",
        "param a on sphere(3) = [0, 0, 1]\npopulation p[N] { state x on sphere(3) }\n"
        "observe d = mean(distance(x, a))",
    ),
    "E351": Entry(
        "a manifold on which nothing moves",
        "sphere(1) is two points, simplex(1), SO(1) and SU(1) are one, so(1) and su(1) hold "
        "nothing but 0. A state on them has no direction to move in.",
        "population p[N] { state x on sphere(1) }",
        "population p[N] { state x on sphere(2) }",
    ),
    "E352": Entry(
        "a frustration or harmonics where they have no meaning",
        "A frustration is an angle on circle and torus, and a matrix that turns the sender's point "
        "on sphere, SO and SU. Harmonics multiply phase differences, so they need circle or torus. "
        "On the other manifolds a kernel says what is meant.",
        "population p[N] { state z on complex; drift -z }\ncoupling c: p -> p { frustration 0.3 }",
        "population p[N] { state z on complex; drift -z }\n"
        "coupling c: p -> p { kernel cis(-0.3) * z[j] - z[i] }",
    ),
}
