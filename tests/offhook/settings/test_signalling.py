"""`[signalling]`, and what a trunk has in place of it."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from offhook.settings.config import Config
from offhook.sip.policy import DialogPolicy, Use
from offhook.usererror import UserError
from tests.offhook.settings.files import write

TRUNK = '[trunks.a]\nhost = "sip.example.com"\n'


def test_without_any_setting() -> None:
    assert Config().signalling.policy() == DialogPolicy()


def test_a_trunk_wins(tmp_path: Path) -> None:
    text = '[signalling]\nsession_timer = "off"\nmin_session_expires_s = 120\n' + TRUNK
    config = Config.load(write(tmp_path, text + 'reliable_provisionals = "required"\nsession_expires_s = 100\n'))
    assert config.signalling.policy() == DialogPolicy(session_timer=Use.OFF, min_session_expires_s=120)
    of_the_trunk = config.signalling.policy(config.trunks["a"])
    assert of_the_trunk == DialogPolicy(Use.REQUIRED, Use.OFF, 120, 120, auth_host="sip.example.com")


def test_where_a_trunks_password_may_be_asked_for(tmp_path: Path) -> None:
    text = TRUNK + 'user = "100"\nauth_user = "bot"\naddresses = ["203.0.113.7", "198.51.100.9/24"]\n'
    config = Config.load(write(tmp_path, text))
    policy = config.signalling.policy(config.trunks["a"])
    assert (policy.auth_host, policy.auth_user) == ("sip.example.com", "bot")
    assert policy.servers == (ip_network("203.0.113.7"), ip_network("198.51.100.0/24"))


def test_an_interval_below_the_shortest(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        Config.load(write(tmp_path, "[signalling]\nsession_expires_s = 100\nmin_session_expires_s = 200\n"))
    (problem,) = caught.value.problems
    assert "`session_expires_s` is below `min_session_expires_s`" in str(problem)
