/* The state that crosses between a session and the pump: Python objects with the fields of state.h, by name. */

#include "python.h"

#include <limits.h>
#include <stddef.h>

enum field_type { FIELD_U8, FIELD_BOOL, FIELD_I32, FIELD_U32, FIELD_I64, FIELD_DOUBLE };

typedef struct {
    const char *name;
    size_t offset;
    enum field_type type;
} field;

/* clang-format off */
#define TYPE_OF(type) _Generic((type)0, uint8_t: FIELD_U8, bool: FIELD_BOOL, int32_t: FIELD_I32, \
                               uint32_t: FIELD_U32, int64_t: FIELD_I64, double: FIELD_DOUBLE)
/* clang-format on */
#define RECEIVE_ROW(type, name) {#name, offsetof(receiving, name), TYPE_OF(type)},
#define SEND_ROW(type, name) {#name, offsetof(sending, name), TYPE_OF(type)},

static const field receive_fields[] = {RECEIVE_STATE(RECEIVE_ROW){NULL, 0, 0}};
static const field send_fields[] = {SEND_STATE(SEND_ROW){NULL, 0, 0}};

static bool read_whole(PyObject *value, const field *of, long long low, long long high, long long *number) {
    *number = PyLong_AsLongLong(value);
    if (*number == -1 && PyErr_Occurred())
        return false;
    if (*number < low || *number > high) {
        PyErr_Format(PyExc_OverflowError, "%s is from %lld to %lld, not %lld", of->name, low, high, *number);
        return false;
    }
    return true;
}

static bool read_field(PyObject *value, const field *of, uint8_t *into) {
    long long number;
    switch (of->type) {
    case FIELD_DOUBLE:
        *(double *)into = PyFloat_AsDouble(value);
        return PyErr_Occurred() == NULL;
    case FIELD_BOOL: {
        int truth = PyObject_IsTrue(value);
        *(bool *)into = truth > 0;
        return truth >= 0;
    }
    case FIELD_U8:
        if (!read_whole(value, of, 0, UINT8_MAX, &number))
            return false;
        *into = (uint8_t)number;
        return true;
    case FIELD_I32:
        if (!read_whole(value, of, INT32_MIN, INT32_MAX, &number))
            return false;
        *(int32_t *)into = (int32_t)number;
        return true;
    case FIELD_U32:
        if (!read_whole(value, of, 0, UINT32_MAX, &number))
            return false;
        *(uint32_t *)into = (uint32_t)number;
        return true;
    case FIELD_I64:
        if (!read_whole(value, of, LLONG_MIN, LLONG_MAX, &number))
            return false;
        *(int64_t *)into = number;
        return true;
    }
    return false;
}

static bool read_fields(PyObject *state, const field *fields, void *into) {
    for (const field *of = fields; of->name != NULL; of++) {
        PyObject *value = PyObject_GetAttrString(state, of->name);
        bool fits = value != NULL && read_field(value, of, (uint8_t *)into + of->offset);
        Py_XDECREF(value);
        if (!fits)
            return false;
    }
    return true;
}

static PyObject *field_object(const field *of, const uint8_t *from) {
    switch (of->type) {
    case FIELD_DOUBLE:
        return PyFloat_FromDouble(*(const double *)from);
    case FIELD_BOOL:
        return PyBool_FromLong(*(const bool *)from);
    case FIELD_U8:
        return PyLong_FromLong(*from);
    case FIELD_I32:
        return PyLong_FromLong(*(const int32_t *)from);
    case FIELD_U32:
        return PyLong_FromUnsignedLong(*(const uint32_t *)from);
    case FIELD_I64:
        return PyLong_FromLongLong(*(const int64_t *)from);
    }
    return NULL;
}

static PyObject *fields_object(const field *fields, const void *from) {
    PyObject *values = PyDict_New();
    if (values == NULL)
        return NULL;
    for (const field *of = fields; of->name != NULL; of++) {
        PyObject *value = field_object(of, (const uint8_t *)from + of->offset);
        int failed = value == NULL ? -1 : PyDict_SetItemString(values, of->name, value);
        Py_XDECREF(value);
        if (failed) {
            Py_DECREF(values);
            return NULL;
        }
    }
    return values;
}

bool read_receive_state(PyObject *state, receiving *in) {
    return read_fields(state, receive_fields, in);
}

PyObject *receive_state(const receiving *in) {
    return fields_object(receive_fields, in);
}

bool read_send_state(PyObject *state, sending *out) {
    return read_fields(state, send_fields, out);
}

PyObject *send_state(const sending *out) {
    return fields_object(send_fields, out);
}
