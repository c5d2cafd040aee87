import pickle

from offhook.pipeline.errors import EngineError, EngineTimeout


def test_says_who_what_why_and_what_to_type() -> None:
    error = EngineError("silero", "no model", "the package is missing", "Type: pip install it")
    assert str(error) == "silero: no model: the package is missing. Type: pip install it"
    assert str(EngineError("silero", "no model", "it is missing")) == "silero: no model: it is missing"


def test_it_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(EngineTimeout("espeak", "no speech", "it hangs", "Restart it")))
    assert type(copy) is EngineTimeout
    assert (copy.engine, copy.what, copy.why, copy.hint) == ("espeak", "no speech", "it hangs", "Restart it")
