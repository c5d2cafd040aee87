/* Has header fields judged that PJSIP takes for what they need not be, and ends its process where they are not.
 *
 * Theory of operation. As in description_check.h ours is a module of PJSIP's, before all others, and what is judged is what
 * PJSIP has understood. It prints URIs, and may not where one has no host (`[]`), which its parser lets pass; it finds a
 * transaction by the method of the CSeq, and goes on by that of the request line. It uses the URI of a Record-Route as a
 * SIP URI, whatever it is; it uses that of a Contact without asking whether there is one (`*`), and sends requests to it,
 * which it cannot do if it is no SIP URI. It has room for eight of a registrar's Service-Routes, and writes on; the longest
 * time of an Expires means none to it, and a Flow-Timer of one second that keep-alives need no pause. And it makes a dialog of
 * each answer to an INVITE that has one already, by its tag, which an answer of RFC 2543 has not. The judge is asked about
 * messages with one of these only: a field can be taken out of its message, or the message refused. A refusal has the From and
 * To of its request, so one without a host there gets none.
 *
 * What PJSIP must not go by in a Via is forgotten without asking: see via.h.
 *
 * The layouts are tried before use.
 */
#ifndef OFFHOOK_HEADER_CHECK_H
#define OFFHOOK_HEADER_CHECK_H

#include <stdbool.h>

#define HEADER_ERASED (-1)

/* A SIP status to refuse the message with (a response, or an ACK, is dropped), HEADER_ERASED, or 0. `message` is PJSIP's
 * summary ("Request msg INVITE/cseq=1 (…)"), `name` that of the field. `in_dialog`: whether To has a tag. */
typedef int header_verdict(const char *message, const char *name, bool in_dialog);

/* From now on, in the library that is loaded from `path`; once after PJSUA was initialised, on its main thread. NULL: all is
 * well; else why not. */
const char *headers_check(const char *path, header_verdict *verdict);

#endif
