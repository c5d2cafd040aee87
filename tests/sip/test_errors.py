from offhook.sip.errors import LocalError, ParseError, RemoteError, SipError


def test_a_remote_error_knows_what_to_answer() -> None:
    error = RemoteError(488, "no codec")
    assert (error.status, error.reason, str(error)) == (488, "no codec", "488 no codec")


def test_a_parse_error_is_the_remotes_fault_and_400_by_default() -> None:
    error = ParseError("bad")
    assert isinstance(error, RemoteError)
    assert (error.status, error.reason, error.partial) == (400, "bad", None)


def test_misuse_is_nobody_elses_fault() -> None:
    assert issubclass(LocalError, SipError)
    assert not issubclass(LocalError, RemoteError)
