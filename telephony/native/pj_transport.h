/* The host that a connection of PJSIP's was opened to.
 *
 * Theory of operation. PJSIP keeps the host that it wanted, as its URI has it, with the connection, and no function of it
 * says which it is. It stands behind the name of the transport, which PJSIP hands out: so it is found, without the layout
 * of what stands before.
 */
#ifndef OFFHOOK_PJ_TRANSPORT_H
#define OFFHOOK_PJ_TRANSPORT_H

#define PEER_OCTETS_MAX 256

/* Of a connection over TLS, in the library that is loaded from `path`: the host; "": it was opened by the far end. NULL: all is
 * well; else why not. */
const char *pj_transport_peer(const char *path, const void *transport, char peer[PEER_OCTETS_MAX]);

#endif
