"""What `offhook queue` shows."""

from offhook.cli.queue import lines


def test_who_waits_and_what_agents_do() -> None:
    waiting = {"call": "c1", "state": "waiting", "is_call_back": False, "agents": []}
    back = {"call": "t2", "state": "calling back", "is_call_back": True, "agents": ["ben"]}
    talks = {"call": "c0", "state": "talking", "is_call_back": False, "agents": ["anna"]}
    agents = {"anna": {"state": "talking", "calls": 1}, "ben": {"state": "reserved", "calls": 0}}
    queues = {"support": {"agents": ["anna", "ben"], "callers": [talks, waiting, back]}}
    backs = [{"queue": "support", "number": "+15551234567", "trunk": "main", "tries": 1}]
    found = {"queues": queues, "agents": agents, "call_backs": backs}
    assert list(lines(found)) == [
        "support: 2 wait",
        "  1. c1: waiting",
        "  2. t2: calling back, to be called back ben",
        "  to be called back: +15551234567, 1 call so far",
        "  anna: talking, 1 call",
        "  ben: reserved, 0 calls",
    ]


def test_without_queues() -> None:
    (line,) = lines({"queues": {}, "agents": {}})
    assert "[queues.NAME]" in line
