/* Keeps from PJSIP's offers and answers (RFC 3264), and its ICE, what they take for granted, since they would end its process.
 *
 * Theory of operation. As those of sockets (socket_room.h), these functions of PJMEDIA and PJNATH have namesakes here:
 *
 *   pjmedia_sdp_parse                    of a description that is nothing but empty lines it would read on behind its end,
 *                                        and nobody is there to catch what it throws
 *   pjmedia_sdp_neg_modify_local_offer2  puts another media line into our next offer for each that is of another kind than
 *                                        before: more than PJSUA knows of, or than there is room for. Asked to let kinds
 *                                        change, it does not.
 *   pj_ice_strans_set_options            is for far ends that know half of ICE alone (a=ice-lite), whose pairs would be
 *                                        nominated at the end: PJSIP does not expect that they nominate some themselves.
 *                                        Theirs are nominated at once, as others' are.
 *   pj_stun_sock_sendto                  is asked by a timer of ICE to send a check while the call ends, whose sockets have gone
 */
#ifndef OFFHOOK_NEGOTIATION_GUARD_H
#define OFFHOOK_NEGOTIATION_GUARD_H

/* The library that is loaded from `path` has the functions themselves; before its first use. NULL: all is well; else why
 * not. */
const char *negotiation_guard_open(const char *path);

#endif
