/* See _frames.pyi. */

#include "py_header_check.h"

#include "header_check.h"
#include "py_asked.h"
#include "sip_status.h"

static PyObject *judge;

static int verdict_of(const char *message, const char *name, bool in_dialog) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *found = PyObject_CallFunction(judge, "ysO", message, name, in_dialog ? Py_True : Py_False);
    int status = (int)py_asked_number(judge, found, SIP_SERVER_ERROR);
    PyGILState_Release(state);
    return status;
}

static const char *open_library(const char *path) { return headers_check(path, verdict_of); }

PyObject *py_check_headers(PyObject *Py_UNUSED(module), PyObject *args) {
    return py_asked_keep(args, &judge, open_library);
}
