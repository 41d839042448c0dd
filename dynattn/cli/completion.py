"""``dynattn completion``: the script that teaches a shell to complete dynattn's words."""

from __future__ import annotations

import click

WHERE = {
    "bash": "dynattn completion bash > ~/.local/share/bash-completion/completions/dynattn",
    "zsh": "dynattn completion zsh > ~/.zfunc/_dynattn   # a folder of your fpath",
    "fish": "dynattn completion fish > ~/.config/fish/completions/dynattn.fish",
}


@click.command(epilog="\b\nExamples\n" + "\n".join(f"  {command}" for command in WHERE.values()))
@click.argument("shell", type=click.Choice(tuple(WHERE)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell. Put it where the shell looks for such scripts."""
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    assert script is not None  # click has the three shells of WHERE
    root = context.find_root().command
    print(script(root, {}, "dynattn", "_DYNATTN_COMPLETE").source())
