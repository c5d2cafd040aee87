"""The parent's side of an engine that runs in child processes: what recognisers and voices have in common."""

from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

from offhook.pipeline.engine_host.pool import HostLimits, HostPool

C = TypeVar("C")


class Hosted(Generic[C]):
    """`workers` child processes that each make `engine` ("module:Class").

    `options` are the class's keyword arguments, as JSON values. `name` is used in errors. A child that dies, or takes
    longer than `limits.hung_s` for one step, is replaced; its work in progress fails with EngineError.
    """

    host: ClassVar[str]
    """The HostedEngine that adapts the class, as "module:Class"."""

    def __init__(
        self,
        name: str,
        engine: str,
        capabilities: C,
        *,
        options: Mapping[str, object] | None = None,
        workers: int = 1,
        limits: HostLimits | None = None,
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        hosted = {"engine": engine, "options": dict(options or {})}
        self._pool = HostPool(self.host, workers, name=name, options=hosted, limits=limits)

    async def start(self) -> None:
        """Start the children and load the engine in each. Raises EngineError if that fails."""
        await self._pool.start()

    async def close(self) -> None:
        """End the children; work in progress fails. Idempotent."""
        await self._pool.close()

    @property
    def pids(self) -> list[int]:
        """The children's process ids."""
        return self._pool.pids

    @property
    def restarts(self) -> int:
        """Children that died or hung and were replaced."""
        return self._pool.counters.restarts

    def dump(self) -> dict[str, object]:
        """State of the children."""
        return self._pool.dump()
