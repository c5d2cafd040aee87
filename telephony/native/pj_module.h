/* PJSIP's layout of a module, which sees messages before and after others. */
#ifndef OFFHOOK_PJ_MODULE_H
#define OFFHOOK_PJ_MODULE_H

#include "frame_port.h"

#define PJ_NO_ID (-1)

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

#endif
