"""What experiments and training are asked to do, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dynattn.diagnostics.report import Span
from dynattn.model.terms import Term


@dataclass(frozen=True)
class Record:
    """What an experiment keeps: ``series`` of r, ``average`` of r after a time, ``final`` value
    of r, the first ``time`` at which a condition holds.
    """

    kind: str
    label: str
    """As written: ``average(r) after 50``."""
    value: Term
    after: float | None = None
    margin: str | None = None
    """Of a ``time``: the condition holds where ``value`` is ``>`` or ``>=`` 0; None: where it is
    true.
    """


@dataclass(frozen=True)
class Until:
    """``until r < 0.1``, ``until equilibrium``: an experiment ends before its time."""

    label: str
    """As written: ``r < 0.1``."""
    condition: Term | None
    """None: until the model is at rest."""
    span: Span = field(repr=False)


@dataclass(frozen=True)
class Start:
    """``start init | previous | saturated | at branch.fold | equilibrium at c = 0.3``."""

    kind: str
    """``init``, ``previous``, ``point``, ``saturated`` or ``equilibrium``."""
    label: str
    """As written: ``start at branch.fold``."""
    span: Span = field(repr=False)
    point: tuple[str, str] | None = None
    """The experiment and the event of a ``point``."""
    settings: tuple[tuple[str, float], ...] = ()
    """Parameters at which the ``equilibrium`` is sought."""
    rest: tuple[str, int] | None = None
    """The experiment and the number of an equilibrium that is the ``point``."""
    states: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)
    """Arrays [nodes, ...] of the ``point``, once it is known."""


@dataclass(frozen=True)
class Awaited:
    """A setting whose values another experiment has to find: ``c = branch.fold.c + 0.1``."""

    name: str
    label: str
    """As written."""
    span: Span = field(repr=False)
    points: tuple[tuple[str, str, str], ...] = ()
    """Experiment, event and parameter of each value."""


EVENT_WORDS = (
    "fold", "hopf", "branch_point", "period_doubling", "neimark_sacker", "cusp", "bogdanov_takens",
    "bautin",
)  # fmt: skip
"""All that a ``continue`` may detect: on branches of equilibria, of orbits, on curves."""

ORBITS_LEAVE = ("hopf", "period_doubling")
"""Events that periodic orbits begin at."""


@dataclass(frozen=True)
class Continuation:
    """``continue``: equilibria followed in one parameter, or one of their events in two."""

    name: str
    span: Span = field(repr=False)
    ranges: tuple[tuple[str, float, float], ...] = ()
    """The parameters and how far."""
    detects: tuple[str, ...] = ()
    follows: tuple[str, str] | None = None
    """The experiment and the event that is traced."""
    start: Start | None = None
    records: tuple[Record, ...] = ()
    rtol: float = 1e-8
    """Newton's last step, relative to the size of the states and to the parameter's range."""
    atol: float = 1e-10
    """No rate that is left is larger."""
    step: float | None = None
    """The most that the parameter changes from point to point."""
    seed: int = 0

    @property
    def orbits(self) -> bool:
        """Whether it follows the periodic orbits that leave a point."""
        point = None if self.start is None else self.start.point
        return point is not None and point[1] in ORBITS_LEAVE


@dataclass(frozen=True)
class Search:
    """``equilibria``: places of rest, from many starts, at each of the settings."""

    name: str
    span: Span = field(repr=False)
    starts: int = 20
    """The initial states, then draws."""
    spread: float = 1.0
    """Standard deviation of the numbers that are drawn."""
    settings: tuple[tuple[str, tuple[float, ...]], ...] = ()
    records: tuple[Record, ...] = ()
    seed: int | None = None
    """None: that of the first ``simulate``."""


@dataclass(frozen=True)
class Simulation:
    """``simulate``: the first one holds the defaults of every other experiment."""

    name: str
    span: Span = field(repr=False)
    start: float = 0.0
    stop: float | None = None
    every: float | None = None
    steps: int | None = None
    method: str = "tsit5"
    step: float | None = None
    rtol: float = 1e-6
    atol: float | None = None
    """None: the same as rtol."""
    seed: int = 0
    repeat: int = 1
    settings: tuple[tuple[str, tuple[float, ...]], ...] = ()
    """Parameters and the values they take; several make a grid. Empty for a plain simulation."""
    awaited: tuple[Awaited, ...] = ()
    until: Until | None = None
    begins: Start | None = None
    """None: at the initial values."""
    records: tuple[Record, ...] = ()
    """Empty: every state and observable as a series."""
    data: Choice | None = None
    """Where the samples of signals come from."""


@dataclass(frozen=True)
class Measurement:
    """What is measured of a model as it moves, at each of the settings: ``lyapunov`` and its like,
    the entries of ``vocabulary.measurements``.
    """

    kind: str
    name: str
    span: Span = field(repr=False)
    clock: Simulation
    """From when to when, by which method, from which states, at which settings."""
    options: Mapping[str, Any]
    """The values of the kind's own clauses, by word; None: not given."""
    records: tuple[Record, ...] = ()

    @property
    def settings(self) -> tuple[tuple[str, tuple[float, ...]], ...]:
        """Parameters and the values they take; several make a grid."""
        return self.clock.settings


