"""A language model's server for tests: scripted, and as faulty as one likes."""

from offhook.testing.models.script import Asked, Fault, Reply, ScriptedCall
from offhook.testing.models.server import ModelServer

__all__ = ["Asked", "Fault", "ModelServer", "Reply", "ScriptedCall"]
