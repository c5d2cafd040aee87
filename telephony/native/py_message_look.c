/* See _frames.pyi. */

#include "py_message_look.h"

#include "message_look.h"

#define COPY "offhook.telephony.native.request"
#define FIELDS_MAX 16

static PyObject *taker;

static void let_go(PyObject *capsule) { message_free(PyCapsule_GetPointer(capsule, COPY)); }

static message_verdict ask(const char *text, size_t octets, const char *source, request_copy *copy) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *request = copy == NULL ? Py_NewRef(Py_None) : PyCapsule_New(copy, COPY, let_go);
    long verdict = LOOK_PASS;
    if (request == NULL) {
        message_free(copy);
    } else {
        PyObject *found = PyObject_CallFunction(taker, "y#sO", text, (Py_ssize_t)octets, source, request);
        verdict = found == NULL ? -1 : PyLong_AsLong(found);
        Py_XDECREF(found);
        Py_DECREF(request);
    }
    if (PyErr_Occurred()) {
        PyErr_WriteUnraisable(taker);
        verdict = LOOK_PASS;
    }
    PyGILState_Release(state);
    return (message_verdict)verdict;
}

PyObject *py_look_at_messages(PyObject *Py_UNUSED(module), PyObject *args) {
    const char *path;
    PyObject *given;
    if (!PyArg_ParseTuple(args, "sO", &path, &given))
        return NULL;
    PyObject *before = taker;
    taker = Py_NewRef(given);
    Py_XDECREF(before);
    const char *why = messages_look(path, ask);
    if (why != NULL) {
        PyErr_SetString(PyExc_OSError, why);
        return NULL;
    }
    Py_RETURN_NONE;
}

PyObject *py_respond(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *request, *given;
    int status;
    const char *reason;
    header_field fields[FIELDS_MAX];
    if (!PyArg_ParseTuple(args, "OizO!", &request, &status, &reason, &PyTuple_Type, &given))
        return NULL;
    const request_copy *copy = PyCapsule_GetPointer(request, COPY);
    Py_ssize_t count = PyTuple_Size(given);
    if (copy == NULL)
        return NULL;
    if (count > FIELDS_MAX) {
        PyErr_Format(PyExc_ValueError, "a response has %d header fields, at most", FIELDS_MAX);
        return NULL;
    }
    for (Py_ssize_t each = 0; each < count; each++)
        if (!PyArg_ParseTuple(PyTuple_GetItem(given, each), "ss", &fields[each].name, &fields[each].value))
            return NULL;
    return PyBool_FromLong(message_respond(copy, status, reason, fields, (size_t)count));
}
