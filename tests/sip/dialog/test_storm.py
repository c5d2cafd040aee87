"""Two user agents, any commands in any order, any losses: in the end all is over, and was reported once."""

from collections import Counter
from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from offhook.sip.commands import Answer, AnswerReinvite, Bye, Cancel, Command, Invite, Reinvite, Reject, Ring, Update
from offhook.sip.errors import LocalError
from offhook.sip.events import (
    CallCancelled,
    CallEnded,
    CallRejected,
    IncomingCall,
    PasswordWithheld,
    RegistrationEvent,
    ReinviteReceived,
    UserRegistered,
)
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer, Refer, RejectRefer
from tests.sip.dialog.harness import ALICE, ANSWER, BOB, OFFER, Agent, Wire
from tests.sip.steps import Counted, some

LAST = (CallCancelled, CallRejected, CallEnded)

SIDES = st.sampled_from([0, 1])
PICK = st.integers(0, 3)


class Storm(Counted):
    @initialize(lose=st.sets(st.integers(0, 80), max_size=30))
    def begin(self, lose: set[int]) -> None:
        self.wire = Wire(lose)
        self.agents = [self.wire.add("alice", ALICE), self.wire.add("bob", BOB)]
        self.handles: list[list[str]] = [[], []]
        self.rejected: set[str] = set()

    def agent(self, side: int) -> Agent:
        return self.agents[side]

    def known(self, side: int) -> list[str]:
        arrived = [event.call for event in self.agent(side).of(IncomingCall)]
        return self.handles[side] + arrived

    def command(self, side: int, pick: int, make: Callable[[str], Command]) -> bool:
        calls = self.known(side)
        if not calls:
            return False

        try:
            self.agent(side).do(make(calls[pick % len(calls)]))
        except LocalError:
            return False
        return True

    @rule(side=SIDES)
    def dial(self, side: int) -> None:
        target = f"sip:x@{[BOB, ALICE][side]}"
        self.handles[side].append(self.agent(side).do(Invite(target, OFFER)))

    @rule(side=SIDES)
    def set_up(self, side: int) -> None:
        self.dial(side)
        self.wire.run(0.05)
        for event in self.agent(1 - side).of(IncomingCall):
            self.command(1 - side, self.known(1 - side).index(event.call), lambda call: Answer(call, ANSWER))
        self.wire.run(0.05)

    @rule(side=SIDES, pick=PICK)
    def ring(self, side: int, pick: int) -> None:
        self.command(side, pick, Ring)

    @rule(side=SIDES, pick=PICK)
    def early_media(self, side: int, pick: int) -> None:
        self.command(side, pick, lambda call: Ring(call, 183, ANSWER))

    @rule(side=SIDES, pick=PICK)
    def answer(self, side: int, pick: int) -> None:
        self.command(side, pick, lambda call: Answer(call, ANSWER))

    @rule(side=SIDES, pick=PICK)
    def reject(self, side: int, pick: int) -> None:
        if self.command(side, pick, lambda call: Reject(call, 486)):
            calls = self.known(side)
            self.rejected.add(calls[pick % len(calls)])

    @rule(side=SIDES, pick=PICK, make=st.sampled_from([Bye, Cancel]))
    def end(self, side: int, pick: int, make: Callable[[str], Command]) -> None:
        self.command(side, pick, make)

    @rule(side=SIDES, pick=PICK, both=st.booleans())
    def reinvite(self, side: int, pick: int, both: bool) -> None:
        self.command(side, pick, lambda call: Reinvite(call, OFFER))
        if both:
            self.command(1 - side, pick, lambda call: Reinvite(call, OFFER))

    @rule(side=SIDES, pick=PICK, both=st.booleans())
    def update(self, side: int, pick: int, both: bool) -> None:
        self.command(side, pick, lambda call: Update(call, OFFER))
        if both:
            self.command(1 - side, pick, lambda call: Reinvite(call, OFFER))

    @rule(side=SIDES)
    def decide(self, side: int) -> None:
        for event in self.agent(side).of(ReinviteReceived):
            if event.call in self.known(side):
                self.command(side, self.known(side).index(event.call), lambda call: AnswerReinvite(call, ANSWER))

    @rule(side=SIDES, pick=PICK, subscribe=st.booleans())
    def refer(self, side: int, pick: int, subscribe: bool) -> None:
        self.command(side, pick, lambda call: Refer(call, "sip:agent@192.0.2.9", subscribe=subscribe))

    @rule(side=SIDES, pick=PICK)
    def take_over(self, side: int, pick: int) -> None:
        calls = self.known(side)
        if calls:
            self.command(side, pick, lambda call: Refer(call, "", replaces=calls[(pick + 1) % len(calls)]))

    @rule(
        side=SIDES,
        pick=PICK,
        status=st.sampled_from([180, 200, 486]),
        what=st.sampled_from(["accept", "reject", "tell"]),
    )
    def answer_refer(self, side: int, pick: int, status: int, what: str) -> None:
        match what:
            case "accept":
                self.command(side, pick, AcceptRefer)
            case "reject":
                self.command(side, pick, lambda call: RejectRefer(call, 603))
            case _:
                self.command(side, pick, lambda call: NotifyRefer(call, status))

    @rule(seconds=st.sampled_from([0.005, 0.01, 0.3, 2.0, 33.0]))
    def wait(self, seconds: float) -> None:
        self.wire.run(seconds)

    @invariant()
    def nothing_follows_the_last_word(self) -> None:
        for agent in self.agents:
            dead: set[str] = set()
            for event in agent.events:
                assert not isinstance(event, RegistrationEvent | UserRegistered | PasswordWithheld)
                assert event.call not in dead
                if isinstance(event, LAST):
                    dead.add(event.call)

    def teardown(self) -> None:
        if not hasattr(self, "wire"):
            return
        self.wire.lose = set()
        for side in (0, 1):
            for pick in range(len(self.known(side))):
                self.command(side, pick, Bye)
                self.command(side, pick, Cancel)
        self.wire.run(200)
        for side in (0, 1):
            for pick in range(len(self.known(side))):
                self.command(side, pick, Bye)
        self.wire.run(700)
        for side, agent in enumerate(self.agents):
            assert agent.ua.idle, agent.ua.dump(self.wire.now)
            assert agent.ua.get_timer() is None
            words = Counter(event.call for event in agent.events if isinstance(event, LAST))
            assert words == Counter(call for call in self.known(side) if call not in self.rejected)


Storm.TestCase.settings = some(1_500)
TestStorm = Storm.TestCase
