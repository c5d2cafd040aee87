/* PJSIP's layout of a module, which sees messages before and after others; and how its functions are found. */
#ifndef OFFHOOK_PJ_MODULE_H
#define OFFHOOK_PJ_MODULE_H

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "frame_port.h"

#define PJ_NO_ID (-1)

/* Have `of.member` be a function of the loaded `library`; or return from here, with what it lacks. */
#define FIND(member, function)                                                                                         \
    do {                                                                                                               \
        void *found = dlsym(library, function);                                                                        \
        if (found == NULL)                                                                                             \
            return "it has no " function;                                                                              \
        memcpy(&of.member, &found, sizeof found);                                                                      \
    } while (0)

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
