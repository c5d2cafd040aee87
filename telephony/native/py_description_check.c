/* See _frames.pyi. */

#include "py_description_check.h"

#include "description_check.h"
#include "sip_status.h"

static PyObject *judge;

static int verdict_of(const char *message, const char *text, size_t octets, int stands) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *found = PyObject_CallFunction(judge, "yy#i", message, text, (Py_ssize_t)octets, stands);
    long status = found == NULL ? 0 : PyLong_AsLong(found);
    Py_XDECREF(found);
    if (PyErr_Occurred()) {
        PyErr_WriteUnraisable(judge);
        status = SIP_SERVER_ERROR;
    }
    PyGILState_Release(state);
    return (int)status;
}

PyObject *py_check_descriptions(PyObject *Py_UNUSED(module), PyObject *args) {
    const char *path;
    PyObject *given;
    if (!PyArg_ParseTuple(args, "sO", &path, &given))
        return NULL;
    PyObject *before = judge;
    judge = Py_NewRef(given);
    Py_XDECREF(before);
    const char *why = descriptions_check(path, verdict_of);
    if (why != NULL) {
        PyErr_SetString(PyExc_OSError, why);
        return NULL;
    }
    Py_RETURN_NONE;
}
