"""Session descriptions to bytes (RFC 8866 §5)."""

from offhook.sip.sdp.model import Attribute, Media, SessionDescription


def serialize(session: SessionDescription) -> bytes:
    """The bytes of a description, lines in the order that the RFC prescribes."""
    origin = session.origin
    lines = [
        "v=0",
        f"o={origin.username} {origin.session_id} {origin.version} {_network(origin.host)}",
        f"s={session.name}",
    ]
    if session.host is not None:
        lines.append(f"c={_network(session.host)}")
    lines.append(f"t={session.time}")
    lines += [_attribute(each) for each in session.attributes]
    for media in session.media:
        lines += _media(media)
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")


def _media(media: Media) -> list[str]:
    count = "" if media.port_count == 1 else f"/{media.port_count}"
    lines = [f"m={media.kind} {media.port}{count} {media.protocol} {' '.join(media.formats or ('0',))}"]
    if media.host is not None:
        lines.append(f"c={_network(media.host)}")
    return lines + [_attribute(each) for each in media.attributes]


def _network(host: str) -> str:
    return f"IN {'IP6' if ':' in host else 'IP4'} {host}"


def _attribute(attribute: Attribute) -> str:
    return f"a={attribute.name}" if attribute.value is None else f"a={attribute.name}:{attribute.value}"
