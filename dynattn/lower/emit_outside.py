"""The end of an exported file: how a trained model is loaded, and how text is sampled from it."""

from __future__ import annotations

from dynattn.lower.emit_module import class_name

READY = '''

def load(dtype=torch.float32, device="cpu"):
    """The trained model in this precision, ready to compute."""

    def cast(value):
        if value.is_complex():
            return value.to(device, dtype.to_complex())
        return value.to(device, dtype if value.is_floating_point() else value.dtype)

    return {model}()._apply(cast).eval()
'''

SYMBOLS = '''

VOCABULARY = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))


def encode(text):
    """The symbols of a text; KeyError with the first that the model does not know."""
    if VOCABULARY["kind"] == "bytes":
        return list(text.encode())
    if VOCABULARY["kind"] == "words":
        text = text.replace("\\n", " <eos> ").split()
    places = {{symbol: place for place, symbol in enumerate(VOCABULARY["symbols"])}}
    return [places[symbol] for symbol in text]


def decode(symbols):
    """The text of symbols."""
    if VOCABULARY["kind"] == "bytes":
        return bytes(min(symbol, 255) for symbol in symbols).decode("utf-8", "replace")
    found = [VOCABULARY["symbols"][symbol] for symbol in symbols]
    if VOCABULARY["kind"] == "words":
        found = ["\\n" if word == "<eos>" else word + " " for word in found]
    return "".join(found)


def sample(model, prompt="\\n", length=200, temperature=1.0, seed=0):
    """Text that goes on after the prompt; the model sees the last symbols of its context."""
    generator, symbols = torch.Generator().manual_seed(seed), encode(prompt)
    device, count = next(model.parameters()).device, len(symbols)
    for _ in range(length):
        seen = torch.tensor([symbols[-VOCABULARY["context"] :]], device=device)
        with torch.no_grad():
            logits = model(seen)[0, -1].double().cpu()[: VOCABULARY["size"]]
        if temperature == 0:
            symbols.append(int(logits.argmax()))
            continue
        chances = torch.softmax(logits / temperature, dim=-1)
        symbols.append(int(torch.multinomial(chances, 1, generator=generator)))
    return decode(symbols[count:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompt", default="\\n")
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    text = sample(load(), given.prompt, given.length, given.temperature, given.seed)
    print(given.prompt.lstrip("\\n") + text)


if __name__ == "__main__":
    main()
'''

NO_TEXT = """

if __name__ == "__main__":
    for name, value in load().named_parameters():
        print(name, tuple(value.shape))
"""


def ending(model: str, text: bool) -> str:
    """What stands after the classes of a network called ``model``; ``text``: it continues texts."""
    return (READY + (SYMBOLS if text else NO_TEXT)).format(model=class_name(model))
