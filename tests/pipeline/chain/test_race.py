"""Which engines of a chain work, and when. No clock."""

from offhook.pipeline.chain.race import Action, Lost, Race, Start, Stop, Why, Won


def actions(race: Race) -> list[Action]:
    found = []
    while (action := race.next_action()) is not None:
        found.append(action)
    return found


def begun(race: Race) -> Race:
    race.begin(0.0)
    assert actions(race) == [Start(0, Why.FIRST)]
    return race


def test_the_first_answers_and_nothing_else_starts() -> None:
    race = begun(Race([0.5, 0.5]))
    assert race.get_timer() == 0.5
    race.answered(0)
    assert actions(race) == [Won(0)]
    assert race.over and race.get_timer() is None


def test_the_next_starts_when_one_is_silent_and_the_first_answer_wins() -> None:
    race = begun(Race([0.5, 0.3, 0.5]))
    race.handle_timer(0.4)
    assert not actions(race)
    race.handle_timer(0.5)
    assert actions(race) == [Start(1, Why.SILENT)]
    assert race.get_timer() == 0.8
    race.handle_timer(0.8)
    assert actions(race) == [Start(2, Why.SILENT)]
    assert race.get_timer() is None, "there is no other"
    race.answered(1)
    assert actions(race) == [Stop(0, late=True), Stop(2, late=False), Won(1)]
    race.answered(0)
    race.failed(2, 0.9)
    assert not actions(race), "what comes late changes nothing"


def test_the_next_starts_at_once_when_one_fails() -> None:
    race = begun(Race([0.5, 0.5]))
    race.failed(0, 0.1)
    assert actions(race) == [Start(1, Why.FAILED)]
    race.failed(1, 0.2)
    assert actions(race) == [Lost()]


def test_an_older_engine_that_fails_starts_nothing() -> None:
    race = begun(Race([0.5, 0.5, 0.5]))
    race.handle_timer(0.5)
    actions(race)
    race.failed(0, 0.6)
    assert not actions(race)
    race.failed(1, 0.7)
    assert actions(race) == [Start(2, Why.FAILED)]


def test_a_sign_of_life_stops_what_was_started_for_the_silence() -> None:
    race = begun(Race([0.5, 0.5], [2.0, 2.0]))
    race.alive(0, 1.5)
    assert race.get_timer() == 3.5
    race.handle_timer(3.5)
    assert actions(race) == [Start(1, Why.SILENT)]
    race.alive(0, 4.0)
    assert actions(race) == [Stop(1, late=False)]
    race.handle_timer(6.0)
    assert actions(race) == [Start(1, Why.SILENT)], "silent again"


def test_after_the_end_of_the_input_only_an_answer_counts() -> None:
    race = begun(Race([0.5, 0.5], [None, None]))
    assert race.get_timer() is None
    race.complete(10.0)
    race.alive(0, 10.4)
    assert race.get_timer() == 10.5
    race.handle_timer(10.5)
    assert actions(race) == [Start(1, Why.SILENT)]


def test_who_was_silent_from_the_middle_on_and_is_overtaken_is_late() -> None:
    race = begun(Race([0.5, 0.5], [2.0, 2.0]))
    race.handle_timer(2.0)
    race.complete(3.0)
    race.answered(1)
    assert Stop(0, late=True) in actions(race)


def test_a_probe_has_company_at_once_and_is_not_stopped() -> None:
    race = begun(Race([0.5, 0.5], probes=[0]))
    race.handle_timer(0.0)
    assert actions(race) == [Start(1, Why.PROBE)]
    race.answered(1)
    assert actions(race) == [Won(1)]


def test_cancelling_stops_probes_too() -> None:
    race = begun(Race([0.5, 0.5], probes=[0]))
    race.handle_timer(0.0)
    actions(race)
    race.cancel()
    assert actions(race) == [Stop(0, late=False), Stop(1, late=False)]


def test_an_engine_at_work_may_be_joined() -> None:
    race = Race([0.4, 0.4])
    race.begin(1.0, running=True)
    assert not actions(race)
    race.alive(0, 1.2, allowance_s=3.0)
    assert race.get_timer() == 4.2
    race.handle_timer(4.2)
    assert actions(race) == [Start(1, Why.SILENT)]
    race.alive(0, 4.3, allowance_s=1.0)
    assert actions(race) == [Stop(1, late=False)]
