"""Metrics of recognisers, voices, language models and tools."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

RESPONSE_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_TOOL_BUCKETS_S = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0)


class EngineMetrics:
    """A part of `Metrics`."""

    registry: CollectorRegistry

    def _define_engines(self) -> None:
        reg, labels = self.registry, ["part", "engine"]
        self._restarts = Counter(
            "offhook_engine_restarts",
            "Speech engines restarted after they died or hung.",
            ["engine"],
            registry=reg,
        )
        self._engine_uses = Counter(
            "offhook_engine_uses", "Turns recognised and texts spoken, by engine.", [*labels, "outcome"], registry=reg
        )
        self._engine_audio = Counter(
            "offhook_engine_audio_seconds", "Audio given to recognisers.", labels, registry=reg
        )
        self._engine_characters = Counter(
            "offhook_engine_characters", "Characters given to voices.", labels, registry=reg
        )
        self._engine_cost = Counter(
            "offhook_engine_cost", "The price of both, in the currency of the settings.", labels, registry=reg
        )
        self._engine_open = Gauge(
            "offhook_engine_breaker_open",
            "In how many processes an engine is passed over after failures.",
            labels,
            registry=reg,
        )
        self._define_models()

    def _define_models(self) -> None:
        reg = self.registry
        self._model_replies = Counter(
            "offhook_model_replies", "Replies of language models.", ["model", "outcome"], registry=reg
        )
        self._model_tokens = Counter(
            "offhook_model_tokens", "Tokens of language models, as they count them.", ["model", "kind"], registry=reg
        )
        self._model_cost = Counter(
            "offhook_model_cost", "The price of the tokens, in the currency of the settings.", ["model"], registry=reg
        )
        self._first_token = Histogram(
            "offhook_model_first_token_seconds",
            "From a request to the first token of its reply.",
            ["model"],
            buckets=RESPONSE_BUCKETS_S,
            registry=reg,
        )
        self._tools = Histogram(
            "offhook_tool_seconds",
            "How long tools of agents ran.",
            ["tool", "outcome"],
            buckets=_TOOL_BUCKETS_S,
            registry=reg,
        )
        self._speculations = Counter(
            "offhook_speculations", "Replies begun at a likely end of the caller's turn.", ["used"], registry=reg
        )
        self._speculated_tokens = Counter(
            "offhook_speculation_wasted_tokens", "Tokens of those that were dropped.", registry=reg
        )
        self._speculated_s = Counter(
            "offhook_speculation_saved_seconds", "How much sooner the others came.", registry=reg
        )

    def engine_restart(self, engine: str, count: int = 1) -> None:
        """`engine` is a name from our own registry."""
        self._restarts.labels(engine).inc(count)

    def engine_uses(self, part: str, engine: str, outcome: str, count: int) -> None:
        """Turns or texts since the last report. `engine` is a name from the settings, `outcome` an `Outcome`."""
        self._engine_uses.labels(part, engine, outcome).inc(count)

    def engine_spent(self, part: str, engine: str, *, audio_s: float, characters: int, cost: float) -> None:
        """What an engine used since the last report."""
        if part == "asr":
            self._engine_audio.labels(part, engine).inc(audio_s)
        else:
            self._engine_characters.labels(part, engine).inc(characters)
        self._engine_cost.labels(part, engine).inc(cost)

    def engine_open(self, part: str, engine: str, is_open: bool) -> None:
        """Whether an engine's circuit breaker is open."""
        self._engine_open.labels(part, engine).set(is_open)

    def model_replied(self, model: str, outcome: str, *, first_token_s: float | None, cost: float) -> None:
        """A reply is over: "answered", "given_up", "retried" or "failed". `model` is a name from the settings."""
        self._model_replies.labels(model, outcome).inc()
        self._model_cost.labels(model).inc(max(0.0, cost))
        if first_token_s is not None:
            self._first_token.labels(model).observe(first_token_s)

    def model_tokens(self, model: str, fresh: int, cached: int, output: int) -> None:
        """What a reply has used; `fresh` and `cached` are its input. A server's negative numbers are ignored."""
        for kind, count in (("input", fresh), ("cached_input", cached), ("output", output)):
            self._model_tokens.labels(model, kind).inc(max(0, count))

    def tool_ran(self, tool: str, seconds: float, *, failed: bool) -> None:
        """A tool has run. `tool` is a name from the agent's definition."""
        self._tools.labels(tool, "failed" if failed else "answered").observe(seconds)

    def speculated(self, *, used: bool, tokens: int, saved_s: float) -> None:
        """A reply that was begun early was used, or dropped after `tokens`."""
        self._speculations.labels("yes" if used else "no").inc()
        if used:
            self._speculated_s.inc(max(0.0, saved_s))
        else:
            self._speculated_tokens.inc(tokens)
