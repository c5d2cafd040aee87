"""While a call is shielded one alone hears its keys; where that cannot be, nothing changes."""

from offhook.calls.privacy import Privacy
from offhook.calls.shield import shielded
from tests.offhook.lines import ScriptedLine


class ShieldedLine(ScriptedLine):
    def __init__(self) -> None:
        super().__init__("PCMU")
        self.shield = self.listeners.shield


def test_the_keys_and_the_privacy_of_the_call() -> None:
    line, privacy, keys, told = ShieldedLine(), Privacy(), list[str](), list[bool]()
    privacy.listeners.append(told.append)
    assert shielded(line, privacy, lambda key, at: keys.append(key), alone=True) == ""
    for on_dtmf in line.listeners.dtmf:
        on_dtmf("7", 0)
    assert (keys, told) == (["7"], [True])
    privacy.pause(True)  # the dialog's own
    assert shielded(line, privacy, None, alone=True) == ""
    assert told == [True] and line.listeners.dtmf == ()
    privacy.pause(False)
    assert told == [True, False]


def test_it_is_refused_where_nobody_can_promise_it() -> None:
    privacy = Privacy()
    for line, alone, why in (
        (None, True, "the call is over"),
        (ScriptedLine("PCMU"), True, "no way to keep keys"),
        (ShieldedLine(), False, "somebody else"),
    ):
        assert why in shielded(line, privacy, lambda key, at: None, alone=alone)
        assert not privacy.on
