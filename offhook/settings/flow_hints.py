"""Hints for keys that a flow does not have: its own word for it, or where it can be done instead."""

import re
from collections.abc import Collection

from yaml.nodes import Node, ScalarNode, SequenceNode

from offhook.pipeline.dialog.hints import PYTHON

# Other systems' names for a flow's keys. A name may have several meanings, as "dtmf": the first one allowed at that
# place is meant.
_OTHER_WORDS = {
    "say": "speak text message prompt announce announcement tell talk utterance response reply output play_text",
    "ask": "question menu choose select gather_speech query listen",
    "collect_secret": "secure_collect secure_input secure_capture capture pci card_number",
    "collect": "gather input get_digits read_digits enter keypad",
    "transfer": "dial forward connect bridge refer redirect operator forward_to transfer_to",
    "queue": "enqueue wait_in_queue hold acd call_queue",
    "take": "dequeue take_call next_caller answer_queue",
    "hang_up": "hangup end exit stop bye goodbye disconnect finish close quit terminate",
    "set": "assign let define eval compute",
    "if": "when unless condition",
    "switch": "case match router",
    "else": "otherwise",
    "cases": "choices when values",
    "play": "audio wav mp3 sound music media prompt_file beep tone moh hold_music stream",
    "record_call": "start_recording stop_recording pause_recording resume_recording record_audio consent recording",
    "record": "recording voicemail record_audio store_audio message leave_message",
    "wait": "pause sleep delay break",
    "for_s": "for duration max_s seconds",
    "loop": "repeat repeats",
    "volume_db": "volume gain gain_db loudness",
    "most_s": "max_length max_s max_seconds max_duration",
    "silence_s": "timeout silence silence_ms end_silence_s",
    "end_key": "finish_on_key stop_key terminator end_on",
    "beep": "play_beep tone",
    "press": "send_dtmf send_digits send_keys tones",
    "log": "note debug print echo event",
    "request": "http https webhook api fetch get post url rest lookup",
    "python": "function script code exec tool lambda run_function call_function",
    "otherwise": "on_error on_failure on_exception error failed failure catch rescue",
    "send": "data params query",
    "json": "body payload nested object",
    "form": "urlencoded form_data fields",
    "next": "goto go_to jump then to target transition next_step follow follows",
    "then": "goto go_to jump next to target transition next_step",
    "key": "dtmf press digit keys button number",
    "phrases": "phrase words say synonyms utterances speech examples keywords",
    "choices": "options answers responses menu",
    "no_input": "noinput silence on_silence on_no_input timeout_action",
    "no_match": "nomatch fallback otherwise default else invalid on_error on_no_match",
    "attempts": "retries tries retry max_attempts max_retries count repeat",
    "reprompts": "reprompt again prompts messages",
    "timeout_s": "timeout timeout_ms wait wait_s",
    "silence_ms": "silence end_silence_ms silence_s",
    "min_confidence": "confidence threshold min_score score",
    "confirm": "confirmation read_back readback repeat_back verify",
    "confirm_below": "confirm confirmation confirm_threshold",
    "as": "type kind slot",
    "expect": "expects expected answer_type",
    "barge_in": "interruptible interrupt bargein allow_interruption interruptions",
    "into": "variable store save save_as as var result",
    "digits": "length num_digits max_digits min_digits count",
    "terminator": "finish_on_key end_key stop_key end_on",
    "start": "begin first entry initial",
    "steps": "nodes states dialog flow blocks",
    "variables": "vars constants values",
    "flows": "include includes import imports use sub_flows subflows flow extends",
    "call": "subflow sub_flow call_flow run_flow gosub invoke perform include import flow",
    "return": "end_subflow back_to_caller",
    "with": "arguments args params parameters inputs",
    "outcomes": "on_return branches exits",
    "results": "outputs returns gives",
    "visits": "max_visits limit max_loops loop max_tries",
    "set_language": "change_language switch_language use_language",
    "texts": "translations strings messages i18n",
    "commands": "command global globals hotword hotwords always universal everywhere",
    "do": "does action effect",
    "help": "help_text hint help_prompt",
    "silent": "silence_limit max_silence total_no_input",
    "keys_only_after": "keys_only dtmf_only keypad_only",
    "most": "max maximum times count limit",
    "name": "title id flow_name",
    "language": "lang locale",
    "voice": "speaker tts voice_name voice_id",
}

