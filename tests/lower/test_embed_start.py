"""Where the rows of an embedding start."""

from __future__ import annotations

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source

TEXT = """
model table "Rows that start where the spec says"
param V = 40, far = 5
input text: token(V)[3]
network { output y = embed(text, 50, init=normal(far, 0.1)) }
"""


def test_the_rows_of_an_embedding_start_as_written() -> None:
    (rows,) = Compilation(Source("t.dyn", TEXT), {"far": 7}, 3).build().parameters()
    rows = rows.detach()
    assert rows.shape == (40, 50)
    assert abs(float(rows.mean()) - 7) < 0.01 and abs(float(rows.std()) - 0.1) < 0.01
