from offhook.sip.methods import ALLOW, METHODS, NOT_SUPPORTED, Place
from offhook.sip.uas import IN_DIALOG, OUT_OF_DIALOG


def test_every_method_has_its_handlers() -> None:
    everywhere = {method for method, place in METHODS.items() if place is Place.ANYWHERE}
    inside = {method for method, place in METHODS.items() if place is Place.IN_DIALOG}
    assert set(IN_DIALOG) == everywhere | inside
    assert set(OUT_OF_DIALOG) == everywhere | {"CANCEL", "REGISTER"}  # which only a registrar gets


def test_allow_names_them_and_no_other() -> None:
    assert ALLOW.split(", ") == list(METHODS)
    assert not NOT_SUPPORTED.intersection(METHODS)
