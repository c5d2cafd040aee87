/* See _frames.pyi. */

#include "py_description_check.h"

#include "description_check.h"
#include "py_asked.h"
#include "sip_status.h"

static PyObject *judge;

static int verdict_of(const char *message, const char *text, size_t octets, int stands) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *found = PyObject_CallFunction(judge, "yy#i", message, text, (Py_ssize_t)octets, stands);
    int status = (int)py_asked_number(judge, found, SIP_SERVER_ERROR);
    PyGILState_Release(state);
    return status;
}

static const char *open_library(const char *path) { return descriptions_check(path, verdict_of); }

PyObject *py_check_descriptions(PyObject *Py_UNUSED(module), PyObject *args) {
    return py_asked_keep(args, &judge, open_library);
}
