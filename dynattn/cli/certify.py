"""``dynattn compile --certify``: the lowered module against the plain reference evaluator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.lower.certify import Certificate


def certify(compilation: Compilation, quiet: bool) -> dict[str, Any]:
    """Compare, print the largest differences, and raise NumericalError where they are too large."""
    from dynattn.lower.certify import certify as compare

    certificate = compare(compilation)
    if not quiet:
        print_certificate(certificate)
    certificate.raise_if_failed()
    return {
        "passed": certificate.passed,
        "tolerance": certificate.tolerance,
        "sizes": dict(certificate.sizes),
        "full_sizes": dict(certificate.full_sizes),
        "differences": [
            {"check": d.check, "quantity": d.quantity, "absolute": d.absolute,
             "relative": d.relative, "numbers": d.entries}
            for d in certificate.differences
        ],
    }  # fmt: skip


def print_certificate(certificate: Certificate) -> None:
    """The table of differences, and at which sizes they were found."""
    from dynattn.cli.screen import print_heading, print_line, print_table

    print_heading("certification against the plain reference evaluator")
    columns = ("check", "of", "numbers", "largest difference", "relative", "verdict")
    print_table(columns, certificate.rows())
    print_line("  " + "; ".join(certificate.notes))
    print_line(f"  largest relative difference allowed: {certificate.tolerance:.0e}")
