"""Speech-to-speech models as agents: OpenAI Realtime, OpenAI Live, Gemini Live."""
