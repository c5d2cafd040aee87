/* Has the names that PJSIP sends to looked up elsewhere: of a Contact or a Route.
 *
 * Theory of operation. PJSIP asks the operating system for them, which may take many seconds, on the thread that polls it:
 * all calls would wait for the name that one stranger has written into a message. A resolver of PJSIP's (its
 * `pjsip_ext_resolver`) is asked in place of that. It gives numbers back to PJSIP's own, which answers them at once, and
 * names to the asker, who answers when they are found: then PJSIP's own gets the number, and what waited goes on.
 *
 * How PJSIP lays out what it asks for is found true by a trial.
 */
#ifndef OFFHOOK_NAME_LOOKUP_H
#define OFFHOOK_NAME_LOOKUP_H

/* PJSIP's numbers of transports; IPv6 is a bit beside them. */
enum { LOOKUP_UDP = 1, LOOKUP_TCP = 2, LOOKUP_TLS = 3, LOOKUP_IPV6 = 128 };

/* What waits for a name. Once PJSUA is destroyed it is empty. */
typedef struct name_lookup name_lookup;

/* `name` is lent; `port` 0: none is given. `lookup` belongs to the asker: `name_found` and then `name_free`. */
typedef void name_asker(const char *name, int port, int transport, name_lookup *lookup);

/* From now on, in the library that is loaded from `path`; once after PJSUA was initialised, on its main thread. NULL: all is
 * well; else why not. */
const char *names_look_up(const char *path, name_asker *asker);

/* `address` is a number, NULL: there is none. Once; later ones do nothing. */
void name_found(name_lookup *lookup, const char *address, int port);

/* Lets it go: it has to be answered before, since PJSIP waits for ever. */
void name_free(name_lookup *lookup);

#endif
