"""The ports of a user agent that another process will have."""

import socket
from typing import Any

import pytest

from offhook.process.free_ports import with_free_ports
from offhook.settings.config import Config
from offhook.usererror import UserError
from tests.ports import HOST, own_port


def config(**sip: Any) -> Config:
    return Config.model_validate({"sip": {"backend": "pjsua2", **sip}})


def test_our_own_sip_finds_its_ports_itself() -> None:
    own = Config.model_validate({"sip": {"port": 0}})
    assert with_free_ports(own) is own


def test_0_becomes_a_port_that_is_free() -> None:
    found = with_free_ports(config(port=0, tls_port=0))
    assert found.sip.port
    assert found.sip.tls_port == 0  # there is no TLS
    found = with_free_ports(config(port=0, tls_port=0, tls_certificate="certificate.pem"))
    assert found.sip.tls_port not in (0, found.sip.port)


def test_a_port_that_is_given_stays_unless_somebody_has_it() -> None:
    port = own_port()
    assert with_free_ports(config(port=port)).sip.port == port
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as taken:
            taken.bind((HOST, own_port()))
            if kind is socket.SOCK_STREAM:
                taken.listen()
            with pytest.raises(UserError, match="SIP cannot use 127"):
                with_free_ports(config(port=taken.getsockname()[1]))
