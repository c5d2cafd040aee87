from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.front_end.timeline import Timeline

KEPT = 50


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 70)), max_size=20), st.integers(-20, 700), st.integers(0, 99)
)
def test_it_reads_what_was_put_in_and_filler_for_the_rest(
    steps: list[tuple[int, int]], start: int, length: int
) -> None:
    line, truth, count = Timeline(KEPT, 1, b"."), {}, 0
    for samples, gap in steps:
        if gap > 40:
            line.skip_to(line.end + gap - 40)
        for at in range(line.end, line.end + samples):
            truth[at] = 65 + count % 26
            count += 1
        line.append(bytes(truth[at] for at in range(line.end, line.end + samples)))
    stop = start + length
    first = line.end - KEPT
    wanted = bytes(truth.get(at, 46) for at in range(start, stop))
    got = line.read(start, stop)
    assert len(got) == length
    keep = max(0, min(length, max(first, start) - start))
    assert got[keep:] == wanted[keep:]


def test_two_bytes_per_sample() -> None:
    line = Timeline(KEPT, 2, b"\0\0")
    line.skip_to(100)
    line.append(b"aabbcc")
    assert (line.start, line.end) == (100, 103)
    assert line.read(99, 104) == b"\0\0aabbcc\0\0"
    line.clear()
    assert line.read(99, 104) == bytes(10)
