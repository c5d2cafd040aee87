from offhook.process.memory import APART_S, MemoryTrim, give_back


def test_memory_is_given_back_after_each_wave() -> None:
    times: list[float] = []
    now = 100.0
    trim = MemoryTrim(lambda: times.append(now))
    for count in (0, 30, 5, 0, 400, 300, 100, 60, 41, 40, 10, 0, 0, 0):
        now += 4.0
        trim.calls(count, now)
    assert len(times) == 1, "40 of 400, but a few calls are no wave"
    now += APART_S
    for count in (70, 3, 3, 3):
        now += 1.0
        trim.calls(count, now)
    assert len(times) == 2


def test_not_more_often_than_every_few_seconds() -> None:
    times: list[float] = []
    trim = MemoryTrim(lambda: times.append(1.0))
    for n in range(100):
        trim.calls(n % 2 * 1_000, 100.0 + n * 0.25)
    assert len(times) <= 25 / APART_S + 1


def test_giving_back_works_here() -> None:
    give_back()
