"""Which SIPp scenarios test_scenarios.py plays, against which of its bots, and what is expected of them beside what the
scenario itself demands."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Calls:
    """SIPp calls the bot."""

    scenario: str
    bot: str = "callee"
    """"callee", "users" (which asks for passwords) or "ipv6"."""
    options: tuple[str, ...] = ()
    end_reason: str | None = "caller hung up"
    """What the call's record says; None: there is no record."""
    received: Mapping[str, int] = field(default_factory=dict)
    """How often SIPp got a message with this first line, repetitions included."""
    keys: str | None = None
    """What the caller pressed, one key at a time."""
    capture: str = ""
    """The name of the capture of keys that it plays (see captures.py)."""
    agent: str = ""
    """The scenario of a third party."""
    media: bool = False
    """Whether an RTP peer is there, which notes what comes."""
    name: str = ""

    @property
    def id(self) -> str:
        return self.name or self.scenario.removesuffix(".xml")


@dataclass(frozen=True, slots=True)
class Called:
    """The bot calls SIPp, by a trunk of its own."""

    scenario: str
    outcome: str = "answered"
    hang_up_at: str = "answered"
    """The state in which it is hung up, once everything but the BYE was received; empty: never."""
    body: Mapping[str, object] = field(default_factory=dict)
    trunk: str = ""
    """More settings of the trunk."""
    end_reason: str = ""
    received: Mapping[str, int] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.scenario.removesuffix(".xml")


ENDED = "bot hung up"
ALICE = ("-au", "alice", "-ap", "s3cret")

CALLS = (
    Calls("uac_session.xml", end_reason=ENDED),
    Calls("uac_session.xml", "callee", ("-t", "t1"), ENDED, name="uac_session-tcp"),
    Calls("uac_session.xml", "ipv6", end_reason=ENDED, name="uac_session-ipv6"),
    Calls("uac_session.xml", "ipv6", ("-t", "t1"), ENDED, name="uac_session-ipv6-tcp"),
    Calls("uac_record_routes.xml", end_reason=ENDED),
    Calls("uac_strict_router.xml", end_reason=ENDED),
    Calls("uac_cancel_at_once.xml", end_reason=None),
    Calls("uac_cancel_too_late.xml"),
    Calls("uac_cancel_nothing.xml", end_reason=None),
    Calls("uac_invite_repeated.xml", received={"SIP/2.0 200": 3}),
    Calls("uac_ack_lost.xml", received={"SIP/2.0 200": 3}),
    Calls("uac_bye_before_ack.xml", received={"SIP/2.0 200": 2}),
    Calls("uac_bye_lost.xml", end_reason=ENDED, received={"BYE": 2}),
    Calls("uac_byes_cross.xml", end_reason=ENDED),
    Calls("uac_bye_while_ringing.xml", end_reason=None),
    Calls("uac_merged.xml"),
    Calls("uac_last_hop.xml"),
    Calls("uac_unknown_methods.xml"),
    Calls("uac_requires_too_much.xml"),
    Calls("uac_proxy_requires.xml"),
    Calls("uac_no_codec.xml"),
    Calls("uac_reinvite_refused.xml"),
    Calls("uac_unusable_address.xml"),
    Calls("uac_codec_change.xml", media=True),
    Calls("uac_address_change.xml", end_reason=ENDED, media=True),
    Calls("uac_hold_old_style.xml"),
    Calls("uac_video.xml"),
    Calls("uac_late_reinvite.xml"),
    Calls("uac_prack_wrong.xml"),
    Calls("uac_update_early.xml"),
    Calls("uac_early_media.xml", end_reason=ENDED),
    Calls("uac_early_media_cancelled.xml", end_reason="cancelled before it was answered", received={"SIP/2.0 183": 1}),
    Calls("uac_timer_of_proxy.xml"),
    Calls("uac_timer_refreshed.xml"),
    Calls("uac_identities.xml", end_reason=ENDED),
    Calls("uac_replaces.xml"),
    Calls("uac_replaces_nothing.xml", end_reason=None),
    Calls("uac_refers_attended.xml", agent="uas_takes_over.xml"),
    Calls("uac_refers_silently.xml", agent="uas_hangs_up.xml"),
    Calls("uac_refer_declined.xml", end_reason=ENDED, agent="uas_hangs_up.xml"),
    Calls("uac_refer_fails.xml", end_reason=ENDED),
    Calls("uac_notify_unasked.xml"),
    Calls("uac_info_others.xml"),
    Calls("uac_multipart.xml"),
    Calls("uac_compact.xml"),
    Calls("uac_cseq_falls.xml"),
    Calls("uac_over.xml"),
    Calls("uac_another_tag.xml"),
    Calls("uac_keys_signal.xml", keys="12"),
    Calls("uac_unreadable_headers.xml"),
    *(
        Calls("uac_key_capture.xml", options=("-d", length_ms), keys=keys, capture=capture, name=f"keys-{capture}")
        for capture, keys, length_ms in (
            ("no_marker", "12", "700"),
            ("lost_ends", "34", "900"),
            ("out_of_order", "5", "600"),
            ("long", "6", "1600"),
            ("one_timestamp", "789", "700"),
            ("undeclared", "", "500"),
        )
    ),
    Calls("uac_password.xml", "users", ALICE),
    Calls("uac_password_wrong.xml", "users", ("-au", "alice", "-ap", "guess"), None, name="uac_password_wrong"),
    Calls("uac_password_wrong.xml", "users", ("-au", "nobody", "-ap", "guess"), None, name="uac_user_wrong"),
    Calls("uac_nonce_old.xml", "users", ALICE),
    Calls("uac_registers.xml", "users", ALICE, None),
    Calls("uac_register_refused.xml", "users", ALICE, None),
)

