/* See _frames.pyi. */

#include "py_header_check.h"

#include "header_check.h"
#include "sip_status.h"

static PyObject *judge;

static int verdict_of(const char *message, const char *name, bool in_dialog) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *found = PyObject_CallFunction(judge, "ysO", message, name, in_dialog ? Py_True : Py_False);
    long status = found == NULL ? SIP_SERVER_ERROR : PyLong_AsLong(found);
    Py_XDECREF(found);
    if (PyErr_Occurred()) {
        PyErr_WriteUnraisable(judge);
        status = SIP_SERVER_ERROR;
    }
    PyGILState_Release(state);
    return (int)status;
}

PyObject *py_check_headers(PyObject *Py_UNUSED(module), PyObject *args) {
    const char *path;
    PyObject *given;
    if (!PyArg_ParseTuple(args, "sO", &path, &given))
        return NULL;
    PyObject *before = judge;
    judge = Py_NewRef(given);
    Py_XDECREF(before);
    const char *why = headers_check(path, verdict_of);
    if (why != NULL) {
        PyErr_SetString(PyExc_OSError, why);
        return NULL;
    }
    Py_RETURN_NONE;
}
