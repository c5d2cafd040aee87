/* PJSIP's library, which Python has loaded: it is not linked, its functions are found by name. And its text. */
#ifndef OFFHOOK_PJ_LIBRARY_H
#define OFFHOOK_PJ_LIBRARY_H

#include <dlfcn.h>
#include <string.h>

typedef struct {
    char *text;
    long octets;
} pj_text;

/* As `dlopen` returns it; NULL: it is not loaded, and another copy of it would have no calls. */
void *pj_library(const char *path);

/* PJSIP writes to no text that it is given. */
pj_text pj_text_of(const char *text);

/* A function that PJSIP finds in place of its own with that name, where this library was made global before it was loaded. */
#define NAMESAKE __attribute__((visibility("default")))
#define UNUSABLE 70013 /* PJ_EINVALIDOP */

/* Have `of.member` be a function of `library`; or return from here, with what it lacks. */
#define FIND(library, of, member, function)                                                                            \
    do {                                                                                                               \
        void *found = dlsym(library, function);                                                                        \
        if (found == NULL)                                                                                             \
            return "it has no " function;                                                                              \
        memcpy(&(of).member, &found, sizeof found);                                                                    \
    } while (0)

#endif
