/* What the Python types share. The stable ABI of 3.11: one build serves that version and all later ones. */
#ifndef OFFHOOK_PYTHON_H
#define OFFHOOK_PYTHON_H

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "media.h"

typedef struct {
    PyObject_HEAD
    pump *pump;
    bool collecting;
} PumpObject;

typedef struct {
    PyObject_HEAD
    stream *stream;
    PumpObject *owner;
} StreamObject;

extern PyType_Spec pump_spec, stream_spec, upsampler_spec;

/* A new Stream of `owner`; `type` is the Stream type. */
PyObject *stream_object(PyTypeObject *type, PumpObject *owner, stream *item);
/* False, with ValueError set, for a host that is no numeric address. `*octets` may be NULL. */
bool read_address(const char *host, unsigned int port, address *result, socklen_t *octets);
PyObject *address_object(const address *from);
PyTypeObject *stream_type_of(PyObject *pump_object);
/* By the fields of state.h: reading sets AttributeError, TypeError or OverflowError; what is made is a dict. */
bool read_receive_state(PyObject *state, receiving *in);
bool read_send_state(PyObject *state, sending *out);
PyObject *receive_state(const receiving *in);
PyObject *send_state(const sending *out);

#endif