ONCE = {"INVITE": 1}

CALLED = (
    # The one that takes longest is the first.
    Called("uas_glare.xml", received={"INVITE": 3, "ACK": 3}),
    Called("uas_rings_and_answers.xml", received=ONCE | {"ACK": 1, "BYE": 1}),
    Called("uas_declines.xml", "declined", "", received=ONCE),
    Called("uas_busy_everywhere.xml", "busy", "", received=ONCE),
    Called("uas_moves_in_circles.xml", "moved", "", received=ONCE),
    Called("uas_comes_back_later.xml", "congested", "", received=ONCE),
    Called("uas_forks_early.xml", received=ONCE | {"ACK": 1, "BYE": 1}),
    Called("uas_holds.xml", received=ONCE | {"SIP/2.0 200": 2}),
    Called("uas_late_reinvite.xml", hang_up_at=""),
    Called("uas_updates.xml", received=ONCE | {"SIP/2.0 200": 2}),
    Called("uas_updates_early.xml", received=ONCE | {"PRACK": 1, "SIP/2.0 200": 1, "ACK": 1}),
    Called("uas_longer_interval.xml", received={"INVITE": 2}),
    Called("uas_cancelled.xml", "cancelled", "ringing", received=ONCE | {"CANCEL": 1, "ACK": 1}),
    Called("uas_answers_cancel.xml", "cancelled", "ringing", received=ONCE | {"ACK": 1, "BYE": 1}),
    Called("uas_no_answer.xml", "no_answer", "", body={"ring_s": 5}, received=ONCE | {"CANCEL": 1}),
    Called("uas_glare_both.xml", received={"INVITE": 2, "ACK": 2, "SIP/2.0 491": 1}),
    Called("uas_lost_the_call.xml", hang_up_at=""),
    Called("uas_no_description.xml", "not_acceptable", ""),
    Called("uas_strange_answer.xml", "not_acceptable", ""),
    Called("uas_record_routes.xml"),
    Called("uas_nonce_stale.xml", received={"INVITE": 3}),
    Called("uas_never_satisfied.xml", "not_allowed", "", received={"INVITE": 2}),
    Called("uas_two_passwords.xml", received={"INVITE": 3}),
    Called("uas_asks_elsewhere.xml", "not_allowed", "", trunk='realm = "office.example"', received=ONCE),
    Called("uas_sha_512_256.xml", received={"INVITE": 2}),
    Called("uas_wants_info.xml", body={"bot": "qa_dialogs:presses"}, received={"INFO": 2}),
    Called("uas_asks_for_more.xml", "not_acceptable", "", received=ONCE),
    Called("uas_bye_refused.xml", received={"BYE": 1}),
    Called(
        "uas_hangs_up_at_once.xml",
        hang_up_at="",
        end_reason="the called party hung up (Q.850 16: Normal call clearing)",
    ),
)
