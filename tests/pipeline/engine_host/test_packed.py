from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.engine_host._packed import PackedDict

VALUES = st.one_of(st.text(), st.dictionaries(st.text(max_size=3), st.floats(allow_nan=False), max_size=3))


@given(st.dictionaries(st.text(max_size=6), VALUES, max_size=50), st.lists(st.text(max_size=6)))
def test_it_has_what_the_dictionary_has(values: dict[str, object], others: list[str]) -> None:
    packed = PackedDict(values)
    assert len(packed) == len(values)
    for key in (*values, *others):
        assert packed.get(key) == values.get(key)
        assert (key in packed) == (key in values)
    assert packed.get("nothing of the kind", "default") == "default"
