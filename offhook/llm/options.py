"""The options of one model: the table `[llm.NAME]`."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from offhook.engines.factory import FromEnvironment
from offhook.llm.limits import Prices

_Price = Annotated[float, Field(ge=0)]


class ModelOptions(BaseModel):
    """`extra` goes into the vendor's request as it is, such as {"reasoning_effort": "none"}. `warm`: whether a prompt
    is sent ahead of its request, for the server's cache; None: to servers of one's own. Prices are for a million
    tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    model: Annotated[str, Field(min_length=1)]
    base_url: Annotated[str, Field(pattern=r"https?://.+")] | None = None
    api_key: SecretStr | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] = 400
    warm: bool | None = None
    extra: Mapping[str, Any] = Field(default_factory=dict)
    price_input: _Price = 0.0
    price_cached_input: _Price | None = None
    price_output: _Price = 0.0

    @property
    def prices(self) -> Prices:
        """As a value."""
        return Prices(self.price_input, self.price_output, self.price_cached_input)


class OpenAiOptions(ModelOptions):
    """A model of OpenAI, or of any server with its Chat Completions."""

    api_key: Annotated[SecretStr | None, FromEnvironment("OPENAI_API_KEY")] = None


class AnthropicOptions(ModelOptions):
    """A model of Anthropic."""

    api_key: Annotated[SecretStr | None, FromEnvironment("ANTHROPIC_API_KEY")] = None


class GeminiOptions(ModelOptions):
    """A model of Google's Gemini API."""

    api_key: Annotated[SecretStr | None, FromEnvironment("GEMINI_API_KEY")] = None
