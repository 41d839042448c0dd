"""Specs that the tests of pictures run."""

from __future__ import annotations

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec


def spec(text: str, **overrides: float) -> Spec:
    """A spec from its text."""
    return Spec(Source("scene.dyn", text), overrides)
