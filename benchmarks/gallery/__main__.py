"""Draw and compute sections of the gallery anew: those named, or all.

python -m benchmarks.gallery [NAME ...]
"""

from __future__ import annotations

import sys

from benchmarks.gallery.page import FOLDER, PAGE, names, section, sections, whole
from benchmarks.gallery.pictures import classic, draw


def main(wanted: list[str]) -> int:
    """Write the page; 1 where a truth does not hold."""
    there = names()
    if unknown := set(wanted) - set(there):
        print(f"no such spec: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    found = sections(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    broken = 0
    for name in wanted or there:
        picture, module = draw(name, FOLDER), classic(name)
        truths = [] if module is None else [*module.truths(), *getattr(module, "study", list)()]
        for truth in truths:
            if not truth.holds:
                print(f"{name}: {truth}", file=sys.stderr)
                broken = 1
        found[name] = section(name, picture, truths)
        print(f"{name}: {picture.name}, {picture.stat().st_size // 1000} kB, {len(truths)} truths")
        PAGE.write_text(whole(found), encoding="utf-8")
    for path in FOLDER.iterdir():
        if path.stem not in there:
            path.unlink()
    return broken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
