/* See _frames.pyi. */

#include "py_transport.h"

#include <string.h>

#include "pj_transport.h"

PyObject *py_transport_peer(PyObject *Py_UNUSED(module), PyObject *args) {
    const char *path;
    Py_ssize_t transport;
    char peer[PEER_OCTETS_MAX];
    if (!PyArg_ParseTuple(args, "sn", &path, &transport))
        return NULL;
    const char *why = pj_transport_peer(path, (const void *)transport, peer);
    if (why != NULL) {
        PyErr_SetString(PyExc_OSError, why);
        return NULL;
    }
    return PyUnicode_DecodeLatin1(peer, (Py_ssize_t)strlen(peer), NULL);
}
