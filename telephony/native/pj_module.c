/* See pj_module.h. Nothing here knows Python. */

#include "pj_module.h"

#define NO_ID (-1)

const char *pj_module_register(void *library, const char *name, pj_module *module) {
    struct {
        void *(*endpoint)(void);
        int (*register_module)(void *endpoint, pj_module *);
    } of;
    FIND(library, of, endpoint, "pjsua_get_pjsip_endpt");
    FIND(library, of, register_module, "pjsip_endpt_register_module");
    module->name = pj_text_of(name);
    module->id = NO_ID;
    if (of.register_module(of.endpoint(), module) != 0)
        return "it takes no more modules";
    return module->id == NO_ID ? "its modules are laid out in another way" : NULL;
}

bool summary_begins(const char *summary, const char *with) { return strncmp(summary, with, strlen(with)) == 0; }
