from offhook.telephony.net.watch import MediaWatch


def watch() -> MediaWatch:
    it = MediaWatch(first_s=30.0, later_s=15.0)
    it.resume(100.0)
    return it


def test_nothing_is_due_before_it_begins() -> None:
    it = MediaWatch(30.0, 15.0)
    assert it.due is None
    assert not it.check(1_000.0, None)


def test_a_call_on_which_nothing_ever_came() -> None:
    it = watch()
    assert it.due == 115.0
    assert not it.check(115.0, None)
    assert it.due == 130.0
    assert not it.check(129.9, None)
    assert it.check(130.0, None)


def test_a_call_that_falls_silent() -> None:
    it = watch()
    assert not it.check(115.0, 114.9)
    assert it.due == 129.9
    assert it.check(129.9, 114.9)


def test_it_is_reported_once() -> None:
    it = watch()
    assert not it.check(115.0, 101.0)
    assert it.check(116.0, 101.0)
    for now in (131.0, 146.0, 161.0):
        assert not it.check(now, 101.0)
        assert it.due == now + 15.0


def test_it_is_reported_again_after_media_came_back() -> None:
    it = watch()
    assert not it.check(115.0, 101.0)
    assert it.check(116.0, 101.0)
    assert not it.check(131.0, 130.0)
    assert it.due == 145.0
    assert it.check(145.0, 130.0)


def test_media_that_came_back_and_went_between_two_checks() -> None:
    it = watch()
    assert not it.check(115.0, 101.0)
    assert it.check(116.0, 101.0)
    assert it.check(131.0, 116.0 + 1e-6) is False
    assert it.check(131.1, 116.0 + 1e-6)


def test_hold_suspends_and_the_time_begins_anew() -> None:
    it = watch()
    it.pause()
    assert it.due is None
    assert not it.check(500.0, 101.0)
    it.resume(500.0)
    assert not it.check(514.9, 101.0)
    assert it.check(515.0, 101.0)


def test_resume_while_running_changes_nothing() -> None:
    it = watch()
    it.resume(110.0)
    assert it.due == 115.0
