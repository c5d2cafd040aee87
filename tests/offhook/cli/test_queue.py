"""What `offhook queue` shows."""

from offhook.cli.queue import lines


def test_who_waits_and_what_agents_do() -> None:
    waiting = {"call": "c1", "caller": "sip:200@192.0.2.9", "state": "waiting", "is_call_back": False}
    waiting |= {"waited_s": 42.4, "agents": []}
    back = {"call": "t2", "caller": "", "state": "calling back", "is_call_back": True, "waited_s": None}
    back |= {"agents": ["ben"]}
    talks = {"call": "c0", "state": "talking", "is_call_back": False, "waited_s": 3.0, "agents": ["anna"]}
    agents = {"anna": {"state": "talking", "calls": 1}, "ben": {"state": "reserved", "calls": 0}}
    queues = {"support": {"agents": ["anna", "ben"], "callers": [talks, waiting, back]}}
    backs = [{"queue": "support", "number": "+15551234567", "trunk": "main", "tries": 1}]
    dora = {"queue": "support", "state": "talking", "call": "c9", "caller": "+15557654321"}
    called_in = {"u1": dora, "u2": {**dora, "queue": "sales"}}
    found = {"queues": queues, "agents": agents, "called_in": called_in, "call_backs": backs}
    assert list(lines(found)) == [
        "support: 2 wait",
        "  1. sip:200@192.0.2.9: waiting, 42 s",
        "  2. t2: calling back, to be called back ben",
        "  to be called back: +15551234567, 1 call so far",
        "  anna: talking, 1 call",
        "  ben: reserved, 0 calls",
        "  +15557654321, who has called in: talking",
    ]


def test_a_queue_that_is_closed() -> None:
    queues = {"support": {"agents": [], "closed": True, "callers": []}}
    assert list(lines({"queues": queues, "agents": {}})) == ["support: closed, 0 wait"]
    queues["support"]["closed_by"] = ["emergency", "storm"]
    assert list(lines({"queues": queues, "agents": {}})) == ["support: closed by `emergency`, `storm`, 0 wait"]


def test_without_queues() -> None:
    (line,) = lines({"queues": {}, "agents": {}})
    assert "[queues.NAME]" in line
