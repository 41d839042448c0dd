"""The catalogue of error codes: one dictionary, gathered from the rooms' own files.

E1xx text and syntax, E2xx names, E3xx shapes and manifolds, E4xx meaning, E5xx files and data,
E6xx numbers, E7xx the command line.
"""

from __future__ import annotations

from dynattn.diagnostics.codes import (
    algebra,
    certify,
    cli,
    comparisons,
    compiled,
    data,
    edges,
    experiments,
    exports,
    forms,
    geometry,
    laws,
    layers,
    model,
    network,
    pictures,
    present,
    readouts,
    results,
    run,
    syntax,
    types,
)
from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    **syntax.CODES,
    **model.CODES,
    **types.CODES,
    **experiments.CODES,
    **laws.CODES,
    **edges.CODES,
    **readouts.CODES,
    **algebra.CODES,
    **geometry.CODES,
    **layers.CODES,
    **network.CODES,
    **data.CODES,
    **run.CODES,
    **results.CODES,
    **certify.CODES,
    **present.CODES,
    **pictures.CODES,
    **cli.CODES,
    **comparisons.CODES,
    **forms.CODES,
    **compiled.CODES,
    **exports.CODES,
}
