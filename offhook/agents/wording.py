"""What an agent says without its model, by language. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AgentWording:
    """`fillers` bridge a wait, one after the other; `lost` follows a reply that broke off, `failed` one that never
    came, `again` one that never came and was apologised for; `used_up`
    ends a call that has reached its limits."""

    fillers: tuple[str, ...] = ("One moment.", "I am still working on it.", "Thank you for your patience.")
    still_there: str = "Are you still there?"
    goodbye: str = "Goodbye."
    lost: str = "I am sorry, I lost my thread. Could you say that again?"
    failed: str = "I am sorry, that did not work. Could you say that again?"
    again: str = "Could you say that again?"
    transferring: str = "I am connecting you now."
    used_up: str = "I am sorry, I have to end our conversation here. Goodbye."
    giving_up: str = "I am sorry, something is wrong on our side. Please call again later."


_WORDINGS = {
    "en": AgentWording(),
    "de": AgentWording(
        ("Einen Moment.", "Ich bin noch dabei.", "Danke für Ihre Geduld."),
        "Sind Sie noch da?",
        "Auf Wiederhören.",
        "Entschuldigung, ich habe den Faden verloren. Können Sie das noch einmal sagen?",
        "Entschuldigung, das hat nicht geklappt. Können Sie das noch einmal sagen?",
        "Können Sie das noch einmal sagen?",
        "Ich verbinde Sie.",
        "Entschuldigung, ich muss unser Gespräch hier beenden. Auf Wiederhören.",
        "Entschuldigung, bei uns ist etwas gestört. Bitte rufen Sie später noch einmal an.",
    ),
    "es": AgentWording(
        ("Un momento.", "Sigo en ello.", "Gracias por su paciencia."),
        "¿Sigue ahí?",
        "Adiós.",
        "Disculpe, he perdido el hilo. ¿Puede repetirlo?",
        "Disculpe, no ha funcionado. ¿Puede repetirlo?",
        "¿Puede repetirlo?",
        "Le paso.",
        "Disculpe, tengo que terminar aquí la conversación. Adiós.",
        "Disculpe, tenemos un problema. Por favor, llame más tarde.",
    ),
    "fr": AgentWording(
        ("Un instant.", "Je m'en occupe toujours.", "Merci de votre patience."),
        "Êtes-vous toujours là ?",
        "Au revoir.",
        "Excusez-moi, j'ai perdu le fil. Pouvez-vous répéter ?",
        "Excusez-moi, cela n'a pas fonctionné. Pouvez-vous répéter ?",
        "Pouvez-vous répéter ?",
        "Je vous mets en relation.",
        "Excusez-moi, je dois mettre fin à notre conversation. Au revoir.",
        "Excusez-nous, nous avons un problème. Veuillez rappeler plus tard.",
    ),
    "it": AgentWording(
        ("Un momento.", "Ci sto ancora lavorando.", "Grazie per la pazienza."),
        "È ancora in linea?",
        "Arrivederci.",
        "Mi scusi, ho perso il filo. Può ripetere?",
        "Mi scusi, non ha funzionato. Può ripetere?",
        "Può ripetere?",
        "La metto in comunicazione.",
        "Mi scusi, devo concludere qui la conversazione. Arrivederci.",
        "Ci scusi, abbiamo un problema. La preghiamo di richiamare più tardi.",
    ),
    "nl": AgentWording(
        ("Een moment.", "Ik ben er nog mee bezig.", "Bedankt voor uw geduld."),
        "Bent u er nog?",
        "Tot ziens.",
        "Sorry, ik ben de draad kwijt. Kunt u dat nog eens zeggen?",
        "Sorry, dat is niet gelukt. Kunt u dat nog eens zeggen?",
        "Kunt u dat nog eens zeggen?",
        "Ik verbind u door.",
        "Sorry, ik moet ons gesprek hier beëindigen. Tot ziens.",
        "Sorry, er is bij ons iets mis. Belt u later nog eens.",
    ),
    "pt": AgentWording(
        ("Um momento.", "Ainda estou a tratar disso.", "Obrigado pela paciência."),
        "Ainda está aí?",
        "Adeus.",
        "Desculpe, perdi-me. Pode repetir?",
        "Desculpe, não funcionou. Pode repetir?",
        "Pode repetir?",
        "Vou transferir a chamada.",
        "Desculpe, tenho de terminar aqui a conversa. Adeus.",
        "Desculpe, temos um problema. Por favor, ligue mais tarde.",
    ),
}


def agent_wording(language: str) -> AgentWording:
    """The wording in a language, a BCP 47 tag; English for one that has none."""
    return _WORDINGS.get(language.lower().partition("-")[0], _WORDINGS["en"])
