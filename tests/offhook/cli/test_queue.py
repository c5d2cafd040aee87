"""What `offhook queue` shows."""

from offhook.cli.queue import lines


def test_who_waits_and_what_agents_do() -> None:
    waiting = {"call": "c1", "state": "waiting", "is_call_back": False, "agents": []}
    back = {"call": "t2", "state": "calling back", "is_call_back": True, "agents": ["ben"]}
    talks = {"call": "c0", "state": "talking", "is_call_back": False, "agents": ["anna"]}
    agents = {"anna": {"state": "talking", "calls": 1}, "ben": {"state": "reserved", "calls": 0}}
    found = {"queues": {"support": {"agents": ["anna", "ben"], "callers": [talks, waiting, back]}}, "agents": agents}
    assert list(lines(found)) == [
        "support: 2 wait",
        "  1. c1: waiting",
        "  2. t2: calling back, to be called back ben",
        "  anna: talking, 1 call",
        "  ben: reserved, 0 calls",
    ]


def test_without_queues() -> None:
    (line,) = lines({"queues": {}, "agents": {}})
    assert "[queues.NAME]" in line
