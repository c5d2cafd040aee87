"""What `/api/queues` answers."""

from collections.abc import Mapping

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from offhook.settings.queues import NotInQueuesError
from offhook.usererror import UserError
from offhook.web.queues import queue_routes


class Live:
    """Knows the queue support, the agent anna, and that 200 is to be called back."""

    def __len__(self) -> int:
        return 1

    def agent(self, name: str, action: str, by: str = "") -> dict[str, object]:
        assert by == "testclient"
        if action != "login":
            raise UserError(f"an agent cannot `{action}`", "they log in", "login")
        if name != "anna":
            raise NotInQueuesError(f"there is no agent `{name}`", "no queue has this agent", "did you mean `anna`?")
        return {"agent": name, "state": "ready"}

    def close(self, name: str, *, closed: bool, by: str = "") -> dict[str, object]:
        assert by == "testclient"
        if name != "support":
            raise NotInQueuesError(f"there is no queue `{name}`", "[queues] has none", "did you mean `support`?")
        return {"queue": name, "closed": closed}

    def drop_call_backs(self, number: str) -> dict[str, object]:
        if number != "200":
            raise NotInQueuesError(f"nobody is to be called back at `{number}`", "no queue has it", "offhook queue")
        return {"number": number, "dropped": 1}

    def dump(self) -> Mapping[str, object]:
        return {"queues": {}, "agents": {}, "call_backs": []}


@pytest.mark.parametrize(
    ("path", "content", "status", "part"),
    [
        ("agents", {"agent": "anna", "action": "login"}, 200, '"ready"'),
        ("agents", {"agent": "ana", "action": "login"}, 404, "did you mean `anna`?"),
        ("agents", {"agent": "anna", "action": "dance"}, 400, "an agent cannot `dance`"),
        ("agents", {"agent": "anna"}, 422, "action"),
        ("closed", {"queue": "support", "closed": True}, 200, '"closed":true'),
        ("closed", {"queue": "support", "closed": False}, 200, '"closed":false'),
        ("closed", {"queue": "suport", "closed": True}, 404, "did you mean `support`?"),
        ("closed", {"queue": "support"}, 422, "closed"),
        ("dropped", {"number": "200"}, 200, '"dropped":1'),
        ("dropped", {"number": "201"}, 404, "nobody is to be called back at `201`"),
        ("dropped", {"number": "2" * 300}, 422, "number"),
    ],
)
def test_what_people_do(path: str, content: dict[str, object], status: int, part: str) -> None:
    app = FastAPI()
    app.include_router(queue_routes(Live()))
    client = TestClient(app)
    assert client.get("/api/queues").json() == {"queues": {}, "agents": {}, "call_backs": []}
    answer = client.post(f"/api/queues/{path}", json=content)
    assert (answer.status_code, part in answer.text) == (status, True)
