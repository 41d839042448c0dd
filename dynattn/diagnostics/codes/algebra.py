"""Codes of complex numbers, matrices and their manifolds: E315 to E319."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E317": Entry(
        "no such matrix product",
        "A @ b multiplies the last axis of A with the only axis of a vector b, or with the last "
        "but one of a matrix b: the two must have one size, written alike. Axes in front of these "
        "align as everywhere. trace, det, inverse, expm and polar need a square matrix.",
        "param A[2, 3] = 1\npopulation p[N] { state x on real(2); drift A @ x }",
        "param A[2, 2] = 1\npopulation p[N] { state x on real(2); drift A @ x }",
    ),
}
