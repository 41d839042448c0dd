"""The fixed parts of an emitted file."""

from __future__ import annotations

PARAMETER = '''
def parameter(*shape, dtype=torch.float64):
    """A learned array; its numbers come from the file of weights."""
    return nn.Parameter(torch.zeros(shape, dtype=dtype))
'''

FIXED = '''
def fixed(value):
    """An array that is not learned and not part of the weights."""
    if not isinstance(value, torch.Tensor):
        value = torch.tensor(value, dtype=torch.float64)
    return nn.Buffer(value, persistent=False)
'''

GROUP = '''
class Group(nn.Module):
    """Named arrays and groups of them."""

    def __init__(self, **members):
        super().__init__()
        for name, member in members.items():
            setattr(self, name, member)
'''

READ = '''
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
}


def read_safetensors(path):
    """Tensors by name: eight bytes of header length, a JSON header, the numbers."""
    data = bytearray(Path(path).read_bytes())
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    whole = json.loads(header.pop("__metadata__", {}).get("complex", "[]"))
    tensors = {}
    for name, item in header.items():
        first, last = (8 + size + offset for offset in item["data_offsets"])
        numbers = torch.empty(0, dtype=DTYPES[item["dtype"]])
        if last > first:
            numbers = torch.frombuffer(data[first:last], dtype=numbers.dtype)
        tensors[name] = numbers.reshape(item["shape"])
        if name in whole:  # real and imaginary parts along the last axis
            tensors[name] = torch.view_as_complex(tensors[name])
    return tensors


STORED = read_safetensors(Path(__file__).with_suffix(".safetensors"))
'''

LOAD = '''
    def load(self, tensors):
        """Take over learned arrays by name."""
        with torch.no_grad():
            for name, value in self.named_parameters():
                value.copy_(tensors[name])
        return self
'''

NETWORK_MAIN = """
def main():
{options}    torch.manual_seed(0)
    model = {model}()
{load}    for name, value in model.named_parameters():
        print(name, tuple(value.shape))
{inputs}
    with torch.no_grad():
        result = model({names})
    for name, value in (result if isinstance(result, dict) else {{"{output}": result}}).items():
        print(name, tuple(value.shape))


if __name__ == "__main__":
    main()
"""

LIBRARY_SOLVE = '''
def solve(model, times):
    """The states at the times, by torchdiffeq{instead}."""
    return odeint({rate}, model.initial(), times, method="{method}"{options})
'''

OWN_SOLVE = '''
NODES = {nodes}
STAGES = {stages}
WEIGHTS = {weights}


def solve(model, times):
    """The states at the times, by an explicit Runge-Kutta method of fixed step on the manifold."""
    y, points = model.initial(), []
    for start, stop in zip([times[0], *times[:-1]], times, strict=True):
        start, stop = float(start), float(stop)
        count = max(1, math.ceil(abs(stop - start) / {step} * (1 - 1e-9)))
        h = (stop - start) / count
        for k in range(count if stop != start else 0):
            y = advance(model, start + k * h, y, h)
        points.append(y)
    return {gathered}


def advance(model, t, y, h):
    """One step of size h."""
    slopes = []
    for node, row in zip(NODES, STAGES, strict=True):
        point = moved(model, y, slopes, row, h)
        slopes.append(model(torch.tensor(t + node * h, dtype=torch.float64), point))
    return moved(model, y, slopes, WEIGHTS, h)


def moved(model, y, slopes, weights, h):
    """Where the weighted slopes lead from y."""
    if not slopes:
        return y
    {combined}
'''

SIMULATE_MAIN = """
def main():
{options}    model = {model}()
{load}    times = {times}
    with torch.no_grad():
        path = solve(model, times)
        for k in {sampled}:
            y = {state}
            shown = {{name: value.tolist() for name, value in model.observe(times[k], y).items()}}
            print(f"t = {{float(times[k]):g}}", shown)


if __name__ == "__main__":
    main()
"""

OPTIONS = """\
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", help="a .safetensors file of trained weights")
    options = parser.parse_args()
"""

TAKE_WEIGHTS = """\
    if options.weights:
        model.load(read_safetensors(options.weights))
"""

QUIET = """# torch announces once, at the first such array, that its interface may still change.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch.empty(0, 0, layout=torch.sparse_csr)
"""
