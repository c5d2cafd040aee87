"""A running bot's web server: its routes, its pages, and the calls that come over it."""

from dataclasses import dataclass

from offhook.calls.directory import CallDirectory
from offhook.observe.live_events import LiveEvent
from offhook.process.bot_status import BotStatus
from offhook.process.call_watch import Signalling
from offhook.process.calls_out import CallsOut
from offhook.process.capture_orders import CaptureOrders
from offhook.process.queues import Queues
from offhook.process.stream_intake import StreamIntake
from offhook.process.switchboard import Switchboard
