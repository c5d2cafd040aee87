"""The FastAPI application: `/healthz`, `/readyz`, `/metrics`."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from offhook.observe.health import Readiness, StatusSource
from offhook.observe.metrics import CONTENT_TYPE
from offhook.web.errors import add_error_answers
from offhook.web.headers import NO_STORE

METRICS_KEPT_S = 1.0

_READY_CODES = {
    Readiness.READY: 200,
    Readiness.STARTING: 503,
    Readiness.DRAINING: 503,
    Readiness.FULL: 429,  # nothing is wrong: a balancer should try the next node, and no alarm should go off
}


def create_app(status: StatusSource) -> FastAPI:
    """The application; its answers come from `status`."""
    # No documentation pages: they would load scripts from elsewhere, and show strangers the API.
    app = FastAPI(title="offhook", docs_url=None, redoc_url=None, openapi_url=None)
    cached_metrics = Cached(status.metrics)
    app.state.status = status  # for the live page
    add_error_answers(app)

    @app.get("/healthz")
    async def healthz() -> Response:
        health = status.health()
        body = {"alive": health.alive, "why": health.why, "loop_lag_ms": round(health.loop_lag_s * 1000, 1)}
        return JSONResponse(body, 200 if health.alive else 503, NO_STORE)

    @app.get("/readyz")
    async def readyz() -> Response:
        ready = status.ready()
        body = {**ready.details, "state": str(ready.state), "why": ready.why}
        return JSONResponse(body, _READY_CODES[ready.state], NO_STORE)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(await cached_metrics.get(), media_type=CONTENT_TYPE, headers=NO_STORE)

    return app


class Cached:
    """The result of `make`, called at most once in `METRICS_KEPT_S`: collecting from all workers is expensive."""

    def __init__(self, make: Callable[[], Awaitable[bytes]], now: Callable[[], float] = monotonic) -> None:
        self._make = make
        self._now = now
        self._lock = asyncio.Lock()
        self._cached = b""
        self._cached_at = float("-inf")

    async def get(self) -> bytes:
        """The latest result; concurrent requests share one call."""
        async with self._lock:
            if self._now() >= self._cached_at + METRICS_KEPT_S:
                self._cached = await self._make()
                self._cached_at = self._now()
            return self._cached
