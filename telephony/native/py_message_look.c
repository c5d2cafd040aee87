/* See _frames.pyi. */

#include "py_message_look.h"

#include "message_look.h"
#include "py_asked.h"

#define COPY "offhook.telephony.native.request"
#define FIELDS_MAX 16

static PyObject *taker;

static void let_go(PyObject *capsule) { message_free(PyCapsule_GetPointer(capsule, COPY)); }

static message_verdict ask(const char *text, size_t octets, const char *source, request_copy *copy) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *request = copy == NULL ? Py_NewRef(Py_None) : PyCapsule_New(copy, COPY, let_go);
    PyObject *found = NULL;
    if (request == NULL)
        message_free(copy);
    else
        found = PyObject_CallFunction(taker, "y#sO", text, (Py_ssize_t)octets, source, request);
    message_verdict verdict = (message_verdict)py_asked_number(taker, found, LOOK_PASS);
    Py_XDECREF(request);
    PyGILState_Release(state);
    return verdict;
}

static const char *open_library(const char *path) { return messages_look(path, ask); }

PyObject *py_look_at_messages(PyObject *Py_UNUSED(module), PyObject *args) {
    return py_asked_keep(args, &taker, open_library);
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
