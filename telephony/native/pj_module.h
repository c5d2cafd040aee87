/* A module of PJSIP's, which sees messages before and after others. */
#ifndef OFFHOOK_PJ_MODULE_H
#define OFFHOOK_PJ_MODULE_H

#include <stdbool.h>

#include "pj_library.h"

/* The order of our modules: PJSIP's transactions have 16, its dialogs 32, PJSUA itself 64. */
enum { ORDER_HEADERS = 13, ORDER_MESSAGES, ORDER_DESCRIPTIONS, ORDER_CALLS = 24, ORDER_STRAYS = 63 };

typedef struct pj_module {
    struct pj_module *previous, *next;
    pj_text name;
    int id, priority;
    int (*load)(void *endpoint);
    int (*start)(void), (*stop)(void), (*unload)(void);
    int (*on_request)(void *received), (*on_response)(void *received);
    int (*on_sent_request)(void *sent), (*on_sent_response)(void *sent);
    void (*on_transaction)(void *transaction, void *event);
} pj_module;

/* Has PJSIP ask `module`, which it keeps until PJSUA is destroyed, from now on. NULL: all is well; else why not. */
const char *pj_module_register(void *library, const char *name, pj_module *module);

/* How PJSIP's summary of a request begins; its method and '/' come next. */
#define REQUEST_SUMMARY "Request msg "
#define ACK_SUMMARY REQUEST_SUMMARY "ACK/"

bool summary_begins(const char *summary, const char *with);

#endif
