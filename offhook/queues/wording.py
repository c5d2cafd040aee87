"""What callers in a queue hear, by language. Pure."""

import math
from dataclasses import dataclass

MAX_SAID_MIN = 60
"""A longer wait is said as this."""


@dataclass(frozen=True, slots=True)
class QueueWording:
    """`{n}` is a number, `{digits}` are digits with spaces between, `{key}` is a key."""

    next: str
    place: str
    minute: str
    minutes: str
    hour: str
    leave: str
    call_back: str
    own_number: str
    other_number: str
    will_call: str
    cannot_call: str
    is_call_back: str
    nobody: str
    star: str
    hash: str

    def place_text(self, position: int, wait_s: float | None) -> str:
        """Where a caller stands, and the wait in minutes, rounded up, if it is known."""
        text = self.next if position == 1 else self.place.format(n=position)
        if wait_s is None:
            return text
        wait_min = max(1, math.ceil(wait_s / 60))
        wait = self.minute if wait_min == 1 else self.minutes.format(n=wait_min)
        return f"{text} {self.hour if wait_min > MAX_SAID_MIN else wait}"

    def with_key(self, text: str, key: str) -> str:
        """A text that names a key."""
        return text.format(key={"*": self.star, "#": self.hash}.get(key, key))


_ENGLISH = QueueWording(
    next="You are next.",
    place="You are number {n} in the queue.",
    minute="The wait is about one minute.",
    minutes="The wait is about {n} minutes.",
    hour="The wait is more than an hour.",
    leave="To leave the queue, press {key}.",
    call_back="To be called back when it is your turn, press {key}.",
    own_number="To be called back at {digits}, press 1. Or enter another number, and then the pound key.",
    other_number="Please enter the number that we should call, and then the pound key.",
    will_call="We will call {digits} when it is your turn. Goodbye.",
    cannot_call="We cannot call that number. Please stay on the line.",
    is_call_back="You asked us to call you back. One moment, please: I am connecting you.",
    nobody="I am sorry, nobody can take your call now. Goodbye.",
    star="star",
    hash="pound",
)
_BY_LANGUAGE = {
    "en": _ENGLISH,
    "de": QueueWording(
        next="Sie sind als Nächstes an der Reihe.",
        place="Sie sind auf Platz {n} in der Warteschlange.",
        minute="Die Wartezeit beträgt etwa eine Minute.",
        minutes="Die Wartezeit beträgt etwa {n} Minuten.",
        hour="Die Wartezeit beträgt mehr als eine Stunde.",
        leave="Um die Warteschlange zu verlassen, drücken Sie {key}.",
        call_back="Um zurückgerufen zu werden, wenn Sie an der Reihe sind, drücken Sie {key}.",
        own_number="Für einen Rückruf unter {digits} drücken Sie 1. Oder geben Sie eine andere Nummer und Raute ein.",
        other_number="Bitte geben Sie die Nummer für den Rückruf ein, und dann Raute.",
        will_call="Wir rufen {digits} an, wenn Sie an der Reihe sind. Auf Wiederhören.",
        cannot_call="Diese Nummer können wir nicht anrufen. Bitte bleiben Sie in der Leitung.",
        is_call_back="Sie haben um einen Rückruf gebeten. Einen Moment bitte, ich verbinde Sie.",
        nobody="Leider kann gerade niemand Ihren Anruf annehmen. Auf Wiederhören.",
        star="Sterntaste",
        hash="Raute",
    ),
    "es": QueueWording(
        next="Es usted el siguiente.",
        place="Es usted el número {n} en la cola.",
        minute="El tiempo de espera es de aproximadamente un minuto.",
        minutes="El tiempo de espera es de aproximadamente {n} minutos.",
        hour="El tiempo de espera es de más de una hora.",
        leave="Para salir de la cola, pulse {key}.",
        call_back="Para que le llamemos cuando sea su turno, pulse {key}.",
        own_number="Para que le llamemos al {digits}, pulse 1. O introduzca otro número, y después la almohadilla.",
        other_number="Introduzca el número al que debemos llamar, y después la almohadilla.",
        will_call="Llamaremos al {digits} cuando sea su turno. Adiós.",
        cannot_call="No podemos llamar a ese número. Por favor, no cuelgue.",
        is_call_back="Nos pidió que le llamáramos. Un momento, por favor: le paso.",
        nobody="Lo sentimos, nadie puede atenderle ahora. Adiós.",
        star="asterisco",
        hash="almohadilla",
    ),
    "fr": QueueWording(
        next="Vous êtes le prochain.",
        place="Vous êtes numéro {n} dans la file d'attente.",
        minute="L'attente est d'environ une minute.",
        minutes="L'attente est d'environ {n} minutes.",
        hour="L'attente est de plus d'une heure.",
        leave="Pour quitter la file d'attente, tapez {key}.",
        call_back="Pour être rappelé quand ce sera votre tour, tapez {key}.",
        own_number="Pour être rappelé au {digits}, tapez 1. Ou entrez un autre numéro, puis dièse.",
        other_number="Veuillez entrer le numéro à rappeler, puis dièse.",
        will_call="Nous appellerons le {digits} quand ce sera votre tour. Au revoir.",
        cannot_call="Nous ne pouvons pas appeler ce numéro. Veuillez rester en ligne.",
        is_call_back="Vous avez demandé à être rappelé. Un instant, je vous mets en relation.",
        nobody="Désolé, personne ne peut prendre votre appel. Au revoir.",
        star="étoile",
        hash="dièse",
    ),
    "it": QueueWording(
        next="Lei è il prossimo.",
        place="Lei è il numero {n} nella coda.",
        minute="L'attesa è di circa un minuto.",
        minutes="L'attesa è di circa {n} minuti.",
        hour="L'attesa è di più di un'ora.",
        leave="Per lasciare la coda, prema {key}.",
        call_back="Per essere richiamato quando sarà il suo turno, prema {key}.",
        own_number="Per essere richiamato al {digits}, prema 1. O digiti un altro numero, e poi cancelletto.",
        other_number="Digiti il numero da richiamare, e poi cancelletto.",
        will_call="Chiameremo il {digits} quando sarà il suo turno. Arrivederci.",
        cannot_call="Non possiamo chiamare quel numero. Resti in linea, per favore.",
        is_call_back="Ha chiesto di essere richiamato. Un attimo, per favore: la metto in contatto.",
        nobody="Mi scusi, nessuno può rispondere ora. Arrivederci.",
        star="asterisco",
        hash="cancelletto",
    ),
    "nl": QueueWording(
        next="U bent als volgende aan de beurt.",
        place="U bent nummer {n} in de wachtrij.",
        minute="De wachttijd is ongeveer één minuut.",
        minutes="De wachttijd is ongeveer {n} minuten.",
        hour="De wachttijd is meer dan een uur.",
        leave="Toets {key} om de wachtrij te verlaten.",
        call_back="Toets {key} om te worden teruggebeld wanneer u aan de beurt bent.",
        own_number="Toets 1 om te worden teruggebeld op {digits}. Of voer een ander nummer in, en dan een hekje.",
        other_number="Voer het nummer in dat wij moeten bellen, en dan een hekje.",
        will_call="Wij bellen {digits} wanneer u aan de beurt bent. Tot ziens.",
        cannot_call="Dat nummer kunnen wij niet bellen. Blijft u aan de lijn.",
        is_call_back="U hebt gevraagd om te worden teruggebeld. Een ogenblik, ik verbind u door.",
        nobody="Sorry, niemand kan uw gesprek nu aannemen. Tot ziens.",
        star="sterretje",
        hash="hekje",
    ),
    "pt": QueueWording(
        next="O senhor é o próximo.",
        place="O senhor é o número {n} na fila.",
        minute="A espera é de cerca de um minuto.",
        minutes="A espera é de cerca de {n} minutos.",
        hour="A espera é de mais de uma hora.",
        leave="Para sair da fila, digite {key}.",
        call_back="Para ser chamado de volta na sua vez, digite {key}.",
        own_number="Para ser chamado no {digits}, digite 1. Ou digite outro número, e depois jogo da velha.",
        other_number="Digite o número para o qual devemos ligar, e depois jogo da velha.",
        will_call="Vamos ligar para {digits} na sua vez. Até logo.",
        cannot_call="Não podemos ligar para esse número. Aguarde na linha, por favor.",
        is_call_back="Você pediu para ser chamado de volta. Um momento, por favor: estou transferindo.",
        nobody="Desculpe, ninguém pode atender agora. Até logo.",
        star="asterisco",
        hash="jogo da velha",
    ),
}


def queue_wording_in(language: str | None) -> QueueWording:
    """The words in a language, a BCP 47 tag; English for None, and for a language that has none."""
    return _BY_LANGUAGE.get((language or "en").lower().partition("-")[0], _ENGLISH)


def text_in(language: str | None, texts: dict[str, str]) -> str | None:
    """The text of a language, by its whole tag or without its region; None if there is none."""
    tag = (language or "en").lower()
    by_tag = {name.lower(): text for name, text in texts.items()}
    return by_tag.get(tag, by_tag.get(tag.partition("-")[0]))