# What flows cannot do: words for it, why, and what to type instead.
_BEYOND = (
    (
        "play audio wav mp3 sound music media prompt_file beep tone moh hold_music",
        "a sound is a step of its own, or stands in place of a text",
        "type `play: music.wav` in a step, or `say: {file: welcome.wav, text: Welcome.}`",
    ),
    (
        "pause wait sleep delay break",
        "a pause is a step of its own, or a part of a text",
        'type `wait: 2` in a step, or `<speak>One. <break time="500ms"/> Two.</speak>`; a full stop makes a short one',
    ),
    (
        "record recording voicemail record_audio store_audio send_dtmf send_digits send_keys tones",
        "that is a step of its own",
        "`record: …` records a message, `record_call: on` the call, `press: …` sends keys (docs/flow-sound.md)",
    ),
    (
        "email mail",
        "messages of callers are mailed as the settings say",
        "type `record: …` in a step, and `host` and `recipients` below `[mail]` (docs/webhooks.md)",
    ),
    (
        "elif elseif conditions branch branches",
        "a condition has two ways",
        "make a step of each: `if: …` with `then` and `else`, or `switch: …` with `cases`",
    ),
    (
        "random",
        "only texts are drawn at random",
        "type `say: {one_of: [Hello., Hi there.], order: random}`",
    ),
    (
        "variable variables",
        "a step gives variables their values by `set`",
        "type `set: {count: count + 1}`, or put a fixed text below `variables` at the top",
    ),
    (
        "function script code python run exec tool",
        "a function is a step of its own",
        "type `python: shop:order_status` in a step (docs/flows.md)",
    ),
    (
        "goto go_to jump transition",
        "a step that only leads on is not needed",
        "name the step that it leads to in `next`, where this one is named",
    ),
    (
        "hours opening_hours business_hours schedule calendar holidays date time timezone open closed",
        "opening hours are the flow's, and steps ask for them by `if`",
        "type `hours: {shop: {monday-friday: 9:00-17:30}}` at the top, and `if: hours.shop` in a step (docs/flows.md)",
    ),
    (
        "ssml markup",
        "SSML is written in the text itself",
        "type `<speak>…</speak>` round the whole text (docs/flow-sound.md has what there may be in it)",
    ),
    ("volume gain", "only sounds have a volume", "type `volume_db: -6` in a `play` step"),
    (
        "rate speed pitch emotion",
        "a flow chooses a voice and a language, and no more of how it speaks",
        "type `voice: NAME` (see `offhook voices`); the pace is set in the configuration, `rate_wpm` below `[tts]`",
    ),
    (
        "callback call_back queue enqueue park hold on_hold waiting agents",
        "callers wait in a step of its own, and are called back by the queue's settings",
        "type `queue: support` in a step, and `call_back_key` below `[queues.support]` (docs/flow-queue.md)",
    ),
    (
        "conference sms send notify fax",
        "a flow only talks with this caller",
        PYTHON,
    ),
    (
        "validate validation check luhn iban regex format valid",
        "`collect` has a condition, and a pattern of letters and digits",
        "type `where: luhn(number)`, or `pattern: AA-9999` in place of `digits` (docs/flow-questions.md)",
    ),
    (
        "retries attempts max_attempts tries repeat retry",
        "only a question is repeated, for silence and for a wrong answer apart",
        "put `attempts: 3` below `no_input` or `no_match` of the question; "
        "`visits: {most: 3, then: …}` limits a step of any kind",
    ),
    (
        "intent intents entities slot slots nlu llm ai gpt model grammar hints",
        "a flow understands its choices, digits and values such as dates",
        "list what callers say below `phrases`, or type `collect: …` with `as: date`, or `as: text` for free speech; "
        "a language model understands more, `agent: …`",
    ),
    (
        "answer ring ringing reject busy accept",
        "a call is answered by the first step without `early_media: true`",
        "docs/flows.md has what is before the answer; which calls get which flow is set in `[[routes]]`",
    ),
    ("log debug print trace", "that is a step of its own", "type `log: …` in a step (docs/flow-sound.md)"),
    (
        "secret mask masked hidden sensitive",
        "the keys of every answer are masked in records",
        "remove it; for card numbers and PINs, which nothing may hear, type `collect_secret: …` (docs/flow-secure.md)",
    ),
    ("description comment comments note notes version author", "a flow has no key for it", "make it a comment: `# …`"),
)

