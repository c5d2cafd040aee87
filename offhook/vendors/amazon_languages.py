"""The languages of Amazon Transcribe's streams, and Polly's voices by language. Pure tables.

Transcribe: Developer Guide, "Supported languages", those with streaming. Polly: Developer Guide, "Available voices".
"""

from offhook.pipeline.language import primary

TRANSCRIBED = (
    *("af-ZA", "ar-AE", "ar-SA", "ca-ES", "cs-CZ", "da-DK", "de-CH", "de-DE", "el-GR", "en-AB", "en-AU", "en-GB"),
    *("en-IE", "en-IN", "en-NZ", "en-US", "en-WL", "en-ZA", "es-ES", "es-US", "eu-ES", "fa-IR", "fi-FI", "fr-CA"),
    *("fr-FR", "gl-ES", "he-IL", "hi-IN", "hr-HR", "id-ID", "it-IT", "ja-JP", "ko-KR", "lv-LV", "ms-MY", "nl-NL"),
    *("no-NO", "pl-PL", "pt-BR", "pt-PT", "ro-RO", "ru-RU", "sk-SK", "so-SO", "sr-RS", "sv-SE", "th-TH", "tl-PH"),
    *("uk-UA", "vi-VN", "zh-CN", "zh-HK", "zh-TW", "zu-ZA"),
)

_USUAL = ("ar-SA", "de-DE", "en-US", "es-US", "fr-FR", "pt-BR", "zh-CN")
"""Of languages with several."""

VOICES = {
    **dict.fromkeys(("Joanna", "Danielle", "Ruth", "Salli", "Kimberly", "Kendra", "Ivy"), "en-US"),
    **dict.fromkeys(("Matthew", "Gregory", "Stephen", "Joey", "Justin", "Kevin"), "en-US"),
    **dict.fromkeys(("Amy", "Emma", "Brian", "Arthur"), "en-GB"),
    **{"Olivia": "en-AU", "Niamh": "en-IE", "Kajal": "en-IN", "Aria": "en-NZ", "Jasmine": "en-SG", "Ayanda": "en-ZA"},
    **{"Vicki": "de-DE", "Daniel": "de-DE", "Hannah": "de-AT", "Sabrina": "de-CH"},
    **{"Lea": "fr-FR", "Remi": "fr-FR", "Isabelle": "fr-BE", "Gabrielle": "fr-CA", "Liam": "fr-CA"},
    **{"Lucia": "es-ES", "Sergio": "es-ES", "Mia": "es-MX", "Andres": "es-MX", "Lupe": "es-US", "Pedro": "es-US"},
    **{"Bianca": "it-IT", "Adriano": "it-IT", "Camila": "pt-BR", "Vitoria": "pt-BR", "Thiago": "pt-BR"},
    **{"Ines": "pt-PT", "Laura": "nl-NL", "Lisa": "nl-BE", "Ola": "pl-PL", "Elin": "sv-SE", "Ida": "nb-NO"},
    **{"Sofie": "da-DK", "Suvi": "fi-FI", "Arlet": "ca-ES", "Burcu": "tr-TR", "Jitka": "cs-CZ", "Hala": "ar-AE"},
    **{"Zayd": "ar-AE", "Kazuha": "ja-JP", "Tomoko": "ja-JP", "Takumi": "ja-JP", "Seoyeon": "ko-KR", "Jihye": "ko-KR"},
    **{"Zhiyu": "zh-CN", "Hiujin": "yue-CN"},
}
"""The neural voices, the usual one of each language first; each with the language that it speaks."""

HINDI = "Kajal"
"""It speaks Hindi as well as English."""


def transcribed(language: str) -> str:
    """What Transcribe calls a BCP 47 tag; the tag itself if it has no such language."""
    exact = {tag.lower(): tag for tag in TRANSCRIBED}
    if language.lower() in exact:
        return exact[language.lower()]
    base = {"nb": "no", "nn": "no", "fil": "tl", "yue": "zh-hk"}.get(primary(language), primary(language))
    if base in exact:
        return exact[base]
    return next((tag for tag in (*_USUAL, *TRANSCRIBED) if primary(tag) == base), language)


def voice_for(language: str) -> str | None:
    """The usual voice of a BCP 47 tag: its own, or one of the same language elsewhere; None if Polly has none."""
    base = {"no": "nb"}.get(primary(language), primary(language))
    if base == "hi":
        return HINDI
    same = (voice for voice, tag in VOICES.items() if tag.lower() == language.lower())
    near = (voice for voice, tag in VOICES.items() if primary(tag) == base)
    return next(same, None) or next(near, None)
