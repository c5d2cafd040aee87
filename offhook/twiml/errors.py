"""What goes wrong with TwiML, under the numbers that Twilio's error dictionary has for it."""

BAD_URL = 11_100
HTTP_FAILURE = 11_200
NO_CONNECTION = 11_205
BAD_HOST = 11_210
TOO_MANY_REDIRECTS = 11_215
TOO_LARGE = 11_750
NOT_PARSED = 12_100
NO_RESPONSE = 12_102
SCHEMA = 12_200
CONTENT_TYPE = 12_300
INTERNAL = 12_400
STREAM_FAILED = 31_920


class TwimlError(Exception):
    """A document cannot be had, or not be run: the number of Twilio's error, and why."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code
        self.why = why
