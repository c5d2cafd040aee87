/* Has each session description that comes to PJSIP judged before PJSIP uses it.
 *
 * Theory of operation. PJSIP takes the addresses of a description as they are, and ends its process where one cannot be
 * used. Its modules see a message one after the other; ours comes before those that begin transactions and dialogs, and
 * so before any use of a description, be it an offer or an answer, in a request or in a response. PJSIP itself has found
 * and read the description by then: what is judged is what PJSIP has understood, printed by it. A request whose
 * description is refused gets the status of the verdict; an ACK, or a response, is dropped, as if it had not come. One that
 * is to be ignored is taken out of its message, which goes on without it; so is each one in a response to an INVITE that we
 * have given up, and so are bodies of a PRACK that are no descriptions.
 *
 * The layouts are those of PJSIP 2.10 to 2.17.
 */
#ifndef OFFHOOK_DESCRIPTION_CHECK_H
#define OFFHOOK_DESCRIPTION_CHECK_H

#include <stddef.h>

#define DESCRIPTION_OCTETS_MAX 16384
#define DESCRIPTION_IGNORED (-1)

/* A SIP status to refuse the message with, DESCRIPTION_IGNORED, or 0. `message` is PJSIP's summary ("Request msg
 * INVITE/cseq=1 (…)"); `text` is NULL if the description is longer than may be, and empty if it is none by PJSIP's own rules;
 * `stands` is the `exchange` of a request. An ACK that lacks the answer to our offer is judged, too: EXCHANGE_LEFT. */
typedef int description_verdict(const char *message, const char *text, size_t octets, int stands);

/* From now on, in the library that is loaded from `path`; once after PJSUA was initialised, on its main thread. NULL: all is
 * well; else why not. */
const char *descriptions_check(const char *path, description_verdict *verdict);

#endif
