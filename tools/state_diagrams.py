"""Draws docs/state-diagrams.md from the tables that the state machines run: `python -m tools.state_diagrams`."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from offhook.pipeline.turn.silence_tables import DEBTS, Debt
from offhook.pipeline.turn.tables import MOVES, Floor
from offhook.queues.tables import AGENT, CALLER
from offhook.sip.dialog.provisional_tables import PROVISIONALS
from offhook.sip.dialog.session_tables import SESSION
from offhook.sip.dialog.tables import INCOMING_CALL, OFFER, OUTGOING_CALL
from offhook.sip.transaction.machine import Start
from offhook.sip.transaction.tables import CLIENT, INVITE_CLIENT, INVITE_SERVER, SERVER
from offhook.transfer.tables import TRANSFER

PAGE = Path(__file__).resolve().parent.parent / "docs" / "state-diagrams.md"

Action = StrEnum | Start
Rows = Mapping[Any, tuple[Any, tuple[Action, ...]]]
"""(state, input) to (next state, actions). `Any`, because the keys of a Mapping are invariant."""

HEAD = """# State diagrams

Generated from the tables in the code by `make diagrams`; a test compares the two. Arrows are labelled with
the input and, after the slash, the actions; `+` starts a timer.

"""

MACHINES: tuple[tuple[str, str, StrEnum, Rows], ...] = (
    ("Who speaks: the floor", "`pipeline/turn/tables.py`.", Floor.IDLE, MOVES),
    ("Silence that the bot owes to end", "`pipeline/turn/silence_tables.py`.", Debt.NONE, DEBTS),
    (
        "An incoming call",
        "`sip/dialog/tables.py`; RFC 3261 §13.3, §15.",
        INCOMING_CALL.start[0],
        INCOMING_CALL.rows,
    ),
    (
        "An outgoing call",
        "`sip/dialog/tables.py`; RFC 3261 §13.2, §9.1.",
        OUTGOING_CALL.start[0],
        OUTGOING_CALL.rows,
    ),
    ("A re-INVITE", "`sip/dialog/tables.py`; RFC 3261 §14.", OFFER.start[0], OFFER.rows),
    (
        "Provisional responses that we send reliably",
        "`sip/dialog/provisional_tables.py`; RFC 3262 §3.",
        PROVISIONALS.start[0],
        PROVISIONALS.rows,
    ),
    (
        "A session that has to be refreshed",
        "`sip/dialog/session_tables.py`; RFC 4028.",
        SESSION.start[0],
        SESSION.rows,
    ),
    (
        "A transfer",
        "`offhook/transfer/tables.py`; RFC 3515, RFC 3891, RFC 5589.",
        TRANSFER.start[0],
        TRANSFER.rows,
    ),
    ("A caller in a queue", "`offhook/queues/tables.py`.", CALLER.start[0], CALLER.rows),
    ("An agent of a queue", "`offhook/queues/tables.py`.", AGENT.start[0], AGENT.rows),
    (
        "The INVITE client transaction",
        "`sip/transaction/tables.py`; RFC 3261 §17.1.1, RFC 6026.",
        INVITE_CLIENT.start[0],
        INVITE_CLIENT.rows,
    ),
    ("The non-INVITE client transaction", "`sip/transaction/tables.py`; §17.1.2.", CLIENT.start[0], CLIENT.rows),
    (
        "The INVITE server transaction",
        "`sip/transaction/tables.py`; RFC 3261 §17.2.1, RFC 6026.",
        INVITE_SERVER.start[0],
        INVITE_SERVER.rows,
    ),
    ("The non-INVITE server transaction", "`sip/transaction/tables.py`; §17.2.2.", SERVER.start[0], SERVER.rows),
)


def page() -> str:
    """The whole of docs/state-diagrams.md."""
    sections = (
        f"## {title}\n\n{source}\n\n```mermaid\n{diagram(start, rows)}\n```\n"
        for title, source, start, rows in MACHINES
    )
    return HEAD + "\n".join(sections)


def diagram(start: StrEnum, rows: Rows) -> str:
    """One machine in mermaid's language; rows between the same two states share an arrow."""
    arrows: dict[tuple[StrEnum, StrEnum], list[str]] = {}
    for (state, given), (after, actions) in rows.items():
        arrows.setdefault((state, after), []).append(_label(given, actions))
    lines = ["stateDiagram-v2", f"    [*] --> {_id(start)}"]
    states = dict.fromkeys(state for pair in arrows for state in pair)
    lines += [f"    {_id(state)}: {state.value}" for state in states]
    lines += [f"    {_id(one)} --> {_id(other)}: {'<br>'.join(labels)}" for (one, other), labels in arrows.items()]
    return "\n".join(lines)


def _label(given: StrEnum, actions: Iterable[Action]) -> str:
    done = ", ".join(f"+{action.timer.value}" if isinstance(action, Start) else action.value for action in actions)
    # A colon would end the label.
    return f"{given.value} / {done}".rstrip(" /").replace(":", "")


def _id(state: StrEnum) -> str:
    return state.name


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
