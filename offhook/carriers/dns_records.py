"""The DNS, as the settings say."""

from concurrent.futures import Executor

from offhook.settings.sections import SipConfig
from offhook.settings.values import split_host_port
from offhook.sip.net.address import Address
from offhook.sip.net.records import DnsRecords

DNS_PORT = 53


def dns_records(sip: SipConfig, executor: Executor | None = None) -> DnsRecords:
    """For `executor` see `DnsRecords`."""
    named = (split_host_port(each) for each in sip.dns_servers)
    return DnsRecords([Address(host, port or DNS_PORT) for host, port in named], executor)
