/* The function of description_check.h for Python: see _frames.pyi. */
#ifndef OFFHOOK_PY_DESCRIPTION_CHECK_H
#define OFFHOOK_PY_DESCRIPTION_CHECK_H

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *py_check_descriptions(PyObject *module, PyObject *args);

#endif
