/* The functions of name_lookup.h for Python: see _frames.pyi. */
#ifndef OFFHOOK_PY_NAME_LOOKUP_H
#define OFFHOOK_PY_NAME_LOOKUP_H

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *py_look_up_names(PyObject *module, PyObject *args);
PyObject *py_name_found(PyObject *module, PyObject *args);

#endif
