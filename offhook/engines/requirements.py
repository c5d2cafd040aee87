"""Checks the packages that the configured engines and codecs need."""

from importlib.util import find_spec

from offhook.engines.local_voices import AUTO, local_voices
from offhook.settings.config import AsrConfig, Config, TtsConfig
from offhook.usererror import UserError

_ENGINES = {
    ("asr", "pocketsphinx"): ("the recogniser pocketsphinx", "pocketsphinx", "local"),
    ("asr", "vosk"): ("the recogniser vosk", "vosk", "vosk"),
    ("asr", "sherpa"): ("the recogniser sherpa", "sherpa_onnx", "sherpa"),
    ("asr", "whisper"): ("the recogniser whisper", "ctranslate2", "whisper"),
    ("asr", "amazon"): ("the recogniser amazon", "botocore", "amazon"),
    ("tts", "amazon"): ("the voice amazon", "botocore", "amazon"),
    ("asr", "google"): ("the recogniser google", "google.cloud.speech_v2", "google"),
    ("tts", "google"): ("the voice google", "google.cloud.texttospeech_v1", "google"),
    ("tts", "espeak"): ("the voice espeak", "espeakng_loader", "local"),
    ("tts", "hibari"): ("the voice hibari", "hibari", "local"),
    ("tts", "kokoro"): ("the voice kokoro", "kokoro_onnx", "kokoro"),
    ("tts", "piper"): ("the voice piper", "piper", "piper"),
}
_CODECS = {
    "G722": ("the codec G722", "G722", "g722"),
    "OPUS": ("the codec OPUS", "opuslib_next", "opus"),
}
_SRTP = ("encrypted media", "pylibsrtp", "srtp")
_PROCESSORS = {"webrtc": ("the audio processor webrtc", "pywebrtc_audio", "apm")}


def require_installed(config: Config, *, asr: bool = True, tts: bool = True) -> None:
    """Raises one UserError for all missing packages, with the command that installs them.

    `asr` and `tts`: whether the configuration's recogniser and voice are used.
    """
    used = [("asr", each) for each in _engines(config.asr) if asr]
    used += [("tts", each) for each in _engines(config.tts) if tts]
    if ("tts", AUTO) in used:
        used += [("tts", name) for name in local_voices(config.tts)]
    wanted = [_ENGINES[each] for each in used if each in _ENGINES]
    wanted += [_CODECS[name] for name in config.rtp.codecs if name in _CODECS]
    wanted += [_PROCESSORS[config.audio.processor]] if config.audio.processor in _PROCESSORS else []
    wanted += [] if config.rtp.srtp == "off" else [_SRTP]
    missing = [(what, extra) for what, module, extra in wanted if not _is_installed(module)]
    if missing:
        whats = [what for what, _ in missing]
        extras = ",".join(dict.fromkeys(extra for _, extra in missing))
        raise UserError(
            f"{_listed(whats)} cannot be used",
            "the package is not installed" if len(missing) == 1 else "their packages are not installed",
            f"pip install 'offhook[{extras}]'",
        )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package around it is missing
        return False


def _engines(section: AsrConfig | TtsConfig) -> list[str]:
    """The engines behind `engine`, which may name instances: tables with a key `engine`."""
    return [str(section.options.get(name, {}).get("engine", name)) for name in section.chain]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
