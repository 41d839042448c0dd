"""Notes on what a run was that one would not expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dynattn.cli.screen import note

if TYPE_CHECKING:
    from dynattn.run.labelled import Result


def tell_doubts(result: Result) -> None:
    """Notes on what a solve was that one would not expect."""
    if "stiff" in result.statistics:
        note(stiff_words(result))
    if kept := result.statistics.get("equilibrium", {}).get("kept"):
        note(kept_words(result, kept))


def stiff_words(result: Result) -> str:
    """That stability set the steps, and what to write."""
    when, method = f"t = {result.statistics['stiff']:.3g}", result.settings["method"]
    return (
        f"the model is stiff near {when}: the method '{method}' takes small steps for stability, "
        "not for accuracy; 'method rodas5p' is implicit and takes large ones"
    )


def kept_words(result: Result, kept: int) -> str:
    """That some last states are not equilibria to the last digits."""
    rest = result.statistics["equilibrium"]
    where = f" of {kept} of {rest['points']} points" if rest["points"] > 1 else ""
    return f"{rest['reason']}: the last states{where} are at rest to 10 times rtol, as simulated"
