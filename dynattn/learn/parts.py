"""Samples in memory, each perhaps of its own length, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dynattn.model.model import Model

if TYPE_CHECKING:
    import numpy

Batch = tuple[dict[str, Any], ...]
"""Samples in groups of one length: arrays [samples, *axes] by input."""

NEIGHBOURS = 16
"""A batch is drawn from one part in so many of the samples, all of similar length."""


@dataclass(frozen=True)
class Part:
    """Samples by the names of the inputs, [samples, *axes]; what lies past a length is no part.

    ``lengths`` has [samples] whole numbers by dim; it is empty where all samples are as long as
    the arrays. ``along`` names the dim of the first axis of each input that has one.
    """

    arrays: Mapping[str, Any] = field(repr=False)
    lengths: Mapping[str, Any] = field(repr=False, default_factory=dict)
    along: Mapping[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(next(iter(self.arrays.values())))

    def rows(self, rows: Any) -> Part:
        """The samples at these places."""
        arrays = {name: array[rows] for name, array in self.arrays.items()}
        return Part(arrays, {name: a[rows] for name, a in self.lengths.items()}, self.along)

    @cached_property
    def by_length(self) -> Any:
        """The places of the samples, the shortest first; those of one length in their order."""
        import numpy

        if not self.lengths:
            return numpy.arange(self.count)
        return numpy.lexsort(tuple(self.lengths.values()))

    def batch(self, rows: Any) -> Batch:
        """The samples at these places, in groups of one length."""
        import numpy

        if not self.lengths:
            return ({name: array[rows] for name, array in self.arrays.items()},)
        table = numpy.stack([array[rows] for array in self.lengths.values()], -1)
        kinds, kind = numpy.unique(table, axis=0, return_inverse=True)
        return tuple(
            self._cut(rows[kind.reshape(-1) == k], dict(zip(self.lengths, lengths, strict=True)))
            for k, lengths in enumerate(kinds.tolist())
        )

    def _cut(self, rows: Any, lengths: Mapping[str, int]) -> dict[str, Any]:
        """Samples of one length, without what lies past it."""
        ends = {name: lengths.get(self.along.get(name, "")) for name in self.arrays}
        return {
            name: array[rows] if ends[name] is None else array[rows, : ends[name]]
            for name, array in self.arrays.items()
        }


@dataclass(frozen=True)
class SamplesData:
    """Samples in two parts. ``mixed``: whether a batch may have samples of any lengths."""

    training: Part
    validation: Part
    facts: Mapping[str, Any]
    mixed: bool = False

    @property
    def samples(self) -> int:
        """The length of an epoch."""
        return self.training.count

    def draw(self, rng: numpy.random.Generator, count: int) -> Batch:
        """``count`` random samples of the training part, each as likely as any other; all of them,
        each once, where they are that many.

        Those of one batch are of similar length, so that they make few groups, unless ``mixed``:
        they are neighbours in the order of their lengths, at a place that is drawn.
        """
        part, total = self.training, self.samples
        if count == total:
            return part.batch(part.by_length)
        if self.mixed or not part.lengths:
            return part.batch(rng.integers(0, total, size=count))
        width = min(total, max(count, total // NEIGHBOURS))
        places = rng.integers(total) + rng.integers(0, width, size=count)
        return part.batch(part.by_length[places % total])

    def validation_batches(
        self, size: int, limit: int | None = None
    ) -> Iterator[tuple[Batch, int]]:
        """The validation part, ``size`` samples at a time, with their number; or ``limit`` samples
        that are spread evenly and always the same.
        """
        import numpy

        part = self.validation
        rows = part.by_length
        if limit is not None and limit < len(rows):
            rows = rows[numpy.linspace(0, len(rows) - 1, limit).round().astype(numpy.int64)]
        for first in range(0, len(rows), size):
            chosen = rows[first : first + size]
            yield part.batch(chosen), len(chosen)

    def baselines(self) -> dict[str, float]:
        """Nothing is known of samples without a model."""
        return {}


def axes_with_lengths(model: Model) -> dict[str, str]:
    """The dim along which each input with a length of its own stands."""
    dims = {dim.name for dim in model.dims}
    firsts = {use.name: str(use.axes[0]) for use in model.inputs if use.axes}
    return {name: size for name, size in firsts.items() if size in dims}
