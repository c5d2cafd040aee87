import pytest

from offhook.usererror import UserError, closest, did_you_mean


def test_names_that_were_meant() -> None:
    assert closest("Prot", ["port", "host"]) == "port"
    assert closest("zzz", ["port", "host"]) is None
    assert did_you_mean("zzz", ["port", "host"]) == "one of: port, host"
    assert did_you_mean("zzz", []) == "remove `zzz`"
    assert did_you_mean("zzz", [f"n{i}" for i in range(30)]).endswith(", …")


def test_a_user_error_needs_a_problem() -> None:
    with pytest.raises(ValueError, match="needs a problem"):
        UserError.of([])


def test_a_problem_without_a_place() -> None:
    assert UserError("what", "why", "todo").render() == "what\n  why:  why\n  type: todo"
