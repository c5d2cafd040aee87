import pytest

from offhook.telephony.media_streams.numbering import RESTART_RUN, Numbering, Order


def judged(*numbers: int) -> list[Order]:
    numbering = Numbering()
    return [numbering.judge(number) for number in numbers]


@pytest.mark.parametrize(
    ("numbers", "last"),
    [
        ((0,), Order.NEXT),
        ((17,), Order.NEXT),
        ((1, 2), Order.NEXT),
        ((1, 3), Order.AHEAD),
        ((1, 2, 2), Order.AGAIN),
        ((1, 2, 4, 3), Order.LATE),
        ((1, 2, 4, 3, 3), Order.AGAIN),
        ((7, 7, 7), Order.NEXT),
        ((*range(100), *range(RESTART_RUN - 1)), Order.AGAIN),
        ((*range(100), *range(RESTART_RUN)), Order.RESTARTED),
        ((*range(100), *range(RESTART_RUN + 1)), Order.NEXT),
        ((*range(1_000), 7), Order.LATE),
    ],
)
def test_the_last_number(numbers: tuple[int, ...], last: Order) -> None:
    assert judged(*numbers)[-1] is last


def test_what_was_left_out_is_counted() -> None:
    numbering = Numbering()
    missing = []
    for number in (5, 6, 9, 7, 10):
        numbering.judge(number)
        missing.append(numbering.missing)
    assert missing == [0, 0, 2, 0, 0]
