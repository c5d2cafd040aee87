import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import ParseError
from offhook.sip.message.limits import MAX_PARAMS
from offhook.sip.message.params import Params
from offhook.sip.message.uri import Uri


def test_all_parts() -> None:
    uri = Uri.parse("SIPS:ann:pw@example.com:5061;transport=tcp;lr?Subject=hi")
    assert uri == Uri(
        "sips", "ann", "pw", "example.com", 5061, Params([("transport", "tcp"), ("lr", None)]), "Subject=hi"
    )
    assert str(uri) == "sips:ann:pw@example.com:5061;transport=tcp;lr?Subject=hi"


@pytest.mark.parametrize(
    "text",
    [
        "sip:example.com",
        "sip:192.0.2.1:5060",
        "sip:user;par=u%40example.net@example.com",
        "sip:a?b/c;d@example.com;lr",
        "sip:a:@example.com",
        "sip:[2001:db8::10]",
        "sip:[2001:db8::10]:5070",
        "sip:[::ffff:192.0.2.2]",
        "sip:*67#555@example.com.",
        "sip:@192.0.2.1",
        "sip:100%@h",
        "sip:a%4@c",
        "sip:jürgen@h",
        "sip:DOMAIN\\a^b{c}|d@h",
        "sip:a@h:0",
        "sip:a@h;;lr",
        "sip:a@h;lr;",
        "sip:a@h;lr;LR;x=1;x=2",
        'sip:a@h;x="y";z={1,2}|3;u=%4',
        "sip:null-%00-null@example.com",
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        "tel:+1-201-555-0123;phone-context=x",
        "soap.beep://192.0.2.103:3002",
        "isbn:2983792873",
    ],
)
def test_print_of_parse_is_the_text(text: str) -> None:
    assert str(Uri.parse(text)) == text


def test_what_looks_like_parameters_before_the_at_sign_belongs_to_the_user() -> None:
    uri = Uri.parse("sip:user;par=u%40example.net@example.com")
    assert (uri.user, uri.host, len(uri.params)) == ("user;par=u%40example.net", "example.com", 0)


def test_escapes_are_never_parsed_again() -> None:
    uri = Uri.parse("sip:sips%3Auser%40example.com@example.net")
    assert (uri.scheme, uri.user, uri.host) == ("sip", "sips%3Auser%40example.com", "example.net")


def test_the_port_of_an_ipv6_address_is_behind_the_bracket() -> None:
    assert Uri.parse("sip:[2001:db8::10:5070]").port is None
    assert Uri.parse("sip:[2001:db8::10]:5070").port == 5070


def test_another_scheme_is_kept_whole() -> None:
    uri = Uri.parse("NobodyKnows:totally-opaque;content?")
    assert (uri.scheme, uri.opaque, uri.host) == ("nobodyknows", "totally-opaque;content?", "")
    assert Uri.parse("sip:h").opaque is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip",
        "sip:",
        ":a",
        "1sip:a",
        "sip:a@",
        "sip:a@b@c",
        "sip:a b@c",
        " sip:a@c",
        "sip:a@c ",
        "sip:a@c\r\n",
        'sip:a"@c',
        "sip:a:b:c@h",
        "sip:a@h:",
        "sip:a@h:65536",
        "sip:a@h:99999999999",
        "sip:a@h:x",
        "sip:a@h;a b",
        "sip:a@h?",
        "sip:a@h?x=<y>",
        "sip:a@256.0.0.1",
        "sip:a@1.2.3",
        "sip:a@.example.com",
        "sip:a@a..b",
        "sip:a@2001:db8::10",
        "sip:a@[2001:db8::g]",
        "sip:a@[fe80::1%eth0]",
        "sip:a@[192.0.2.1]",
        "sip:a@[]",
        "sip:a@[::1",
        "sip:a@" + "a" * 256,
        "<sip:a@h>",
        "tel:",
        "tel:1 2",
        "http://a/<b>",
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        Uri.parse(text)


@given(
    user=st.none() | st.text("az09-_.!~*'()&=+$,;?/", min_size=1),
    password=st.none() | st.text("az09&=+$,"),
    host=st.sampled_from(["example.com", "h", "192.0.2.1", "[::1]"]),
    port=st.none() | st.integers(1, 65_535),
    params=st.dictionaries(
        st.text("az09", min_size=1), st.none() | st.text("az09[]/:&+$", min_size=1), max_size=MAX_PARAMS
    ),
    headers=st.none() | st.just("a=b&c="),
)
def test_parse_of_print_is_the_value(
    user: str | None,
    password: str | None,
    host: str,
    port: int | None,
    params: dict[str, str | None],
    headers: str | None,
) -> None:
    secret = None if user is None else password
    uri = Uri("sip", user, secret, host, port, Params(params.items()), headers)
    assert Uri.parse(str(uri)) == uri
