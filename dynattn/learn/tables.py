"""A table as training data: a line per sample, a column per input, sequences within a cell."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.learn.arrays import file_facts
from dynattn.learn.fitting import facts_of, fitted, padded, refused, split_rows
from dynattn.learn.options import KNOWN
from dynattn.learn.parts import SamplesData, axes_with_lengths
from dynattn.learn.reading import DataFile, read_data
from dynattn.learn.words import UNKNOWN, Words, most_frequent
from dynattn.model.composition import InputUse
from dynattn.model.model import Model
from dynattn.model.plans import Choice

SEPARATORS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class Table:
    """Cells by column, and the line that each sample stands in."""

    path: str
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    choice: Choice
    asked: Sequence[str] = ()
    """What inputs are called: no column of such a name stands for another."""

    def called(self, row: int) -> str:
        """What a sample is called."""
        return f"line {self.lines[row]} of '{self.path}'"

    def column(self, name: str) -> Sequence[str]:
        """SpecError E519 where there is none of this name."""
        if name not in self.columns:
            message = f"'{self.path}' has no column '{name}'"
            known = f"its columns are: {', '.join(self.columns)}"
            others = [column for column in self.columns if column.split("[")[0] not in self.asked]
            fix = did_you_mean(name, others, f"add it; {known}")
            raise refused("E519", message, self.choice, fix)
        return self.columns[name]


def check_table(choice: Choice, options: Mapping[str, Any], model: Model) -> object:
    """SpecError for an input that no cell can hold. The file is looked for when it is read."""
    along = axes_with_lengths(model)
    for use in model.inputs:
        if use.type.classes is None and use.name in along:
            message = f"a table has no column for '{use.name}', numbers of which each sample has "
            message += f"{along[use.name]}"
            fix = 'write data arrays("data.npz"), with padded arrays and their lengths'
            raise refused("E514", message, choice, fix)
    return None


def load_table(choice: Choice, options: Mapping[str, Any], model: Model) -> SamplesData:
    """The samples of a CSV or TSV file; SpecError with the line of the first mistake."""
    check_table(choice, options, model)
    file = read_data(options["path"], choice.span, options["checksum"])
    table = read_table(file, options["path"], choice)
    table = replace(table, asked=[use.name for use in model.inputs])
    rows = split_rows(len(table.lines), options["split"], choice)
    arrays: dict[str, Any] = {}
    lengths: dict[str, Any] = {}
    facts = file_facts("table", file)
    for use in model.inputs:
        if use.type.classes is None:
            arrays[use.name] = _numbers(use, table, model)
        elif not use.axes:
            arrays[use.name] = _integers(use, [[c] for c in table.column(use.name)], table)[0][:, 0]
        else:
            arrays[use.name], own, words = _sequence(use, table, rows[0], model, options.get(KNOWN))
            facts |= {"words": words} if words else {}
            _agree(lengths, own, use, table, model)
    whole = fitted(arrays, lengths, model, choice, table.called)
    training, validation = whole.rows(rows[0]), whole.rows(rows[1])
    facts |= facts_of(training, validation)
    return SamplesData(training, validation, facts, options["batches"] == "mixed")


def read_table(file: DataFile, path: str, choice: Choice) -> Table:
    """Cells by column; SpecError E517 and E519 for what is no table."""
    suffix = "." + path.removesuffix(".xz").rpartition(".")[2]
    if suffix not in SEPARATORS:
        message = f"'{path}' is no table: its name ends in neither .csv nor .tsv (nor .xz after it)"
        raise refused("E519", message, choice, "rename it: .csv has commas, .tsv has tabs")
    try:
        text = file.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the data file '{path}' is not UTF-8: byte {error.start} is wrong"
        raise refused("E517", message, choice, "save it as UTF-8") from None
    quoting = csv.QUOTE_MINIMAL if suffix == ".csv" else csv.QUOTE_NONE
    reader = csv.reader(
        text.splitlines(keepends=True), delimiter=SEPARATORS[suffix], quoting=quoting
    )
    rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        message = f"'{path}' has no samples: a first line of names, and a line for each sample"
        raise refused("E519", message, choice, "name each column like the input it fills")
    names = [name.replace(" ", "") for name in rows[0][1]]
    for line, row in rows[1:]:
        if len(row) != len(names):
            message = f"line {line} of '{path}' has {len(row)} cells for {len(names)} names"
            fix = "put quotes around a cell with a comma, or save it with tabs as .tsv"
            raise refused("E519", message, choice, fix)
    columns = {name: [row[k].strip() for _, row in rows[1:]] for k, name in enumerate(names)}
    return Table(path, columns, [line for line, _ in rows[1:]], choice)


def _numbers(use: InputUse, table: Table, model: Model) -> Any:
    """[samples, *axes] of the columns ``x``, or ``x[0]``, ``x[1]`` .."""
    import numpy

    sizes = [size.value(model.sizes) for size in use.axes]
    entries = [f"[{','.join(map(str, k))}]" for k in product(*map(range, sizes))] if sizes else [""]
    found = [_floats(f"{use.name}{entry}", table) for entry in entries]
    return numpy.stack(found, -1).reshape(len(table.lines), *sizes)


def _floats(name: str, table: Table) -> Any:
    import numpy

    found = numpy.empty(len(table.lines))
    for row, cell in enumerate(table.column(name)):
        try:
            found[row] = float(cell)
        except ValueError:
            message = f"'{name}' is '{cell}' in {table.called(row)}, which is no number"
            raise refused("E519", message, table.choice, "fill it in, or drop the line") from None
    return found


def _sequence(
    use: InputUse, table: Table, training: Any, model: Model, known: Mapping[str, Any] | None
) -> tuple[Any, Any, list[str]]:
    """The places of a cell, which blanks keep apart: numbers, or words; their lengths."""
    assert use.type.classes is not None
    cells = [cell.split() for cell in table.column(use.name)]
    empty = next((row for row, cell in enumerate(cells) if not cell), None)
    if empty is not None:
        message = f"'{use.name}' is empty in {table.called(empty)}"
        raise refused("E522", message, table.choice, "fill it in, or drop the line")
    if all(item.isdigit() for cell in cells for item in cell):
        return *_integers(use, cells, table), []
    words = Words(tuple(known["words"])) if known is not None and "words" in known else (
        _vocabulary(use, [cells[row] for row in training], table, model)
    )  # fmt: skip
    return *padded([words.numbers(cell) for cell in cells]), list(words.words)


def _vocabulary(use: InputUse, cells: Sequence[Sequence[str]], table: Table, model: Model) -> Words:
    assert use.type.classes is not None
    size = use.type.classes.value(model.sizes)
    if size < 3:
        message = f"'{use.name}' holds words, and {use.type.classes} = {size}"
        fix = f"set it to as many words as there are, and 2 for {UNKNOWN} and the end of a line"
        raise refused("E508", message, table.choice, fix)
    return most_frequent((word for cell in cells for word in cell), size)


def _integers(use: InputUse, cells: Sequence[Sequence[str]], table: Table) -> tuple[Any, Any]:
    for row, cell in enumerate(cells):
        wrong = next((item for item in cell if not item.isdigit()), None)
        if wrong is not None:
            message = f"'{use.name}' is '{wrong}' in {table.called(row)}, and a class is a whole "
            message += "number from 0 on"
            raise refused("E519", message, table.choice, "number the classes 0, 1, ..")
    return padded([[int(item) for item in cell] for cell in cells])


def _agree(lengths: dict[str, Any], own: Any, use: InputUse, table: Table, model: Model) -> None:
    """Keep the lengths of a sequence; SpecError E522 where another one of its dim has others."""
    axis = use.axes[0]
    known = own * 0 + axis.value(model.sizes) if axis.names <= set(model.sizes) else own
    known = known if axis.names <= set(model.sizes) else lengths.setdefault(str(axis), own)
    if (known != own).any():
        row = int((known != own).argmax())
        message = f"{table.called(row)} has {axis} = {own[row]} in '{use.name}', and {known[row]} "
        message += "in another column" if str(axis) in lengths else "are asked for"
        raise refused("E522", message, table.choice, "give all sequences of a line one length")
