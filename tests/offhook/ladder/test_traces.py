"""What is kept of a bot's SIP messages: all of its calls, within bounds; a flood takes no more room."""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.ladder.kept import MAX_OF_STRANGERS, Bounds, KeptMessages
from offhook.ladder.traces import MAX_FOUND, MAX_OTHERS, MAX_REGISTRATIONS, OTHERS_BYTES, SipTraces
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Transport
from tests.offhook.ladder.wire import flow, invite, message


@dataclass
class Bench:
    """Traces with a clock that the test moves."""

    now: float = 1_000.0
    due: list[Callable[[], object]] = field(default_factory=list)
    over: list[KeptMessages] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.traces = SipTraces(self._later, self.over.append, lambda: self.now)

    def _later(self, delay: float, callback: Callable[..., object], /, *args: object) -> None:
        self.due.append(lambda: callback(*args))

    def linger(self) -> None:
        for callback in self.due:
            callback()
        self.due.clear()

    def received(self, data: bytes) -> None:
        self.traces.on_message(data, flow(), True)

    def sent(self, data: bytes) -> None:
        self.traces.on_message(data, flow(), False)


TRYING = message("SIP/2.0 100 Trying")
OK = message("SIP/2.0 200 OK")
BYE = message("BYE sip:a SIP/2.0", cseq="2 BYE")


def starts(kept: KeptMessages) -> list[str]:
    return [each.data.split(b" ")[0 if each.received else 1].decode() for each in kept]


def test_a_call_from_its_first_message_to_the_answer_of_its_bye() -> None:
    bench = Bench()
    bench.received(invite())
    bench.sent(TRYING)
    bench.traces.begin("handle", "one")
    bench.sent(OK)
    bench.received(message("ACK sip:a SIP/2.0", cseq="1 ACK"))
    bench.received(BYE)
    bench.traces.end("handle")
    bench.sent(message("SIP/2.0 200 OK", cseq="2 BYE"))
    assert bench.over == []
    bench.linger()
    (kept,) = bench.over
    assert starts(kept) == ["INVITE", "100", "200", "ACK", "BYE", "200"]
    assert bench.traces.find("one") == [kept]  # still there for a while


def test_repeats_are_counted() -> None:
    kept = KeptMessages("one", Bounds())
    for at in (1.0, 1.5, 2.5):
        kept.add(at, invite(), flow(), True)
    (only,) = kept
    assert (only.again, only.last_s, only.at_s) == (2, 2.5, 1.0)


def test_the_middle_of_a_long_call_goes_first() -> None:
    kept = KeptMessages("one", Bounds(first=3, latest=2, most_bytes=100_000))
    for number in range(50):
        kept.add(number, message("UPDATE sip:a SIP/2.0", cseq=f"{number} UPDATE"), flow(), True)
    assert [each.at_s for each in kept] == [0, 1, 2, 48, 49]
    assert kept.omitted == 45
    kept.add(50, message("UPDATE sip:a SIP/2.0", cseq="10 UPDATE"), flow(), True)
    assert [each.at_s for each in kept][-1] == 50  # what was forgotten is no repeat


def test_large_messages_have_a_bound_too() -> None:
    kept = KeptMessages("one", Bounds())
    for number in range(100):
        kept.add(number, b"%d" % number + b"x" * 60_000, flow(), True)
    assert sum(len(each.data) for each in kept) <= Bounds().most_bytes


def test_a_flood_takes_no_more_room_and_no_call_is_lost_in_it() -> None:
    bench = Bench()
    for number in range(20_000):
        bench.now += 1 / 2_000
        bench.received(invite(call_id=f"flood-{number}"))
        bench.sent(message("SIP/2.0 503 Full", call_id=f"flood-{number}"))
    bench.received(invite())
    bench.sent(TRYING)
    bench.traces.begin("handle", "one")
    (kept,) = bench.traces.find("one")
    assert starts(kept) == ["INVITE", "100"]
    found = bench.traces.dump()
    assert isinstance(found["others_bytes"], int) and found["others_bytes"] <= OTHERS_BYTES
    assert isinstance(found["others"], int) and 500 < found["others"] <= 1_100  # a hundred a second


def test_legs_are_found_together() -> None:
    bench = Bench()
    bench.received(invite())
    bench.traces.begin("call", "one")
    bench.traces.begin("leg", "two", part_of="call")
    bench.sent(invite(call_id="two"))
    bench.received(invite(call_id="three"))
    bench.traces.begin("other", "three")
    for name in ("one", "two", "call", "leg"):
        assert {each.call_id for each in bench.traces.find(name)} == {"one", "two"}
    bench.traces.end("call")
    bench.linger()
    assert {each.call_id for each in bench.traces.find("two")} == {"one", "two"}


