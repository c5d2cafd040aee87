"""What first words say about who says them."""

import pytest

from offhook.pipeline.answering.verdict import AnsweredBy
from offhook.pipeline.answering.words import kind_by_words


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("hi you've reached john baker", AnsweredBy.VOICEMAIL),
        ("Please leave your message after the tone.", AnsweredBy.VOICEMAIL),
        ("john is not available right now", AnsweredBy.VOICEMAIL),
        ("Bitte hinterlassen Sie eine Nachricht nach dem Signalton", AnsweredBy.VOICEMAIL),
        ("deje su mensaje después del tono", AnsweredBy.VOICEMAIL),
        ("laissez un message après le bip", AnsweredBy.VOICEMAIL),
        ("lasciate un messaggio dopo il segnale", AnsweredBy.VOICEMAIL),
        ("for sales press one", AnsweredBy.IVR),
        ("Drücken Sie die Eins", AnsweredBy.IVR),
        ("please state your name and reason for calling", AnsweredBy.SCREENING),
        ("hello, can I ask who's calling", AnsweredBy.SCREENING),
        ("how can i help you", AnsweredBy.HUMAN),
        ("hello hello", AnsweredBy.HUMAN),
        ("hello", None),
        ("smith residence", None),
        ("", None),
    ],
)
def test_words(text: str, by: AnsweredBy | None) -> None:
    assert kind_by_words(text) is by
