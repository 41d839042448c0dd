"""The command line: which commands there are, and how every ending becomes an exit code.

0 done, 1 the spec or the data is wrong, 2 wrong usage, 3 numerical failure, 130 interrupted;
70 a fault of dynattn itself, 141 the reader of our output went away (as the shell counts it).
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, NoReturn

import click

from dynattn import __version__
from dynattn.diagnostics.launch import is_first, process_count
from dynattn.diagnostics.report import Diagnostic, SpecError, UsageError

COMMANDS = {
    "new": "dynattn.cli.new:new",
    "check": "dynattn.cli.check:check",
    "fmt": "dynattn.cli.fmt:fmt",
    "explain": "dynattn.cli.explain:explain",
    "compile": "dynattn.cli.compile:compile_spec",
    "run": "dynattn.cli.run:run",
    "equilibria": "dynattn.cli.equilibria:equilibria",
    "graph": "dynattn.cli.graph:graph",
    "compare": "dynattn.cli.compare:compare",
    "eval": "dynattn.cli.evaluate:evaluate",
    "sample": "dynattn.cli.sample:sample",
    "export": "dynattn.cli.export:export",
    "completion": "dynattn.cli.completion:completion",
}
"""Commands in the order of the help page; a command's file is imported when it is used."""

UNWRITABLE = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EFBIG", "ENOTDIR", "EISDIR")
}

EXIT_CODES = """\b
Exit codes
  0    done
  1    the spec or the data is wrong
  2    wrong usage
  3    numerical failure: NaN, a failed solve, a failed certification
  130  interrupted
"""

EXAMPLES = """\b
Examples
  dynattn new kuramoto
  dynattn check kuramoto.dyn
  dynattn compile kuramoto.dyn --set K=3
  dynattn run kuramoto.dyn transition
  dynattn compile kuramoto_attention.dyn --train

"""


class _ReaderGone(Exception):
    """Whoever read our output closed it."""


class LazyGroup(click.Group):
    """A group whose commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        import importlib

        module, attribute = COMMANDS[cmd_name].split(":")
        return getattr(importlib.import_module(module), attribute)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from dynattn.diagnostics.suggest import did_you_mean

            otherwise = "'dynattn --help' lists the commands"
            hint = did_you_mean(args[0], COMMANDS, otherwise)
            raise click.UsageError(f"there is no command '{args[0]}'; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except BrokenPipeError:
            raise _ReaderGone from None


@click.command(
    cls=LazyGroup,
    epilog=EXAMPLES + EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="dynattn", message="%(prog)s %(version)s")
def dynattn() -> None:
    """Systems of coupled units, written in the language .dyn, compiled to PyTorch."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of the program: run one command and leave with its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = run_command(arguments)
        sys.stdout.flush()
    except (BrokenPipeError, _ReaderGone):
        code = 128 + 13
        # What is still buffered would fail again when the interpreter closes stdout.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    leave(code)


def leave(code: int) -> NoReturn:
    """End this process. One of several does so at once, when all files are closed: a thread of
    torch.distributed that lets go of a tensor while the interpreter is taken down aborts it
    (pytorch/pytorch, pull request 179291), and torchrun then ends the others.
    """
    if process_count() > 1:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def run_command(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; every error has been told to the user."""
    as_json = "--json" in arguments
    try:
        check_launch(arguments)
        with one_voice():
            result = dynattn.main(list(arguments), prog_name="dynattn", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        if is_first():
            print("interrupted", file=sys.stderr)
        return 130
    except SpecError as error:
        return tell(error, as_json) if is_first() else error.exit_code
    except _ReaderGone:
        raise
    except OSError as error:
        if error.errno not in UNWRITABLE:
            return own_fault()
        from dynattn.diagnostics.files import refusal

        return tell(SpecError(refusal(error.filename or "the output", error)), as_json)
    except MemoryError as error:
        return tell(SpecError(no_memory(error)), as_json)
    except Exception:
        return own_fault()


def check_launch(arguments: Sequence[str]) -> None:
    """UsageError E748 where several processes have nothing to share."""
    if process_count() == 1:
        return
    if arguments[:1] != ["compile"] or "--train" not in arguments:
        message = f"torchrun started {process_count()} processes, and only a training is shared"
        fix = "start it without torchrun, or torchrun -m dynattn compile SPEC --train"
        raise UsageError(Diagnostic("E748", message, fix=fix))


@contextmanager
def one_voice() -> Iterator[None]:
    """Of several processes, let the first one print."""
    if is_first():
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def no_memory(error: MemoryError) -> Diagnostic:
    """E633: what the machine does not give."""
    text = str(error).removeprefix("Unable to allocate ")
    message = f"the memory of this machine has no room for {text or 'what is computed'}"
    fix = "make the model smaller, couple over a graph of fewer edges, or save less"
    return Diagnostic("E633", message, fix=fix)


def tell(error: SpecError, as_json: bool) -> int:
    """Show the diagnostics of an error and return the exit code it stands for."""
    from dynattn.cli.screen import print_diagnostics

    print_diagnostics(error.diagnostics, as_json)
    return error.exit_code


def own_fault() -> int:
    """Show the traceback of an unexpected error: a bug is never hidden."""
    import traceback

    traceback.print_exc()
    print(
        "\nThis is a fault of dynattn, not of your spec. Please report it, with the lines above.",
        file=sys.stderr,
    )
    return 70
