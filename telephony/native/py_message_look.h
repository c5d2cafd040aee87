/* The functions of message_look.h for Python: see _frames.pyi. */
#ifndef OFFHOOK_PY_MESSAGE_LOOK_H
#define OFFHOOK_PY_MESSAGE_LOOK_H

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *py_look_at_messages(PyObject *module, PyObject *args);
PyObject *py_respond(PyObject *module, PyObject *args);

#endif
