"""What the log says of PJSIP's sockets."""

from structlog.testing import capture_logs

from offhook.carriers.pjsua2.sockets import LOGGED_S, LOOKED_S, Sockets


def test_refused_sockets_are_logged_now_and_then() -> None:
    read, ended = {"used": 3, "most": 64, "refused": 5}, list[int]()
    with capture_logs() as logged:
        sockets = Sockets(lambda: read, lambda: ended.append(1))
        sockets.poll(0.0)
        read["refused"] = 7
        sockets.poll(LOOKED_S / 2)
        assert not logged
        sockets.poll(LOOKED_S)
        read["refused"] = 1_000
        sockets.poll(LOOKED_S + LOGGED_S / 2)
        sockets.poll(LOOKED_S + LOGGED_S)
        sockets.poll(LOOKED_S + 2 * LOGGED_S)
    assert [each["refused"] for each in logged] == [2, 993]
    assert len(ended) == 5, "each time, but for the one that came too soon"
    assert all("64 sockets" in each["why"] and "`tcp = false`" in each["todo"] for each in logged)


def test_that_nobody_counts_them_is_said_at_the_start() -> None:
    with capture_logs() as logged:
        Sockets(lambda: {"used": 0, "most": 0, "refused": 0}, lambda: None)
    (only,) = logged
    assert only["why"]
    assert "`tcp = false`" in only["todo"]