def test_a_call_that_goes_to_another_worker_goes_on() -> None:
    bench = Bench()
    bench.received(invite())
    bench.traces.begin("handle", "one")
    bench.traces.end("handle")
    bench.traces.begin("handle", "one")
    bench.linger()
    bench.sent(OK)
    (kept,) = bench.traces.find("one")
    assert starts(kept) == ["INVITE", "200"] and bench.over == []


def test_a_second_call_with_the_same_call_id_does_not_end_the_trace_of_the_first() -> None:
    bench = Bench()
    bench.received(invite())
    bench.traces.begin("first", "one")
    bench.traces.begin("second", "one", host="203.0.113.9")
    bench.traces.end("second")
    bench.linger()
    bench.received(BYE)
    assert bench.over == []
    bench.traces.end("first")
    bench.linger()
    assert [starts(each) for each in bench.over] == [["INVITE", "BYE"]]


def test_our_registrations_are_kept_longer_than_what_strangers_send() -> None:
    bench = Bench()
    for number in range(MAX_REGISTRATIONS + 5):
        bench.sent(message("REGISTER sip:b SIP/2.0", call_id=f"account-{number}", cseq="1 REGISTER"))
    bench.received(message("REGISTER sip:b SIP/2.0", call_id="stranger", cseq="1 REGISTER"))
    assert bench.traces.find("account-0") == [] and bench.traces.find("account-9")
    assert bench.traces.dump()["registrations"] == MAX_REGISTRATIONS


