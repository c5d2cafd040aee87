/* A Python function that PJSIP's side asks: the same for all that do. */
#ifndef OFFHOOK_PY_ASKED_H
#define OFFHOOK_PY_ASKED_H

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Keeps the function of `args` (the library's path, the function) in place of the one before, and has `open` ask it from now
 * on, which says why not. None; or NULL with an OSError. */
PyObject *py_asked_keep(PyObject *args, PyObject **kept, const char *(*open)(const char *path));

/* The number that `asked` has answered. `answer` is released; NULL: it raised. Its error is written, and `otherwise` counts. */
long py_asked_number(PyObject *asked, PyObject *answer, long otherwise);

#endif