_DIGITS_TOO = (
    "`ask` leads on by its choices and keeps nothing",
    "type `collect: …` with `digits: 4`, `into: …` and the `choices`: it takes both",
)
_OF_TRANSFER = ("a flow's transfer has no headers, and no key that brings the caller back", PYTHON)
_OF_QUEUE = (
    "what callers hear while they wait is the queue's, of the settings",
    "type `music`, `comfort`, `announce_s` or `leave_key` below `[queues.NAME]`, or write `while_waiting` in Python",
)
_OF_QUEUE_WORDS = ("while_waiting", "wait_url", "music", "hold_music", "moh", "comfort", "announce_s", "leave_key")
_OF_CHOICE = (
    "phrases and keys are those of a choice",
    "type `choices: {operator: {phrases: [operator], key: 0, next: …}}`",
)
_FREE_SPEECH = (
    "`ask` leads on by its choices and keeps nothing",
    "for digits, dates, other values and what is said use `collect`: `as: text` keeps any words",
)

_DIGITS = re.compile(r"([0-9]{1,2})(?:\s*(?:-|–|\.\.+|to|,)\s*([0-9]{1,2})|\s*(?:digits?|keys?))")

_MEANT: dict[str, list[str]] = {}
for _key, _words in _OTHER_WORDS.items():
    for _word in _words.split():
        _MEANT.setdefault(_word, []).append(_key)
_CANNOT = {word: (why, todo) for words, why, todo in reversed(_BEYOND) for word in words.split()}


def digits_hint(node: Node) -> str | None:
    """The numbers of digits that `4-6`, `4 to 6`, `[4, 6]` or `4 digits` mean; None for anything else."""
    if isinstance(node, SequenceNode):
        ends = [item.value for item in node.value if isinstance(item, ScalarNode)]
    else:
        found = _DIGITS.fullmatch(node.value.strip()) if isinstance(node, ScalarNode) else None
        ends = [end for end in found.groups() if end] if found is not None else []
    if not ends or len(ends) > 2 or not all(end.isascii() and end.isdigit() for end in ends):
        return None
    return ends[0] if len(ends) == 1 else f"{{min: {ends[0]}, max: {ends[1]}}}"


def other_word(name: str, allowed: Collection[str]) -> str | None:
    """The key among `allowed` that `name` means."""
    return next((key for key in _MEANT.get(_plain(name), ()) if key in allowed), None)


def instead(name: str, allowed: Collection[str]) -> tuple[str, str] | None:
    """Why a flow has no `name`, and what to do instead, if known."""
    word = _plain(name)
    if "ask" in allowed and word in ("digits", "min", "max", "terminator"):
        return _DIGITS_TOO
    if "collect" in allowed and word in ("phrases", "key", "keys"):
        return _OF_CHOICE
    if "transfer" in allowed and word in ("headers", "sip_headers", "user_to_user", "uui", "return_key"):
        return _OF_TRANSFER
    if "queue" in allowed and word in _OF_QUEUE_WORDS:
        return _OF_QUEUE
    if "ask" in allowed and word in ("into", "variable", "store", "save", "as", "next", "speech", "free", "open"):
        return _FREE_SPEECH
    return _CANNOT.get(word)


def _plain(name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())  # numDigits
    return words.lower().replace("-", "_").replace(" ", "_")
