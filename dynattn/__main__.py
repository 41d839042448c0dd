"""`python -m dynattn` is the command line."""

from __future__ import annotations

from dynattn.cli.main import main

if __name__ == "__main__":
    main()
