/* telephony.native._media: the module, and the upsampler's type. */

#include "python.h"

#include <string.h>

typedef struct {
    PyObject_HEAD
    double taps[HALF_BAND_TAPS], history[HALF_BAND_TAPS - 1];
} UpsamplerObject;

static PyObject *upsampler_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(keywords)) {
    const char *taps;
    Py_ssize_t octets;
    if (!PyArg_ParseTuple(args, "y#", &taps, &octets))
        return NULL;
    if (octets != HALF_BAND_TAPS * (Py_ssize_t)sizeof(double)) {
        PyErr_Format(PyExc_ValueError, "%d taps are needed", HALF_BAND_TAPS);
        return NULL;
    }
    UpsamplerObject *self = (UpsamplerObject *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (self != NULL)
        memcpy(self->taps, taps, sizeof self->taps);
    return (PyObject *)self;
}

static PyObject *upsampler_push(PyObject *object, PyObject *args) {
    UpsamplerObject *self = (UpsamplerObject *)object;
    const char *pcm;
    Py_ssize_t octets;
    if (!PyArg_ParseTuple(args, "y#", &pcm, &octets))
        return NULL;
    if (octets % 2) {
        PyErr_Format(PyExc_ValueError, "%zd octets are not whole 16-bit samples", octets);
        return NULL;
    }
    PyObject *result = PyBytes_FromStringAndSize(NULL, 2 * octets);
    if (result != NULL)
        upsample(self->taps, self->history, (const uint8_t *)pcm, (size_t)(octets / 2),
                 (uint8_t *)PyBytes_AsString(result));
    return result;
}

static PyObject *upsampler_reset(PyObject *object, PyObject *Py_UNUSED(ignored)) {
    UpsamplerObject *self = (UpsamplerObject *)object;
    memset(self->history, 0, sizeof self->history);
    Py_RETURN_NONE;
}

static void upsampler_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyMethodDef upsampler_methods[] = {
    {"push", upsampler_push, METH_VARARGS, NULL},
    {"reset", upsampler_reset, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot upsampler_slots[] = {
    {Py_tp_new, (void *)upsampler_new},
    {Py_tp_dealloc, (void *)upsampler_dealloc},
    {Py_tp_methods, upsampler_methods},
    {0, NULL},
};

PyType_Spec upsampler_spec = {
    "offhook.telephony.native._media.Upsampler", sizeof(UpsamplerObject), 0, Py_TPFLAGS_DEFAULT, upsampler_slots,
};

/* ---- the module */

typedef struct {
    PyTypeObject *stream_type;
} module_state;

PyTypeObject *stream_type_of(PyObject *pump_object) {
    module_state *state = PyType_GetModuleState(Py_TYPE(pump_object));
    return state == NULL ? NULL : state->stream_type;
}

static PyObject *decode(PyObject *Py_UNUSED(module), PyObject *args) {
    const char *payload;
    Py_ssize_t octets;
    int a_law;
    if (!PyArg_ParseTuple(args, "y#p", &payload, &octets, &a_law))
        return NULL;
    PyObject *result = PyBytes_FromStringAndSize(NULL, 2 * octets);
    if (result != NULL)
        g711_decode(a_law ? LAW_A : LAW_MU, (const uint8_t *)payload, (size_t)octets,
                    (uint8_t *)PyBytes_AsString(result));
    return result;
}

static PyObject *test_for_key(PyObject *Py_UNUSED(module), PyObject *args) {
    const char *pcm;
    Py_ssize_t octets;
    float power, share;
    if (!PyArg_ParseTuple(args, "y#ff", &pcm, &octets, &power, &share))
        return NULL;
    return PyBool_FromLong(may_hold_key((const uint8_t *)pcm, (size_t)(octets / 2), power, share));
}

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **kept) {
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    if (type == NULL)
        return -1;
    int failed = PyModule_AddType(module, (PyTypeObject *)type);
    if (kept != NULL && failed == 0)
        *kept = (PyTypeObject *)type;
    else
        Py_DECREF(type);
    return failed;
}

static int execute(PyObject *module) {
    module_state *state = PyModule_GetState(module);
    g711_prepare();
    keytest_prepare();
    if (add_type(module, &pump_spec, NULL) < 0 || add_type(module, &stream_spec, &state->stream_type) < 0 ||
        add_type(module, &upsampler_spec, NULL) < 0)
        return -1;
    PyObject *bounds = PyTuple_New(LATE_BUCKETS - 1);
    for (Py_ssize_t i = 0; bounds != NULL && i < LATE_BUCKETS - 1; i++)
        PyTuple_SetItem(bounds, i, PyFloat_FromDouble(late_bounds_ms[i]));
    int failed = PyModule_AddObjectRef(module, "LATE_BOUNDS_MS", bounds);
    Py_XDECREF(bounds);
    return failed;
}

static int traverse(PyObject *module, visitproc visit, void *arg) {
    module_state *state = PyModule_GetState(module);
    if (state != NULL)
        Py_VISIT(state->stream_type);
    return 0;
}

static int clear(PyObject *module) {
    module_state *state = PyModule_GetState(module);
    if (state != NULL)
        Py_CLEAR(state->stream_type);
    return 0;
}

static PyMethodDef functions[] = {
    {"decode", decode, METH_VARARGS, NULL},
    {"may_hold_key", test_for_key, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)execute},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "offhook.telephony.native._media", .m_size = sizeof(module_state),
    .m_methods = functions, .m_slots = slots, .m_traverse = traverse, .m_clear = clear,
};

PyMODINIT_FUNC PyInit__media(void) {
    return PyModuleDef_Init(&definition);
}
