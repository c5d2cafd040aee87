/* See _frames.pyi. */

#include "py_name_lookup.h"

#include "name_lookup.h"
#include "py_asked.h"

#define LOOKUP "offhook.telephony.native.lookup"

static PyObject *asker;

static void let_go(PyObject *capsule) { name_free(PyCapsule_GetPointer(capsule, LOOKUP)); }

static const char *words_of(int transport) {
    switch (transport & ~LOOKUP_IPV6) {
    case LOOKUP_UDP:
        return "UDP";
    case LOOKUP_TCP:
        return "TCP";
    case LOOKUP_TLS:
        return "TLS";
    default:
        return "";
    }
}

static void ask(const char *name, int port, int transport, name_lookup *lookup) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *asked = NULL, *waits = PyCapsule_New(lookup, LOOKUP, let_go);
    if (waits != NULL)
        asked = PyObject_CallFunction(asker, "yisO", name, port, words_of(transport), waits);
    if (asked == NULL) {
        PyErr_WriteUnraisable(asker);
        name_found(lookup, NULL, 0);
    }
    if (waits == NULL)
        name_free(lookup);
    Py_XDECREF(asked);
    Py_XDECREF(waits);
    PyGILState_Release(state);
}

static const char *open_library(const char *path) { return names_look_up(path, ask); }

PyObject *py_look_up_names(PyObject *Py_UNUSED(module), PyObject *args) {
    return py_asked_keep(args, &asker, open_library);
}

PyObject *py_name_found(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *waits;
    const char *address;
    int port;
    if (!PyArg_ParseTuple(args, "Ozi", &waits, &address, &port))
        return NULL;
    name_lookup *lookup = PyCapsule_GetPointer(waits, LOOKUP);
    if (lookup == NULL)
        return NULL;
    name_found(lookup, address, port);
    Py_RETURN_NONE;
}
