/* The function of pj_transport.h for Python: see _frames.pyi. */
#ifndef OFFHOOK_PY_TRANSPORT_H
#define OFFHOOK_PY_TRANSPORT_H

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *py_transport_peer(PyObject *module, PyObject *args);

#endif
