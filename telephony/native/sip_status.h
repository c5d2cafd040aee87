/* The SIP statuses that we answer, or read, by ourselves (RFC 3261 section 21). */
#ifndef OFFHOOK_SIP_STATUS_H
#define OFFHOOK_SIP_STATUS_H

enum { SIP_FORBIDDEN = 403, SIP_NO_SUCH_CALL = 481, SIP_SERVER_ERROR = 500 };

#endif
