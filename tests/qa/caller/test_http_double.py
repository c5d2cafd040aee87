import json
from time import monotonic
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from offhook.qa.caller.http_double import RunningDouble
from offhook.qa.script.script import HttpAnswer, HttpDouble
from offhook.usererror import UserError
from tests.ports import own_port


def test_it_answers_as_the_script_says_and_notes_what_was_asked() -> None:
    answers = (HttpAnswer("/orders", "POST", 201, '{"id": 3}'), HttpAnswer("/hours", body="nine to five"))
    began_s = monotonic()
    with RunningDouble(HttpDouble(own_port(), answers)) as double:
        url = f"http://127.0.0.1:{double.port}"
        with urlopen(Request(f"{url}/orders?x=1", b'{"number": 17}', method="POST"), timeout=5) as answer:
            assert answer.status == 201 and json.load(answer) == {"id": 3}
        with urlopen(f"{url}/hours", timeout=5) as answer:
            assert answer.read() == b"nine to five"
        with pytest.raises(HTTPError, match="404") as refused:
            urlopen(f"{url}/orders", timeout=5)
        refused.value.close()
        asked = double.since(began_s)
        with pytest.raises(UserError, match="cannot listen"):
            RunningDouble(HttpDouble(double.port))
    assert [(each.method, each.path, each.body) for each in asked] == [
        ("POST", "/orders?x=1", '{"number": 17}'),
        ("GET", "/hours", ""),
        ("GET", "/orders", ""),
    ]
    assert 0 <= asked[0].at_s <= asked[2].at_s
