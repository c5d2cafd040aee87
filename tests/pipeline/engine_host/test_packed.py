import os
import signal
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offhook.pipeline.engine_host._packed import PackedDict, made_elsewhere

VALUES = st.one_of(st.text(), st.dictionaries(st.text(max_size=3), st.floats(allow_nan=False), max_size=3))


@example({"": "\0"}, [])
@given(st.dictionaries(st.text(max_size=6), VALUES, max_size=50), st.lists(st.text(max_size=6)))
def test_it_has_what_the_dictionary_has(values: dict[str, object], others: list[str]) -> None:
    packed = PackedDict(values)
    assert len(packed) == len(values)
    for key in (*values, *others):
        assert packed.get(key) == values.get(key)
        assert (key in packed) == (key in values)
    assert packed.get("nothing of the kind", "default") == "default"


def test_it_can_be_made_in_a_copy_of_the_process() -> None:
    def made() -> tuple[int, PackedDict]:
        return os.getpid(), PackedDict({"tea": "tiː", "read": {"VB": "riːd"}})

    where, packed = made_elsewhere(made)
    assert where != os.getpid()
    assert packed.get("tea") == "tiː" and packed.get("read") == {"VB": "riːd"}


def test_a_copy_that_fails_is_not_waited_for() -> None:
    def fails() -> int:
        raise ValueError("no dictionary")

    with pytest.raises(EOFError):
        made_elsewhere(fails)


def test_a_copy_ends_with_its_process() -> None:
    """It has the pipes of an engine's process, and their end would never come."""
    code = (
        "import os, signal, time\n"
        "from offhook.pipeline.engine_host._packed import made_elsewhere\n"
        "parent = os.getpid()\n"
        "def make():\n"
        "    os.kill(parent, signal.SIGKILL)\n"
        "    return bytes(1_000_000)\n"
        "made_elsewhere(make)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=False)
    assert done.returncode == -signal.SIGKILL
