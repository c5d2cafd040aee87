"""The state diagrams of the documentation are those of the code."""

from enum import StrEnum

from offhook.sip.transaction.machine import Start
from tools.state_diagrams import MACHINES, PAGE, diagram, page


class _State(StrEnum):
    IDLE = "idle"
    BUSY = "busy"


class _What(StrEnum):
    WORK = "work"
    DONE = "end: done"
    TIMER = "timer a"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "type: make diagrams"


def test_every_row_of_every_table_is_drawn() -> None:
    text = page()
    for title, _, _, rows in MACHINES:
        drawn = text.split(f"## {title}\n")[1].split("```mermaid")[1].split("```")[0]
        arrows = [line for line in drawn.splitlines() if "-->" in line and "[*]" not in line]
        assert sum(line.count("<br>") + 1 for line in arrows) == len(rows)


def test_arrows_between_the_same_states_share_a_line() -> None:
    rows: dict[tuple[_State, _What], tuple[_State, tuple[_What | Start, ...]]] = {
        (_State.IDLE, _What.WORK): (_State.BUSY, (Start(_What.TIMER),)),
        (_State.BUSY, _What.DONE): (_State.IDLE, ()),
        (_State.BUSY, _What.TIMER): (_State.IDLE, (_What.DONE,)),
    }
    assert diagram(_State.IDLE, rows).splitlines() == [
        "stateDiagram-v2",
        "    [*] --> IDLE",
        "    IDLE: idle",
        "    BUSY: busy",
        "    IDLE --> BUSY: work / +timer a",
        "    BUSY --> IDLE: end done<br>timer a / end done",
    ]
