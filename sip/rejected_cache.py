"""INVITEs that were refused without a transaction, for as long as their senders may repeat them (RFC 3261 §8.2.7).

A copy must not be judged anew: the sender has made up its mind with the first answer, and a 2xx that follows it would
set up a call in which nobody is.
"""

from typing import TypeAlias

from offhook.sip.recent import Recent
from offhook.sip.uas_checks import Refusal

RejectedCache: TypeAlias = Recent[str, Refusal]
"""The answers, by the To tag of each: the same for each copy of an INVITE."""
