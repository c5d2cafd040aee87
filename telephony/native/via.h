/* The Via of a message: what PJSIP would go by, and must not.
 *
 * An answer goes where it came from, and never where the maddr of a Via says, by name or number: anybody could aim our
 * answers at others with it. And PJSIP makes our Contact of the `received` of an answer, which has to be an address as ours
 * are (RFC 3261 §18.2.1).
 *
 * The layout is tried before use.
 */
#ifndef OFFHOOK_VIA_H
#define OFFHOOK_VIA_H

#include "pj_message.h"

/* Finds PJSIP's functions in a loaded library, once PJSUA was initialised. NULL: all is well; else why not. */
const char *via_open(void *library);

/* Whether a Via has a host. */
bool via_leads(const pj_header *via);

/* Has the answers to a request go by no maddr; they echo it, as they must (RFC 3261 §8.2.6.2). */
void via_forget_maddr(void *received, const pj_message_info *);

/* Forgets the `received` of a response that is no address of our IP version. */
void via_forget_received(const pj_message_info *);

#endif
