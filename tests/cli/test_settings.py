"""--set and --device: what they take, and what they refuse with which words."""

from __future__ import annotations

import pytest

from dynattn.cli.settings import read_device, read_settings
from dynattn.diagnostics.report import UsageError


def test_numbers_are_read():
    assert read_settings(["N=500", "K=2.5", " a = -1e-3 "]) == {"N": 500, "K": 2.5, "a": -1e-3}


def test_whole_numbers_stay_whole():
    assert isinstance(read_settings(["N=5"])["N"], int)


def test_the_last_setting_of_a_name_wins():
    assert read_settings(["K=1", "K=2"]) == {"K": 2}


@pytest.mark.parametrize(
    ("setting", "message", "fix"),
    [
        (
            "alpha=pi/4",
            "--set alpha=pi/4: 'pi/4' is not a number",
            "write a number, as in --set alpha=2.5",
        ),
        ("K=1e999", "--set K=1e999: '1e999' is not a number", "write a number, as in --set K=2.5"),
        ("K=", "--set K=: '' is not a number", "write a number, as in --set K=2.5"),
        ("K", "--set K: no value", "write a number, as in --set K=2.5"),
    ],
)
def test_what_is_no_number_is_refused(setting, message, fix):
    with pytest.raises(UsageError) as caught:
        read_settings([setting])
    (found,) = caught.value.diagnostics
    assert (found.code, found.message, found.fix) == ("E702", message, fix)


@pytest.mark.parametrize("word", ["pi", "nan", "x"])
def test_a_word_is_refused_where_the_spec_has_a_number(dynattn, small, word):
    assert read_settings([f"K={word}"]) == {"K": word}
    done = dynattn("explain", small, "--set", f"K={word}")
    assert done.code == 2
    assert done.err == (
        f"error[E702]: the parameter 'K' is set to '{word}', which is no number\n"
        "  = fix: give a number: K=2.5\n\n1 error\n"
    )


def test_every_wrong_setting_is_reported():
    with pytest.raises(UsageError) as caught:
        read_settings(["a=x+1", "b=1", "c=2,5"])
    assert len(caught.value.diagnostics) == 2


def test_an_unknown_name_is_wrong_usage(dynattn, small):
    done = dynattn("explain", small, "--set", "k=2")
    assert done.code == 2
    assert done.err == (
        "error[E701]: there is no parameter 'k' to set\n  = fix: did you mean 'K'?\n\n1 error\n"
    )


def test_a_value_out_of_range_is_code_1(dynattn, small):
    done = dynattn("explain", small, "--set", "K=11")
    assert done.code == 1
    assert "Traceback" not in done.err


def test_the_processor_is_always_there():
    assert read_device("cpu") == "cpu"


def test_an_unknown_device_is_wrong_usage(dynattn, small):
    done = dynattn("compile", small, "--device", "gpu")
    assert done.code == 2
    assert done.err.startswith("error[E703]: 'gpu' is not a device\n")
