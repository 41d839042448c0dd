"""``extends`` and ``use``: the other files a spec rests on, found, read and merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os.path import relpath
from pathlib import Path
from typing import Any

from dynattn.diagnostics.report import Collector, Diagnostic, Source, Span, SpecError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.syntax import tree as t
from dynattn.syntax.merge import called, merge, names_in
from dynattn.syntax.parse import parse, parse_rest
from dynattn.syntax.read import read_source
from dynattn.syntax.shipped import shipped_specs
from dynattn.syntax.unparse import unparse
from dynattn.syntax.walk import mapped

IMPORTED = (t.TypeDeclaration, t.Layer, t.Graph)
"""What ``use`` takes from another file."""


def parse_whole(source: Source) -> t.SyntaxTree:
    """The tree of a spec with everything it inherits; ``source`` of it is the merged text.

    SpecError where the text is wrong, or what it names: no such file E411 E414, a circle E412, a
    path out of the folder E413, nothing there to drop E415 or to change E416.
    """
    return _completed(parse(source), ())


def whole_rest(source: Source) -> t.SyntaxTree | None:
    """The tree of a text with syntax errors, without what has them, and with all it inherits.

    None where too little is left to say what the rest means. SpecError as in ``parse_whole``.
    """
    tree = parse_rest(source)
    if tree is None or not any(isinstance(d, t.ModelHeader) for d in tree.declarations):
        return None  # without its first line nobody knows whether it inherits
    return _completed(tree, ())


def _completed(tree: t.SyntaxTree, users: tuple[Path, ...]) -> t.SyntaxTree:
    """The tree with what it takes from other files, which are read here."""
    path = Path(tree.source.path).resolve()
    header = next((d for d in tree.declarations if isinstance(d, t.ModelHeader)), None)
    base: list[Any] = []
    if header is not None and header.extends is not None:
        base += _inherited(header, header.extends, path, users)
    own = [item for item in tree.declarations if not isinstance(item, t.Use)]
    for item in tree.declarations:
        if isinstance(item, t.Use):
            base = _imported(item, base, own, path, users)
    return _merged(tree, header, base, own)


def _merged(
    tree: t.SyntaxTree, header: t.ModelHeader | None, base: Sequence[Any], own: Sequence[Any]
) -> t.SyntaxTree:
    if not base and len(own) == len(tree.declarations) and not _changes(own):
        return tree
    errors = Collector()
    body = [item for item in own if not isinstance(item, t.ModelHeader)]
    declarations = merge([i for i in base if not isinstance(i, t.ModelHeader)], body, errors)
    errors.raise_if_any()
    headers = [replace(i, extends=None) for i in own if isinstance(i, t.ModelHeader)]
    if header is not None and header.doc is None:
        docs = [i.doc for i in base if isinstance(i, t.ModelHeader)]
        headers[0] = replace(headers[0], doc=next(iter(docs), None))
    merged = t.SyntaxTree(tree.source, (*headers, *declarations))
    text = unparse(relocated(merged, Path(tree.source.path).parent))
    return replace(merged, source=Source(tree.source.path, text))


def relocated(node: Any, folder: Path) -> Any:
    """A part of a tree with paths of files that are relative to other folders relative to this
    one.
    """
    if isinstance(node, t.Text):
        own = Path(node.span.source.path).parent
        if own.resolve() == folder.resolve() or not (own / node.value).is_file():
            return node
        return replace(node, value=Path(relpath(own / node.value, folder)).as_posix())
    return mapped(node, lambda part: relocated(part, folder))


def _changes(items: Sequence[Any]) -> bool:
    """Whether something here only makes sense of what is inherited."""
    for item in items:
        if isinstance(item, t.Drop):
            return True
        if isinstance(item, t.Population) and item.size is None:
            return True
        if isinstance(item, t.Coupling) and item.sender is None:
            return True
        if isinstance(item, t.Population) and item.instance is not None:
            continue  # what changes the body of its type, changes nothing inherited
        if _changes(getattr(item, "body", None) or getattr(item, "clauses", None) or ()):
            return True
    return False


# ── extends ────────────────────────────────────────────────────────────────────────────────────


def _inherited(
    header: t.ModelHeader, name: str, path: Path, users: tuple[Path, ...]
) -> tuple[Any, ...]:
    beside = path.parent / f"{name}.dyn"
    shipped = shipped_specs()
    if beside == path or name == header.name:
        fix = "give this one a name of its own, or leave extends out"
        raise _refused("E412", f"the model '{name}' extends itself", header.span, fix)
    found = beside if beside.exists() else shipped.get(name)
    if found is None:
        near = [item.stem for item in path.parent.glob("*.dyn") if item != path]
        fix = did_you_mean(name, [*near, *shipped], "dynattn new --list shows those")
        message = f"there is no '{name}.dyn' beside this spec, and none that ships"
        raise _refused("E411", message, header.span, fix)
    shown = Path(header.span.source.path).parent / beside.name if found == beside else found
    return _read(shown, header.span, path, users)


def _read(shown: Path, span: Span, path: Path, users: tuple[Path, ...]) -> tuple[Any, ...]:
    chain = (*users, path)
    if shown.resolve() in chain:
        circle = [*chain[chain.index(shown.resolve()) :], shown]
        message = f"these specs rest on each other: {' -> '.join(p.stem for p in circle)}"
        raise _refused("E412", message, span, "let one of them stand alone")
    try:
        source = read_source(shown)
    except SpecError as error:  # which knows the file alone, and not who names it
        raise SpecError(
            replace(item, span=item.span or span) for item in error.diagnostics
        ) from None
    return _completed(parse(source), chain).declarations


def _refused(code: str, message: str, span: Span, fix: str) -> SpecError:
    return SpecError(Diagnostic(code, message, span, fix))


# ── use ────────────────────────────────────────────────────────────────────────────────────────


def _imported(
    use: t.Use, base: Sequence[Any], own: Sequence[Any], path: Path, users: tuple[Path, ...]
) -> list[Any]:
    """``base`` with the types, layers and graphs of another file that this spec names."""
    place = path.parent / use.path
    root = users[0].parent if users else path.parent
    if Path(use.path).is_absolute() or not place.resolve().is_relative_to(root):
        message = f"'{use.path}' leads out of the folder of this spec"
        raise _refused("E413", message, use.span, "put the file beside the spec, or below it")
    if not place.exists():
        near = [item.name for item in place.parent.glob("*.dyn") if item != path]
        fix = did_you_mean(place.name, near, "a path is relative to the spec that names it")
        raise _refused("E414", f"there is no file '{use.path}'", use.span, fix)
    shown = Path(use.span.source.path).parent / use.path
    offered = [i for i in _read(shown, use.span, path, users) if isinstance(i, IMPORTED)]
    named = set(names_in(tuple(own)))
    taken: list[Any] = []
    while more := [i for i in offered if called(i) in named and i not in taken]:
        taken += more
        named |= set(names_in(tuple(more)))
    named_here = {called(item) for item in taken}
    return [i for i in base if not (isinstance(i, IMPORTED) and called(i) in named_here)] + taken
