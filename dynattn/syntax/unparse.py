"""A syntax tree as canonical text: one declaration a line, blocks indented, no comments."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dynattn.syntax import tree as t
from dynattn.syntax.spell import spell, spell_arguments

__all__ = ["spell", "unparse"]

INDENT = "  "


def unparse(tree: t.SyntaxTree) -> str:
    """The text of a whole spec; parsing it gives the same tree."""
    return "".join(f"{line}\n" for item in tree.declarations for line in lines_of(item))


def lines_of(item: t.Declaration | t.Item | t.Statement | t.Setting) -> list[str]:
    """The lines of one declaration, clause or statement."""
    parts = block_of(item)
    if parts is None:
        return [line_of(item)]
    head, body = parts
    inner = [f"{INDENT}{line}" for one in body for line in lines_of(one)]
    return [f"{head} {{", *inner, "}"] if inner else [f"{head} {{ }}"]


Body = Iterable[t.Item | t.Statement | t.Clause | t.Setting]


def block_of(item: object) -> tuple[str, Body] | None:
    """What stands before the braces, and in them; None where there are none."""
    match item:
        case t.Population() | t.TypeDeclaration() | t.Coupling() | t.Layer():
            return declared_block(item)
        case t.Network(body=body):
            return "network", body
        case t.Repeat(count=count, tied=tied, body=body):
            return f"repeat {spell(count)}{' tied' if tied else ''}", body
        case t.Evolve(name=name, clauses=clauses):
            return f"evolve {name}" if name else "evolve", clauses
        case t.Experiment(kind=kind, name=name, clauses=clauses):
            return f"{kind} {name}" if name else kind, clauses
    return None


def declared_block(
    item: t.Population | t.TypeDeclaration | t.Coupling | t.Layer,
) -> tuple[str, Body] | None:
    match item:
        case t.Population(instance=t.Call(), body=()):
            return None
        case t.Population(body=body):
            return population_head(item), body
        case t.TypeDeclaration(name=name, parameters=parameters, body=body):
            return f"type {name}({', '.join(map(parameter_text, parameters))})", body
        case t.Coupling(sender=sender, body=body):
            return None if sender is not None and not body else (coupling_head(item), body)
        case t.Layer(body=body):
            return layer_head(item), body


def parameter_text(item: t.TypeParameter) -> str:
    return item.name if item.default is None else f"{item.name}={spell(item.default)}"


def layer_head(item: t.Layer) -> str:
    if item.arguments is None:
        return f"layer {item.name}"
    inner = ", ".join(f"{one.name}: {type_text(one.type)}" for one in item.arguments)
    return f"layer {item.name}({inner})"


def population_head(item: t.Population) -> str:
    if item.size is None:
        return f"population {item.name}"
    where = f" where {spell(item.condition)}" if item.condition else ""
    kind = f" is {spell(item.instance)}" if item.instance else ""
    return f"population {item.name}[{spell(item.size)}{where}]{kind}"


def coupling_head(item: t.Coupling) -> str:
    head = f"{'coupling' if item.acts else 'readout'} {item.name}"
    if item.sender is None or item.receiver is None:
        return head
    over = f" over {spell(item.over)}" if item.over else ""
    return f"{head}: {spell(item.sender)} -> {spell(item.receiver)}{over}"


def line_of(item: object) -> str:
    """What takes one line: all but the blocks."""
    match item:
        case t.ModelHeader(name=name, extends=extends, doc=doc):
            return f"model {name}{f' extends {extends}' if extends else ''}{quoted(doc)}"
        case t.Use(path=path):
            return f'use "{path}"'
        case t.Drop(names=names):
            return f"drop {', '.join(name.name for name in names)}"
        case t.Group(name=name, members=members):
            return f"group {name} = {' + '.join(member.name for member in members)}"
        case t.Input(name=name, type=type_ref):
            return f"input {name}: {type_text(type_ref)}"
        case t.Quantities(keyword=keyword, entries=entries):
            return f"{keyword} {', '.join(quantity_text(keyword, one) for one in entries)}"
        case t.Clause():
            return clause_text(item)
        case t.Apply(name=name):
            return name
        case t.Population():
            return population_head(item)
        case t.Coupling():
            return coupling_head(item)
        case t.Setting(name=place, value=value):
            return f"{spell(place)} = {spell(value)}"
        case _:
            return named_value(item)


def named_value(item: object) -> str:
    """``WORD NAME = EXPR`` and its kin."""
    match item:
        case t.Let(name=name, value=value):
            return f"let {name} = {spell(value)}"
        case t.Graph(name=name, value=value):
            return f"graph {name} = {spell(value)}"
        case t.Observe(name=name, value=value):
            return f"observe {name} = {spell(value)}"
        case t.Assign(name=name, value=value):
            return f"{name} = {spell(value)}"
        case t.Output(name=name, value=value):
            return f"output {f'{name} = ' if name else ''}{spell(value)}"
        case t.Equation(state=state, operator="'", value=value):
            return f"{state}' = {spell(value)}"
        case t.Equation(state=state, operator=operator, value=value):
            return f"{state} {operator} {spell(value)}"
    raise TypeError(f"not a declaration, clause or statement: {type(item).__name__}")


# ── pieces ─────────────────────────────────────────────────────────────────────────────────────


def quoted(doc: str | None) -> str:
    return "" if doc is None else f' "{doc}"'


def type_text(type_ref: t.TypeRef) -> str:
    arguments = f"({spell_arguments(type_ref.arguments, ())})" if type_ref.arguments else ""
    return f"{type_ref.name}{arguments}{axes_text(type_ref.axes)}"


def axes_text(axes: tuple[t.Axis, ...]) -> str:
    return f"[{', '.join(map(axis_text, axes))}]" if axes else ""


def axis_text(axis: t.Axis) -> str:
    return f"{axis.name} in {spell(axis.size)}" if axis.name else spell(axis.size)


def quantity_text(keyword: str, item: t.Quantity) -> str:
    text = f"{item.name}{axes_text(item.axes)}" + "'" * item.prime
    if item.manifold:
        text += f" on {spell(item.manifold)}"
    if item.init:
        text += f" {'~' if item.init.drawn else '='} {spell(item.init.value)}"
    if item.limits:
        text += f" {'<=' if keyword == 'dim' else 'in'} {spell(item.limits)}"
    return text + quoted(item.doc)


def clause_text(clause: t.Clause) -> str:
    word = f"{clause.word} ~" if clause.drawn else clause.word
    if clause.target:
        word += f" {clause.target}:"
    if clause.axis:
        return f"{word} {axis_text(clause.axis)}"
    return f"{word} {', '.join(map(modified_text, clause.values))}"


def modified_text(item: t.Modified) -> str:
    if isinstance(item.value, t.At):
        text = at_text(item.value)
    else:
        text = spell(item.value)
        if re.match(r"at\b", text):  # a name here, not the word `at`
            text = f"({text})"
    return " ".join([text, *map(modifier_text, item.modifiers)])


def modifier_text(item: t.Modifier) -> str:
    if isinstance(item.value, t.At):
        return at_text(item.value)
    return f"{item.word} {spell(item.value)}"


def at_text(item: t.At) -> str:
    if item.point:
        return f"at {spell(item.point)}"
    return "at " + ", ".join(line_of(setting) for setting in item.settings)
