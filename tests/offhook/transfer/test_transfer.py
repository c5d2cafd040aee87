"""Transfers event by event, and any events in any order."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from offhook.transfer.outcome import MODES, TransferError, TransferFailure, TransferMode, Transferred
from offhook.transfer.tables import TransferAction, TransferState
from offhook.transfer.transfer import Transfer, TransferPolicy
from tests.sip.steps import Counted

A, S = TransferAction, TransferState

POLICY = TransferPolicy()


def transfer(mode: TransferMode = "auto", *, refer: bool = True, call: bool = True, **policy: object) -> Transfer:
    return Transfer("sip:agent@pbx", mode, can_refer=refer, can_call=call, policy=TransferPolicy(**policy))  # type: ignore[arg-type]


def error(of: Transfer) -> TransferError:
    assert isinstance(of.result, TransferError)
    return of.result


def test_a_blind_transfer() -> None:
    it = transfer("refer")
    assert it.announced(0) == [A.SEND_REFER]
    assert it.refer_accepted(1, notifies=True) == []
    assert it.refer_progress(100, "Trying", 1, is_last=False) == []
    assert it.refer_progress(200, "OK", 5, is_last=True) == [A.RELEASE_CALLER, A.REPORT]
    assert it.result == Transferred("sip:agent@pbx", "refer")


def test_the_agent_is_busy() -> None:
    it = transfer("refer")
    it.announced(0)
    it.refer_accepted(1, notifies=True)
    assert it.refer_progress(486, "Busy Here", 2, is_last=True) == [A.REPORT]
    assert (error(it).reason, error(it).status) == (TransferFailure.BUSY, 486)
    assert "486 Busy Here" in str(error(it))


def test_a_bye_right_after_the_202_is_success() -> None:
    it = transfer("refer")
    it.announced(0)
    it.refer_accepted(1, notifies=True)
    assert it.caller_gone(1.28) == [A.REPORT]
    assert isinstance(it.result, Transferred)


def test_a_bye_before_the_202_is_none() -> None:
    it = transfer("refer")
    it.announced(0)
    assert it.caller_gone(1) == [A.REPORT]
    assert it.result is None


@pytest.mark.parametrize("good", [True, False])
def test_silence_after_the_202_is_judged_by_the_policy(good: bool) -> None:
    it = transfer("refer", silence_is_success=good, notify_s=4)
    it.announced(0)
    it.refer_accepted(1, notifies=True)
    assert it.get_timer() == 5
    actions = it.handle_timer(5)
    assert actions == ([A.RELEASE_CALLER, A.REPORT] if good else [A.REPORT])
    assert good == isinstance(it.result, Transferred)


def test_an_outcome_that_never_comes_brings_the_caller_back() -> None:
    it = transfer("refer", outcome_s=30)
    it.announced(0)
    it.refer_accepted(1, notifies=True)
    it.refer_progress(180, "Ringing", 2, is_last=False)
    assert it.get_timer() == 32
    assert it.handle_timer(32) == [A.REPORT]
    assert error(it).reason is TransferFailure.NO_ANSWER


@pytest.mark.parametrize(
    ("status", "calls"), [(405, True), (403, True), (603, True), (486, False), (404, False), (408, False)]
)
def test_auto_calls_the_agent_itself_where_refer_is_not_known(status: int, calls: bool) -> None:
    it = transfer("auto")
    it.announced(0)
    assert it.refer_refused(status, "No", 1) == ([A.CALL_AGENT] if calls else [A.REPORT])
    if calls:
        assert it.agent_answered(3) == [A.BRIDGE]
        assert it.agent_gone(60) == [A.UNBRIDGE, A.REPORT]
        assert it.result == Transferred("sip:agent@pbx", "bridge", returned=True)
    else:
        assert error(it).reason is TransferFailure.REFUSED


def test_auto_does_not_ask_whom_it_knows_not_to_transfer() -> None:
    assert transfer("auto", refer=False).announced(0) == [A.CALL_AGENT]


@pytest.mark.parametrize(
    ("mode", "refer", "call"), [("refer", False, True), ("bridge", True, False), ("attended", True, False)]
)
def test_what_cannot_be_done_is_said(mode: TransferMode, refer: bool, call: bool) -> None:
    it = transfer(mode, refer=refer, call=call)
    assert it.announced(0) == [A.REPORT]
    assert error(it).reason is TransferFailure.NOT_POSSIBLE


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (486, "busy"),
        (600, "busy"),
        (480, "no_answer"),
        (408, "no_answer"),
        (603, "declined"),
        (404, "unreachable"),
        (0, "unreachable"),
    ],
)
def test_an_agent_who_is_not_reached(status: int, reason: str) -> None:
    it = transfer("bridge")
    it.announced(0)
    assert it.agent_failed(status, "x", 2) == [A.REPORT]
    assert error(it).reason == reason


def test_nobody_answers() -> None:
    it = transfer("bridge", ring_s=20)
    it.announced(0)
    assert it.handle_timer(20) == [A.RELEASE_AGENT, A.REPORT]
    assert error(it).reason is TransferFailure.NO_ANSWER


def test_a_caller_who_hangs_up_stops_the_ringing() -> None:
    it = transfer("bridge")
    it.announced(0)
    assert it.caller_gone(2) == [A.RELEASE_AGENT, A.REPORT]
    assert it.agent_answered(2.1) == []  # it crossed: the leg is released already


def briefed(*, refer: bool) -> Transfer:
    it = transfer("attended", refer=refer)
    it.announced(0)
    assert it.agent_answered(3) == [A.BRIEF_AGENT]
    return it


def test_an_agent_who_agrees_is_connected() -> None:
    it = briefed(refer=False)
    assert it.agent_agreed(9) == [A.BRIDGE]
    assert it.take_back(20) == [A.UNBRIDGE, A.RELEASE_AGENT, A.REPORT]
    assert it.result == Transferred("sip:agent@pbx", "bridge", returned=True)


def test_an_agent_who_declines_is_left() -> None:
    it = briefed(refer=True)
    assert it.agent_declined("they pressed 2", 9) == [A.RELEASE_AGENT, A.REPORT]
    assert error(it).reason is TransferFailure.DECLINED


def test_an_agent_who_says_nothing_is_left() -> None:
    it = briefed(refer=True)
    assert it.handle_timer(63) == [A.RELEASE_AGENT, A.REPORT]
    assert error(it).reason is TransferFailure.NO_ANSWER


def test_the_callers_side_takes_the_agents_leg_over() -> None:
    it = briefed(refer=True)
    assert it.agent_agreed(9) == [A.SEND_REPLACES]
    it.refer_accepted(9.1, notifies=True)
    assert it.agent_gone(9.3) == []
    assert it.refer_progress(200, "OK", 9.4, is_last=True) == [A.RELEASE_CALLER, A.REPORT]
    assert it.result == Transferred("sip:agent@pbx", "replaces")


def test_a_caller_who_leaves_after_the_202_does_not_take_the_agent_along() -> None:
    it = briefed(refer=True)
    it.agent_agreed(9)
    it.refer_accepted(9.1, notifies=True)
    assert it.caller_gone(9.2) == []
    assert it.agent_gone(9.5) == [A.REPORT]
    assert isinstance(it.result, Transferred)


@pytest.mark.parametrize("how", ["refused", "failed", "silent"])
def test_an_agent_who_agreed_is_connected_in_any_case(how: str) -> None:
    it = briefed(refer=True)
    it.agent_agreed(9)
    if how == "refused":
        actions = it.refer_refused(405, "Method Not Allowed", 10)
    else:
        it.refer_accepted(10, notifies=True)
        actions = it.refer_progress(481, "No", 11, is_last=True) if how == "failed" else it.handle_timer(20)
    assert actions == [A.BRIDGE]
    it.agent_gone(50)
    assert it.result == Transferred("sip:agent@pbx", "bridge", returned=True)


class AnyOrder(Counted):
    """No leg is left, nothing is reported twice, whatever happens when."""

    @initialize(mode=st.sampled_from(MODES), refer=st.booleans(), call=st.booleans(), good=st.booleans())
    def begin(self, mode: TransferMode, refer: bool, call: bool, good: bool) -> None:
        self.it = transfer(mode, refer=refer, call=call, silence_is_success=good)
        self.now = 0.0
        self.agent = ""  # "calling" and "up", while there is a leg
        self.caller = True
        self.bridged = False
        self.reports = 0

    def done(self, actions: list[TransferAction]) -> None:
        for action in actions:
            assert not self.reports, "something follows the end"
            match action:
                case A.CALL_AGENT:
                    assert not self.agent and self.caller
                    self.agent = "calling"
                case A.RELEASE_AGENT:
                    assert self.agent
                    self.agent = ""
                case A.BRIDGE:
                    assert self.agent == "up" and self.caller and not self.bridged
                    self.bridged = True
                case A.UNBRIDGE:
                    assert self.bridged
                    self.bridged = False
                case A.BRIEF_AGENT | A.SEND_REPLACES:
                    assert self.agent == "up" and self.caller
                case A.SEND_REFER:
                    assert self.caller
                case A.RELEASE_CALLER:
                    assert self.caller
                    self.caller = False
                case A.REPORT:
                    self.reports += 1

    @rule()
    def announced(self) -> None:
        self.done(self.it.announced(self.now))

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (at := self.it.get_timer()) is not None and at <= end:
            self.now = at
            self.done(self.it.handle_timer(at))
        self.now = end

    @precondition(lambda self: self.caller)
    @rule(notifies=st.booleans())
    def accepted(self, notifies: bool) -> None:
        self.done(self.it.refer_accepted(self.now, notifies=notifies))

    @precondition(lambda self: self.caller)
    @rule(status=st.sampled_from([400, 403, 405, 408, 481, 486, 503, 603]))
    def refused(self, status: int) -> None:
        self.done(self.it.refer_refused(status, "No", self.now))

    @precondition(lambda self: self.caller)
    @rule(status=st.sampled_from([100, 180, 200, 202, 404, 486, 603]), last=st.booleans())
    def notified(self, status: int, last: bool) -> None:
        self.done(self.it.refer_progress(status, "Why", self.now, is_last=last))

    @precondition(lambda self: self.agent == "calling")
    @rule()
    def answers(self) -> None:
        self.agent = "up"
        self.done(self.it.agent_answered(self.now))

    @precondition(lambda self: self.agent == "calling")
    @rule(status=st.sampled_from([0, 404, 486]))
    def fails(self, status: int) -> None:
        self.agent = ""
        self.done(self.it.agent_failed(status, "x", self.now))

    @precondition(lambda self: self.agent == "up")
    @rule()
    def leaves(self) -> None:
        self.agent = ""
        self.done(self.it.agent_gone(self.now))

    @rule(agrees=st.booleans())
    def says(self, agrees: bool) -> None:
        self.done(self.it.agent_agreed(self.now) if agrees else self.it.agent_declined("no", self.now))

    @rule()
    def take_back(self) -> None:
        self.done(self.it.take_back(self.now))

    @precondition(lambda self: self.caller and not self.it.over)
    @rule()
    def caller_hangs_up(self) -> None:
        self.caller = False
        self.done(self.it.caller_gone(self.now))

    @invariant()
    def no_leg_is_left(self) -> None:
        if not hasattr(self, "it"):
            return
        assert self.it.over == (self.reports == 1)
        if self.it.over:
            assert not self.agent and not self.bridged
            if isinstance(self.it.result, Transferred) and not self.it.result.returned:
                assert not self.caller
            if isinstance(self.it.result, TransferError):
                assert self.caller
        assert self.bridged == (self.it.state is S.BRIDGED)
        if not self.caller and not self.it.over:
            assert self.it.state is S.ALONE

    def teardown(self) -> None:
        """Time alone ends everything but a bridge, which a hang-up ends."""
        if hasattr(self, "it") and not self.it.over:
            self.done(self.it.announced(self.now))
            if self.it.state in {S.REFERRING, S.REPLACING}:
                self.refused(408)
            self.wait(1_000)
            if self.it.state is S.BRIDGED:
                self.caller_hangs_up()
            self.no_leg_is_left()
            assert self.it.over


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=1_000, stateful_step_count=50, deadline=None)
