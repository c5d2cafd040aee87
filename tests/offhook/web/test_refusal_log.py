from structlog.testing import capture_logs

from offhook.web.refusal_log import LINES_BURST, WebRefusalLog


def test_lines_are_limited_and_the_rest_is_counted() -> None:
    now = 0.0
    log = WebRefusalLog(lambda: now)
    with capture_logs() as lines:
        for _ in range(1_000):
            log.refused("webhook refused", 403, "why")
        now = 1.0
        log.refused("webhook refused", 403, "why", carrier="telnyx")
    assert len(lines) == LINES_BURST + 1
    assert lines[-1]["not_logged"] == 1_000 - LINES_BURST
    assert lines[-1]["carrier"] == "telnyx"