@dataclass(frozen=True)
class Choice:
    """A named choice with options: ``adamw(lr=3e-3, betas=[0.9, 0.95])``, ``text("a.txt",
    context=128)``.
    """

    name: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    span: Span = field(repr=False)


PRECISIONS = ("float32", "bfloat16")
"""Of the matrix products of a training step."""


@dataclass(frozen=True)
class Placement:
    """``train`` without data: numbers of the model are moved until a loss is small."""

    name: str
    span: Span = field(repr=False)
    records: tuple[Record, ...]
    """The loss, then what is recorded."""
    points: tuple[tuple[str, str, str], ...]
    """Experiment, event and quantity of each value that these name, such as ``branch.fold.c``."""
    free: tuple[str, ...]
    optimizer: Choice
    schedule: Choice | None = None
    steps: int = 1
    clip: float | None = None
    seed: int | None = None
    """None: that of the first ``simulate``."""


@dataclass(frozen=True)
class Fit:
    """``train`` on measured series: numbers of the model are moved until it does what they do."""

    name: str
    span: Span = field(repr=False)
    data: Choice
    free: tuple[str, ...]
    shoot: int | None = None
    """Intervals between measurements in a segment; None: 10, or as many as there are."""
    steps: int | None = None
    """The most of Gauss and Newton's; None: 50, or 200 where functions are learned."""
    seed: int | None = None
    """None: that of the first ``simulate``."""
    records: tuple[Record, ...] = ()
    """Nothing but the series."""


Plan = Simulation | Continuation | Search | Placement | Measurement | Fit


class Runs(NamedTuple):
    """Every experiment but ``train`` with samples, in the order of the text."""

    simulations: tuple[Simulation, ...]
    continuations: tuple[Continuation, ...]
    searches: tuple[Search, ...]
    placements: tuple[Placement, ...]
    measurements: tuple[Measurement, ...]
    fits: tuple[Fit, ...]


@dataclass(frozen=True)
class Training:
    """``train``."""

    span: Span = field(repr=False)
    data: Choice
    loss: Term
    records: tuple[Record, ...]
    """kind ``value``; measured on validation data."""
    optimizer: Choice
    schedule: Choice | None
    clip: float | None
    batch: int
    steps: int | None
    epochs: float | None
    seed: int
    free: tuple[str, ...] = ()
    """Parameters that are moved beside the learned ones."""
    accumulate: int = 1
    """In how many portions the gradient of a batch is computed."""
    precision: str = "float32"
    """Of the matrix products of a training step: one of ``PRECISIONS``."""
