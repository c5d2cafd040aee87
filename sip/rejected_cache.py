"""INVITEs that were refused without a transaction, for as long as their senders may repeat them (RFC 3261 §8.2.7).

A copy must get the same answer: the sender has acted on the first one, and a later 2xx would set up a call without a
caller.
"""

from typing import TypeAlias

from offhook.sip.recent import Recent
from offhook.sip.uas_checks import Refusal

RejectedCache: TypeAlias = Recent[str, Refusal]
"""The answers, by the To tag of each: the same for each copy of an INVITE."""
