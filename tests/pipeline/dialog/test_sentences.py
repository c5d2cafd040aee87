import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.dialog.sentences import sentences


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("  \n", []),
        ("Hello", ["Hello"]),
        (" Hello.  Who is there? ", ["Hello.", "Who is there?"]),
        ("Wait… what?! Yes.", ["Wait…", "what?!", "Yes."]),
        ("It is 3.5 percent. Fine.", ["It is 3.5 percent.", "Fine."]),
        ('"Really?" he said. (No.) Well.', ['"Really?"', "he said.", "(No.)", "Well."]),
        ("Ask J. Smith or Dr. Who. Mrs. Jones is out.", ["Ask J. Smith or Dr. Who.", "Mrs. Jones is out."]),
        ("One.\nTwo.\tThree.", ["One.", "Two.", "Three."]),
    ],
)
def test_pieces(text: str, pieces: list[str]) -> None:
    assert [piece for _, piece in sentences(text)] == pieces


@given(st.text(st.sampled_from("aB .!?…\"')]\n5"), max_size=60))
def test_every_character_but_white_space_is_in_one_piece_at_its_place(text: str) -> None:
    found = sentences(text)
    assert all(piece.strip() == piece != "" and text.startswith(piece, start) for start, piece in found)
    assert [start for start, _ in found] == sorted(start for start, _ in found)
    assert re.sub(r"\s", "", "".join(piece for _, piece in found)) == re.sub(r"\s", "", text)
