/* telephony.native._frames: ports of PJMEDIA's conference bridge, and what PJSIP is to refuse or never to see. See
 * _frames.pyi for what each function does. */

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "exchange.h"
#include "frame_port.h"
#include "negotiation_guard.h"
#include "py_description_check.h"
#include "py_header_check.h"
#include "py_message_look.h"
#include "py_name_lookup.h"
#include "py_transport.h"
#include "socket_room.h"

typedef struct {
    PyObject_HEAD
    frame_port *port;
} FramePortObject;

/* The one library of the process, like PJSUA itself; ports that PJMEDIA still holds refer to it. */
static pjsip library;
static bool opened;

static PyObject *open_library(PyObject *Py_UNUSED(module), PyObject *args) {
    const char *path;
    if (!PyArg_ParseTuple(args, "s", &path))
        return NULL;
    pjsip found;
    const char *why = pjsip_open(&found, path);
    if (why != NULL) {
        PyErr_SetString(PyExc_OSError, why);
        return NULL;
    }
    library = found;
    opened = true;
    return PyLong_FromUnsignedLong(library.most_calls());
}

static PyObject *port_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(keywords)) {
    unsigned int rate_hz;
    int joins = 1;
    if (!PyArg_ParseTuple(args, "I|p", &rate_hz, &joins))
        return NULL;
    if (rate_hz != 8000 && rate_hz != 16000) {
        PyErr_Format(PyExc_ValueError, "ports have 8000 or 16000 Hz, not %u", rate_hz);
        return NULL;
    }
    if (joins && !opened) {
        PyErr_SetString(PyExc_OSError, "the library is not open");
        return NULL;
    }
    FramePortObject *self = (FramePortObject *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (self == NULL)
        return NULL;
    self->port = frame_port_new(joins ? &library : NULL, rate_hz);
    if (self->port == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    bool joined = true;
    Py_BEGIN_ALLOW_THREADS
    if (joins)
        joined = frame_port_join(self->port);
    Py_END_ALLOW_THREADS
    if (!joined) {
        PyErr_SetString(PyExc_OSError, "the conference bridge takes no more ports");
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static frame_port *port_of(PyObject *self) {
    frame_port *port = ((FramePortObject *)self)->port;
    if (port == NULL)
        PyErr_SetString(PyExc_ValueError, "the port is closed");
    return port;
}

static PyObject *port_close(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    frame_port *port = ((FramePortObject *)self)->port;
    ((FramePortObject *)self)->port = NULL;
    if (port != NULL) {
        Py_BEGIN_ALLOW_THREADS
        frame_port_close(port);
        Py_END_ALLOW_THREADS
    }
    Py_RETURN_NONE;
}

static void port_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    if (((FramePortObject *)self)->port != NULL)
        frame_port_close(((FramePortObject *)self)->port);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *joined_with(PyObject *self, PyObject *args, int (*work)(int, int)) {
    int slot, there = 0, back = 0;
    frame_port *port = port_of(self);
    if (port == NULL || !PyArg_ParseTuple(args, "i", &slot))
        return NULL;
    if (port->slot < 0)
        Py_RETURN_FALSE;
    Py_BEGIN_ALLOW_THREADS
    there = work(port->slot, slot);
    back = work(slot, port->slot);
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(there == 0 && back == 0);
}

static PyObject *port_connect(PyObject *self, PyObject *args) { return joined_with(self, args, library.conf_connect); }

static PyObject *port_disconnect(PyObject *self, PyObject *args) {
    return joined_with(self, args, library.conf_disconnect);
}

static PyObject *port_write(PyObject *self, PyObject *args) {
    const char *pcm;
    Py_ssize_t octets;
    frame_port *port = port_of(self);
    if (port == NULL || !PyArg_ParseTuple(args, "y#", &pcm, &octets))
        return NULL;
    if ((size_t)octets % port->frame_octets) {
        PyErr_Format(PyExc_ValueError, "%zd octets are not whole frames of %zu", octets, port->frame_octets);
        return NULL;
    }
    return PyLong_FromSize_t(frame_port_write(port, (const uint8_t *)pcm, (size_t)octets / port->frame_octets));
}

static PyObject *port_clear(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    frame_port *port = port_of(self);
    return port == NULL ? NULL : PyLong_FromSize_t(frame_port_clear(port));
}

static PyObject *port_waiting(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    frame_port *port = port_of(self);
    return port == NULL ? NULL : PyLong_FromSize_t(frame_port_waiting(port));
}

static PyObject *port_taken(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    frame_port *port = port_of(self);
    if (port == NULL)
        return NULL;
    unsigned long long taken = frame_port_taken(port);
    return Py_BuildValue("(Kd)", taken, (double)atomic_load(&port->out.last_at));
}

static PyObject *port_read(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    frame_port *port = port_of(self);
    uint64_t ordinal;
    uint8_t pcm[FRAME_OCTETS_MAX];
    if (port == NULL)
        return NULL;
    double at;
    if (!frame_port_read(port, pcm, &ordinal, &at))
        Py_RETURN_NONE;
    return Py_BuildValue("(Ky#d)", (unsigned long long)ordinal, (const char *)pcm, (Py_ssize_t)port->frame_octets, at);
}

static PyObject *port_counters(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    frame_port *port = port_of(self);
    if (port == NULL)
        return NULL;
    return Py_BuildValue("{s:i,s:K,s:K,s:K}", "slot", port->slot, "given", (unsigned long long)atomic_load(&port->given),
                         "taken", (unsigned long long)frame_port_taken(port), "dry",
                         (unsigned long long)atomic_load(&port->dry));
}

/* ---- tests, without the library */

static PyObject *port_take(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    frame_port *port = port_of(self);
    uint8_t pcm[FRAME_OCTETS_MAX];
    pj_frame frame = {PJ_FRAME_NONE, pcm, sizeof pcm, 0, 0};
    if (port == NULL)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    port->base.get_frame(&port->base, &frame);
    Py_END_ALLOW_THREADS
    if (frame.type != PJ_FRAME_AUDIO)
        Py_RETURN_NONE;
    return PyBytes_FromStringAndSize((const char *)pcm, (Py_ssize_t)frame.octets);
}

static PyObject *port_give(PyObject *self, PyObject *args) {
    const char *pcm;
    Py_ssize_t octets;
    frame_port *port = port_of(self);
    if (port == NULL || !PyArg_ParseTuple(args, "z#", &pcm, &octets))
        return NULL;
    uint8_t copy[FRAME_OCTETS_MAX];
    size_t size = pcm == NULL || (size_t)octets > sizeof copy ? 0 : (size_t)octets;
    if (size)
        memcpy(copy, pcm, size);
    pj_frame frame = {pcm == NULL ? PJ_FRAME_NONE : PJ_FRAME_AUDIO, copy, size, 0, 0};
    Py_BEGIN_ALLOW_THREADS
    port->base.put_frame(&port->base, &frame);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"connect", port_connect, METH_VARARGS, NULL},
    {"disconnect", port_disconnect, METH_VARARGS, NULL},
    {"write", port_write, METH_VARARGS, NULL},
    {"clear", port_clear, METH_NOARGS, NULL},
    {"waiting", port_waiting, METH_NOARGS, NULL},
    {"taken", port_taken, METH_NOARGS, NULL},
    {"read", port_read, METH_NOARGS, NULL},
    {"counters", port_counters, METH_NOARGS, NULL},
    {"take", port_take, METH_NOARGS, NULL},
    {"give", port_give, METH_VARARGS, NULL},
    {"close", port_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)port_new},
    {Py_tp_dealloc, (void *)port_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec port_spec = {
    "offhook.telephony.native._frames.FramePort", sizeof(FramePortObject), 0, Py_TPFLAGS_DEFAULT, slots,
};

static int execute(PyObject *module) {
    PyObject *type = PyType_FromModuleAndSpec(module, &port_spec, NULL);
    int failed = type == NULL ? -1 : PyModule_AddType(module, (PyTypeObject *)type);
    Py_XDECREF(type);
    return failed < 0 ? -1 : PyModule_AddIntConstant(module, "RING_FRAMES", RING_FRAMES);
}

static PyObject *given(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyLong_FromUnsignedLongLong(frame_ports_given());
}

static PyObject *calls(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyLong_FromUnsignedLong(opened ? library.calls() : 0);
}

static PyObject *set_sending(PyObject *Py_UNUSED(module), PyObject *args) {
    Py_ssize_t stream;
    int sends, status;
    if (!PyArg_ParseTuple(args, "np", &stream, &sends))
        return NULL;
    if (!opened) {
        PyErr_SetString(PyExc_OSError, "the library is not open");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    status = (sends ? library.stream_resume : library.stream_pause)((void *)stream, DIR_ENCODING);
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(status == 0);
}

static PyObject *open_namesakes(PyObject *Py_UNUSED(module), PyObject *args) {
    const char *path;
    if (!PyArg_ParseTuple(args, "s", &path))
        return NULL;
    const char *why = sockets_open(path);
    if (why == NULL)
        why = negotiation_guard_open(path);
    if (why != NULL) {
        PyErr_SetString(PyExc_OSError, why);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *sockets(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    const socket_room room = sockets_room();
    return Py_BuildValue("{s:k,s:k,s:K}", "used", room.used, "most", room.most, "refused", room.refused);
}

static PyObject *end_stuck(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    sockets_end_stuck();
    Py_RETURN_NONE;
}

static PyObject *has_room(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyBool_FromLong(sockets_have_room());
}

#define MEDIA_INFO_LONGS 2048 /* PJMEDIA 2.17 needs a tenth */

static PyObject *keep_to(PyObject *Py_UNUSED(module), PyObject *args) {
    static long info[MEDIA_INFO_LONGS];
    int call;
    unsigned int media, port;
    const char *host;
    if (!PyArg_ParseTuple(args, "iIzI", &call, &media, &host, &port))
        return NULL;
    if (!opened) {
        PyErr_SetString(PyExc_OSError, "the library is not open");
        return NULL;
    }
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } to = {.any.sa_family = AF_UNSPEC}; /* connected to that, a socket receives from everybody again */
    if (host != NULL && inet_pton(AF_INET, host, &to.four.sin_addr) == 1) {
        to.four.sin_family = AF_INET;
        to.four.sin_port = htons((uint16_t)port);
    } else if (host != NULL && inet_pton(AF_INET6, host, &to.six.sin6_addr) == 1) {
        to.six.sin6_family = AF_INET6;
        to.six.sin6_port = htons((uint16_t)port);
    } else if (host != NULL) {
        PyErr_Format(PyExc_ValueError, "%s is no address", host);
        return NULL;
    }
    int found;
    Py_BEGIN_ALLOW_THREADS
    found = library.media_info(call, media, info);
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(found == 0 && info[0] > 0 && connect((int)info[0], &to.any, sizeof to) == 0);
}

static PyObject *refresh(PyObject *Py_UNUSED(module), PyObject *args) {
    const char *call_id, *local_tag, *remote_tag;
    if (!PyArg_ParseTuple(args, "yyy", &call_id, &local_tag, &remote_tag))
        return NULL;
    bool sent;
    Py_BEGIN_ALLOW_THREADS
    sent = exchange_refresh(call_id, local_tag, remote_tag);
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(sent);
}

static PyMethodDef functions[] = {
    {"calls", calls, METH_NOARGS, NULL},
    {"check_descriptions", py_check_descriptions, METH_VARARGS, NULL},
    {"check_headers", py_check_headers, METH_VARARGS, NULL},
    {"end_stuck", end_stuck, METH_NOARGS, NULL},
    {"given", given, METH_NOARGS, NULL},
    {"has_room", has_room, METH_NOARGS, NULL},
    {"keep_to", keep_to, METH_VARARGS, NULL},
    {"look_at_messages", py_look_at_messages, METH_VARARGS, NULL},
    {"look_up_names", py_look_up_names, METH_VARARGS, NULL},
    {"name_found", py_name_found, METH_VARARGS, NULL},
    {"open_library", open_library, METH_VARARGS, NULL},
    {"open_namesakes", open_namesakes, METH_VARARGS, NULL},
    {"refresh", refresh, METH_VARARGS, NULL},
    {"respond", py_respond, METH_VARARGS, NULL},
    {"set_sending", set_sending, METH_VARARGS, NULL},
    {"sockets", sockets, METH_NOARGS, NULL},
    {"transport_peer", py_transport_peer, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)execute},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "offhook.telephony.native._frames", .m_methods = functions,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__frames(void) { return PyModuleDef_Init(&definition); }
