from bench.heard import interval
from bench.listener import missed, words


def test_numbers_and_marks_are_written_alike() -> None:
    assert words("We're open from 9 to 25, Mon-Fri.") == words("we’re open from nine to twenty five mon fri")
    assert words("It is $12.40.") == words("it is twelve dollars and forty cents")
    assert words("It costs $2 an hour.") == words("it costs two dollars an hour")


def test_words_that_are_not_there_are_missed() -> None:
    said = "The train leaves at ten, say yes or no."
    assert missed(said, "the train leaves at 10. Say yes or no") == []
    assert missed(said, "a train leaves at ten, say or yes no") == ["the", "or"]
    assert missed(said, "") == words(said)


def test_the_interval_is_clopper_and_pearsons() -> None:
    assert [round(bound, 4) for bound in interval(2, 177)] == [0.0014, 0.0402]
    assert interval(0, 10)[0] == 0.0 and interval(10, 10)[1] == 1.0
