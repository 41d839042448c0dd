"""Any tree that can be written is read back the same."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynattn.diagnostics.report import Source, Span
from dynattn.syntax import tree as t
from dynattn.syntax.unparse import unparse
from tests.syntax.trees import again

SOURCE = Source("generated.dyn", "")
AT = Span(SOURCE, 1, 1, 1, 1)
MEANT = 50
SLOW = [HealthCheck.too_slow]

words = "a b K theta omega x1 ü kernel weight step every when at param population repeat t i_ by in"
names = st.sampled_from([word for word in words.split() if word != "at"])
docs = st.none() | st.sampled_from(["", "strength", "# no comment; {", "θ in [0, 1]"])


def node(kind: type, *parts: st.SearchStrategy, **named: st.SearchStrategy) -> st.SearchStrategy:
    return st.builds(kind, st.just(AT), *parts, **named)


def several(items: st.SearchStrategy, least: int = 1, most: int = 3) -> st.SearchStrategy:
    return st.lists(items, min_size=least, max_size=most).map(tuple)


name = node(t.Name, names)
number = node(
    t.Number,
    st.integers(0, 10**6) | st.floats(0, 1e300, allow_subnormal=False),
    st.booleans(),
)
leaf = name | number | node(t.Text, st.sampled_from(["load", "a b", "it's"]))


def wider(inner: st.SearchStrategy) -> st.SearchStrategy:
    """Expressions with ``inner`` ones as parts."""
    named = node(t.Attribute, name, names) | name
    whole = node(t.Call, named, several(inner, 0), several(node(t.Keyword, names, inner), 0))
    part = named | whole
    return (
        node(t.Unary, st.sampled_from(["-", "+", "not"]), inner)
        | node(
            t.Binary,
            st.sampled_from(
                ["+", "-", "*", "/", "^", "@", "==", "!=", "<", "<=", ">", ">=", "and", "or"]
            ),
            inner,
            inner,
        )
        | node(t.Prime, part)
        | node(t.Attribute, part, names)
        | node(t.Index, part, several(inner))
        | node(t.ListOf, several(inner, 0))
        | node(t.Without, inner)
        | whole
    )


expressions = st.recursive(leaf, wider, max_leaves=6)
edges = node(t.EdgeList, several(node(t.EdgeEntry, name, name, st.none() | expressions)))
ranges = node(t.Range, expressions, expressions, st.none() | expressions)
values = expressions | ranges
axes = several(
    node(t.Axis, expressions, st.none()) | node(t.Axis, values, names), least=0, most=2
)  # fmt: skip
places = name | node(t.Attribute, name, names) | node(t.Index, name, several(expressions))
settings_ = node(t.Setting, places, values)
manifolds = name | node(t.Call, name, several(expressions), st.just(()))
plain_range = node(t.Range, expressions, expressions, st.none())
inits = node(t.Init, st.booleans(), expressions)
quantity = node(
    t.Quantity,
    names,
    st.just(AT),
    axes,
    st.just(False),
    st.none() | manifolds,
    st.none() | inits,
    st.none() | plain_range,
    docs,
)
velocity = node(
    t.Quantity, names, st.just(AT), prime=st.just(True), init=st.none() | inits, doc=docs
)  # fmt: skip
quantities = node(t.Quantities, st.sampled_from(["param", "learn"]), several(quantity))
dimension = node(t.Quantity, names, st.just(AT), limits=st.none() | expressions, doc=docs)
dims = node(t.Quantities, st.just("dim"), several(dimension))
states = node(t.Quantities, st.just("state"), several(quantity | velocity))
lets = node(t.Let, names, expressions)
drops = node(t.Drop, several(name))
modified = node(t.Modified, expressions, st.just(()))
single = modified.map(lambda item: (item,))
laws = node(
    t.Clause,
    st.sampled_from(["drift", "energy", "inertia", "dissipation", "noise"]),
    single,
    st.none() | names,
)
free_names = st.sampled_from(["a", "K", "theta", "ü"])
equations = node(t.Equation, free_names, st.sampled_from(["'", "<-"]), expressions)
clauses = (
    node(t.Clause, st.sampled_from(["kernel", "strength", "normalize", "delay", "heads"]), single)
    | node(t.Clause, st.just("weight"), single, drawn=st.booleans())
    | node(
        t.Clause,
        st.sampled_from(["harmonics", "successors"]),
        axis=node(t.Axis, ranges, names),
    )
)
points = node(t.At, several(settings_)) | node(t.At, point=expressions)
plain_modifiers = node(t.Modifier, st.sampled_from(["every", "after", "when"]), values)
modifiers = plain_modifiers | node(t.Modifier, st.just("at"), points)
experiment_values = several(node(t.Modified, values, several(modifiers, 0, 2)))
experiment_clauses = node(t.Clause, free_names | st.just("repeat"), experiment_values) | node(
    t.Clause, st.just("start"), several(node(t.Modified, points), most=1)
)
steps = several(settings_ | experiment_clauses, 0)
keywords = several(node(t.Keyword, names, expressions), 0)
type_parameters = several(node(t.TypeParameter, names, st.none() | expressions), 0)
common = quantities | states | lets | drops | laws | equations
populations = node(
    t.Population, names, expressions, st.none() | expressions, body=several(common, 0)
) | node(
    t.Population,
    names,
    expressions,
    instance=node(t.Call, name, several(expressions, 0), keywords),
    body=several(common, 0),
)  # fmt: skip
ends = name | node(t.Attribute, name, names)
bodies = several(common | clauses, 0)
couplings = node(
    t.Coupling, names, st.booleans(), ends, ends, st.none() | expressions | edges, bodies
) | node(t.Coupling, names, st.booleans(), st.none(), st.none(), st.none(), bodies)
types = node(t.TypeRef, names, several(expressions, 0), axes)
outputs = node(t.Output, st.none() | names, expressions)
layers = node(
    t.Layer,
    names,
    st.none() | several(node(t.Argument, names, types), 0),
    several(
        quantities
        | lets
        | laws
        | populations
        | couplings
        | outputs
        | node(t.Evolve, st.none() | names, steps),
        0,
    ),
)
statements = st.recursive(
    node(t.Assign, free_names, expressions) | node(t.Apply, free_names) | outputs,
    lambda inner: node(t.Repeat, expressions, st.booleans(), several(inner, 0)),
    max_leaves=3,
)
kinds = st.sampled_from(["simulate", "sweep", "continue", "equilibria", "train"])
declarations = (
    node(t.ModelHeader, names, st.none() | names, docs)
    | node(t.Use, st.just("other.dyn"))
    | node(t.Graph, names, expressions | edges)
    | node(t.Group, names, several(name))
    | node(t.Input, names, types)
    | node(t.Observe, names, expressions)
    | node(t.TypeDeclaration, names, type_parameters, several(common, 0))
    | node(t.Network, several(statements, 0))
    | node(t.Experiment, kinds, st.none() | names, steps)
    | drops | quantities | dims | lets | populations | couplings | layers
    | node(t.Population, names, st.none(), body=several(common, 0))
)  # fmt: skip

seen: set[str] = set()


@settings(
    max_examples=MEANT,
    deadline=None,
    suppress_health_check=SLOW,
    derandomize=True,
)
@given(several(declarations, most=4))
def written_and_read(items: tuple[t.Declaration, ...]) -> None:
    tree = t.SyntaxTree(SOURCE, items)
    text = unparse(tree)
    seen.add(text)
    assert again(tree).declarations == items, text


def test_a_generated_tree_is_read_back_the_same() -> None:
    seen.clear()
    written_and_read()
    assert len(seen) >= MEANT * 4 // 5
    assert sum(text.count("\n") for text in seen) > 3 * len(seen)  # programs, not single lines
