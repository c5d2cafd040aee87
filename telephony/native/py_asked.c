/* See py_asked.h. */

#include "py_asked.h"

PyObject *py_asked_keep(PyObject *args, PyObject **kept, const char *(*open)(const char *path)) {
    const char *path;
    PyObject *given;
    if (!PyArg_ParseTuple(args, "sO", &path, &given))
        return NULL;
    PyObject *before = *kept;
    *kept = Py_NewRef(given);
    Py_XDECREF(before);
    const char *why = open(path);
    if (why != NULL) {
        PyErr_SetString(PyExc_OSError, why);
        return NULL;
    }
    Py_RETURN_NONE;
}

long py_asked_number(PyObject *asked, PyObject *answer, long otherwise) {
    long number = answer == NULL ? otherwise : PyLong_AsLong(answer);
    Py_XDECREF(answer);
    if (PyErr_Occurred() == NULL)
        return number;
    PyErr_WriteUnraisable(asked);
    return otherwise;
}