def test_what_has_no_call_id_in_its_head_is_not_kept() -> None:
    bench = Bench()
    for data in (b"\r\n\r\n", b"", b"\xff\x00", b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\nx\r\nCall-ID: one\r\n"):
        bench.received(data)
    assert bench.traces.dump()["others"] == 0


def test_who_watches_gets_each_message_as_it_comes() -> None:
    bench = Bench()
    seen: list[tuple[str, bool, int]] = []
    bench.traces.watchers.append(lambda call_id, each: seen.append((call_id, each.received, each.again)))
    bench.received(invite())
    bench.received(invite())
    bench.traces.on_message(TRYING, flow(transport=Transport.TLS), False)
    assert seen == [("one", True, 0), ("one", True, 1), ("one", False, 0)]


def test_small_messages_take_no_more_room_than_large_ones() -> None:
    bench = Bench()
    tracemalloc.start()
    try:
        for number in range(100_000):
            bench.now += 1 / 100  # no faster than is kept
            bench.received(b"SIP/2.0 \ni:%x" % number)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert bench.traces.dump()["others"] == MAX_OTHERS
    assert taken < 1.25 * OTHERS_BYTES
    assert bench.traces.find(f"{99_999:x}") and not bench.traces.find("1")


def test_a_long_call_id_counts() -> None:
    bench = Bench()
    for number in range(2_000):
        bench.now += 1 / 100
        bench.received(b"OPTIONS sip:a SIP/2.0\r\ni:%d%s\r\n\r\n" % (number, b"x" * 6_000))
    assert int(str(bench.traces.dump()["others"])) * 4 * 6_000 < OTHERS_BYTES


def test_a_call_without_a_message_leaves_nothing() -> None:
    bench = Bench()
    bench.traces.begin("handle", "one")
    bench.traces.end("handle")
    bench.linger()
    assert bench.over == [] and bench.traces.dump()["others"] == 0


def test_no_more_legs_are_shown_than_so_many() -> None:
    bench = Bench()
    bench.traces.begin("call", "call")
    for number in range(2 * MAX_FOUND):
        bench.traces.begin(f"leg-{number}", f"leg-{number}", part_of="call")
    assert len(bench.traces.find("call")) == MAX_FOUND


def test_strangers_push_out_nothing_of_a_call() -> None:
    bench = Bench()
    stranger = flow(Address("203.0.113.9", 5060))
    bench.received(invite())
    bench.traces.begin("handle", "one", host="192.0.2.7")
    for number in range(200):
        update = message("UPDATE sip:a SIP/2.0", cseq=f"{number} UPDATE", body="x" * 4_000)
        bench.traces.on_message(update, stranger, True)
        bench.traces.on_message(message("SIP/2.0 481 None", cseq=f"{number} UPDATE"), stranger, False)
    bench.sent(OK)
    bench.received(message("ACK sip:a SIP/2.0", cseq="1 ACK"))
    (kept,) = bench.traces.find("one")
    own = [each for each in kept if each.flow.remote.host == "192.0.2.7"]
    assert [each.data.split(b" ")[0] for each in own] == [b"INVITE", b"SIP/2.0", b"ACK"]
    assert len(list(kept)) - len(own) == MAX_OF_STRANGERS and kept.omitted == 400 - MAX_OF_STRANGERS


def test_whom_we_send_requests_is_no_stranger() -> None:
    """A proxy without Record-Route leaves the dialog: the far end's Contact is elsewhere (RFC 3261 §12.1.1)."""
    bench = Bench()
    bench.received(invite())
    bench.traces.begin("handle", "one", host="192.0.2.7")
    elsewhere = flow(Address("192.0.2.44", 5060))
    bench.traces.on_message(message("OPTIONS sip:a SIP/2.0", cseq="1 OPTIONS"), elsewhere, False)
    for number in range(2 * MAX_OF_STRANGERS):
        bench.traces.on_message(message("UPDATE sip:a SIP/2.0", cseq=f"{number} UPDATE"), elsewhere, True)
    (kept,) = bench.traces.find("one")
    assert kept.omitted == 0


Reported = list[tuple[bytes, bool]]


def reports(bench: Bench, call_id: str = "one", handle: str = "handle", **options: str) -> Reported:
    """Begin a call that is captured: what is reported of it."""
    found: Reported = []
    bench.traces.begin(handle, call_id, **options, report=lambda seen, own: found.append((seen.data, own)))
    return found


def test_a_captured_call_is_reported_whole_and_with_its_repeats() -> None:
    bench = Bench()
    large = invite() + b"x" * 60_000
    for data in (large, large):
        bench.now += 0.5
        bench.received(data)
    found = reports(bench)
    bench.sent(TRYING)
    bench.sent(TRYING)
    bench.received(message("BYE sip:a SIP/2.0", call_id="other"))
    assert found == [(large, True)] * 2 + [(TRYING, True)] * 2
    (kept,) = bench.traces.find("one")
    assert [each.again for each in kept] == [1, 1]
    assert bench.traces.is_captured("handle") and not bench.traces.is_captured("other")


def test_a_flood_keeps_nothing_from_a_capture() -> None:
    bench = Bench()
    for number in range(2_000):
        bench.received(message("OPTIONS sip:a SIP/2.0", call_id=f"flood-{number}"))
    bench.received(invite())
    assert reports(bench) == [(invite(), True)]


def test_a_capture_has_the_end_of_its_call_and_nothing_after_it() -> None:
    bench = Bench()
    found = reports(bench)
    bench.received(BYE)
    bench.traces.end("handle")
    bench.sent(OK)
    assert found == [(BYE, True), (OK, True)]
    bench.linger()
    bench.sent(OK)
    assert len(found) == 2 and not bench.traces.is_captured("handle")


def test_a_call_id_used_twice_brings_nothing_of_one_call_into_the_capture_of_another() -> None:
    """Which of its keys are private is known to a call's own capture alone."""
    bench = Bench()
    first, second = reports(bench, handle="first"), reports(bench, handle="second")
    bench.received(invite())
    bench.traces.end("first")
    third = reports(bench, handle="third")
    bench.linger()
    bench.received(BYE)
    assert first == [(invite(), True)] and second == third == []
    assert not bench.traces.is_captured("second")


def test_another_worker_gets_a_captured_call_from_its_beginning() -> None:
    bench = Bench()
    bench.received(invite())
    lost = reports(bench)
    bench.now += 1
    bench.sent(TRYING)
    bench.traces.end("handle")
    found = reports(bench)
    bench.linger()
    bench.now += 1
    bench.sent(OK)
    assert found == [(invite(), True), (TRYING, True), (OK, True)] and lost == found[:2]


def test_a_capture_tells_strangers_apart() -> None:
    bench = Bench()
    bench.received(invite())
    found = reports(bench, host="192.0.2.7")
    bench.traces.on_message(BYE, flow(Address("203.0.113.9", 5060)), True)
    assert found == [(invite(), True), (BYE, False)]


def test_what_is_left_is_handed_over_at_the_end() -> None:
    bench = Bench()
    bench.received(invite())
    bench.traces.begin("handle", "one")
    bench.traces.close()
    assert [each.call_id for each in bench.over] == ["one"]
