/* See pj_library.h. Nothing here knows Python. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "pj_library.h"

#include <stdint.h>

void *pj_library(const char *path) { return dlopen(path, RTLD_NOW | RTLD_NOLOAD); }

pj_text pj_text_of(const char *text) { return (pj_text){(char *)(uintptr_t)text, (long)strlen(text)}; }
