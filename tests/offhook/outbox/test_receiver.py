"""When something is tried again."""

import random

from offhook.outbox.receiver import BREAK_AFTER, MAX_BREAK_S, break_s, retry_delay_s


def test_the_delay_doubles_up_to_a_limit_with_half_of_it_at_random() -> None:
    most = [retry_delay_s(attempts, 600.0, lambda low, high: high) for attempts in range(1, 20)]
    assert most[:4] == [1, 2, 4, 8] and most[-1] == 600
    assert [retry_delay_s(attempts, 600.0, lambda low, high: low) for attempts in range(1, 20)] == [
        each / 2 for each in most
    ]
    assert retry_delay_s(100_000, 600.0, random.Random(1).uniform) <= 600


def test_a_receiver_that_fails_again_and_again_is_left_alone_for_longer() -> None:
    assert break_s(BREAK_AFTER - 1) == 0
    assert break_s(BREAK_AFTER) < break_s(BREAK_AFTER + 1) < break_s(10_000) == MAX_BREAK_S
