/* telephony.native._media.Stream: one call's media. See _media.pyi for what each method does. */

#include "python.h"

#include <math.h>
#include <string.h>

static stream *opened(StreamObject *self) {
    if (self->stream == NULL)
        PyErr_SetString(PyExc_ValueError, "the stream is closed");
    return self->stream;
}

/* The thread serves those that have a socket, and it alone. */
static stream *opened_virtual(StreamObject *self) {
    stream *item = opened(self);
    if (item != NULL && item->fd >= 0) {
        PyErr_SetString(PyExc_ValueError, "the stream has a socket: its time is the real one");
        return NULL;
    }
    return item;
}

static void lock(stream *item) {
    pthread_mutex_lock(&item->owner->lock);
}

static void unlock(stream *item) {
    pthread_mutex_unlock(&item->owner->lock);
}

/* After something has become due: gets the thread up if it would sleep too long. Unlocks. */
static void unlock_and_wake(stream *item) {
    pump *of = item->owner;
    bool wake = of->started && item->due[AGENDA_OUT] < of->sleeps_until;
    if (wake)
        of->sleeps_until = -INFINITY;
    pthread_mutex_unlock(&of->lock);
    if (wake)
        pump_wake(of);
}

/* ---- in */

static PyObject *stream_arm_(PyObject *self, PyObject *args) {
    stream *item = opened((StreamObject *)self);
    PyObject *state;
    const char *host;
    unsigned int port;
    int a_law;
    receiving in = {0};
    address source;
    if (item == NULL || !PyArg_ParseTuple(args, "Op(sI)", &state, &a_law, &host, &port) ||
        !read_receive_state(state, &in) || !read_address(host, port, &source, NULL))
        return NULL;
    if (in.position < 0) {
        PyErr_Format(PyExc_ValueError, "the position %lld is before the first sample", (long long)in.position);
        return NULL;
    }
    in.law = a_law ? LAW_A : LAW_MU;
    lock(item);
    bool armed = stream_arm(item, &in, &source);
    pump *of = item->owner;
    bool wake = armed && of->started && item->due[AGENDA_IN] < of->sleeps_until;
    unlock(item);
    if (wake)
        pump_wake(of);
    return PyBool_FromLong(armed);
}

static bool read_transform(PyObject *args, transform *into) {
    unsigned long long work, context;
    if (!PyArg_ParseTuple(args, "KK", &work, &context))
        return false;
    into->work = (int (*)(void *, void *, int *))(uintptr_t)work;
    into->context = (void *)(uintptr_t)context;
    return true;
}

static PyObject *stream_open_by(PyObject *self, PyObject *args) {
    stream *item = opened((StreamObject *)self);
    transform by;
    if (item == NULL || !read_transform(args, &by))
        return NULL;
    lock(item);
    item->opening = by;
    unlock(item);
    Py_RETURN_NONE;
}

static PyObject *stream_seal_by(PyObject *self, PyObject *args) {
    stream *item = opened((StreamObject *)self);
    transform by;
    if (item == NULL || !read_transform(args, &by))
        return NULL;
    lock(item);
    item->sealing = by;
    unlock(item);
    Py_RETURN_NONE;
}

static PyObject *stream_disarm_(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    stream *item = opened((StreamObject *)self);
    if (item == NULL)
        return NULL;
    lock(item);
    stream_disarm(item);
    receiving in = item->in;
    unlock(item);
    return receive_state(&in);
}

static PyObject *stream_receiving(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    stream *item = opened((StreamObject *)self);
    if (item == NULL)
        return NULL;
    lock(item);
    receiving in = item->in;
    unlock(item);
    return receive_state(&in);
}

static PyObject *stream_read(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    stream *item = opened((StreamObject *)self);
    if (item == NULL)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    pthread_mutex_lock(&item->owner->io);
    pump_read(item->owner, item, monotonic_now());
    pthread_mutex_unlock(&item->owner->io);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

/* ---- out */

static bool is_valid(const sending *out) {
    if (out->packet_ticks <= 0 || out->packet_ticks > PACKET_TICKS_MAX) {
        PyErr_Format(PyExc_ValueError, "a packet has 1 to %d samples, not %lld", PACKET_TICKS_MAX,
                     (long long)out->packet_ticks);
        return false;
    }
    /* Written so that it holds for no NaN. */
    if (!(out->packet_s >= SLOT_S && out->packet_s <= PACKET_S_MAX)) {
        PyErr_SetString(PyExc_ValueError, "a packet takes 1 ms to 1 s");
        return false;
    }
    return true;
}

static PyObject *stream_lend(PyObject *self, PyObject *args) {
    stream *item = opened((StreamObject *)self);
    PyObject *state;
    const char *queue;
    Py_ssize_t octets;
    sending out = {0};
    if (item == NULL || !PyArg_ParseTuple(args, "Oy#", &state, &queue, &octets) || !read_send_state(state, &out) ||
        !is_valid(&out))
        return NULL;
    chunk *audio = octets ? chunk_new(queue, (size_t)octets) : NULL;
    if (octets && audio == NULL)
        return PyErr_NoMemory();
    lock(item);
    chunk *before = item->out.first;
    stream_lend_out(item, &out, audio, monotonic_now());
    unlock_and_wake(item);
    chunks_free(before);
    Py_RETURN_NONE;
}

static PyObject *stream_take(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    stream *item = opened((StreamObject *)self);
    if (item == NULL)
        return NULL;
    lock(item);
    item->sends = item->ticking = false;
    stream_schedule(item);
    sending out = item->out;
    item->out.first = item->out.last = NULL;
    item->out.queued_ticks = 0;
    item->out.head = 0;
    unlock(item);
    PyObject *queue = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)out.queued_ticks);
    if (queue != NULL)
        send_queue(&out, (uint8_t *)PyBytes_AsString(queue));
    chunks_free(out.first);
    return queue == NULL ? NULL : Py_BuildValue("(NN)", send_state(&out), queue);
}

static PyObject *stream_sending(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    stream *item = opened((StreamObject *)self);
    if (item == NULL)
        return NULL;
    lock(item);
    sending out = item->out;
    unlock(item);
    return send_state(&out);
}

static PyObject *stream_set_target(PyObject *self, PyObject *args) {
    stream *item = opened((StreamObject *)self);
    const char *host;
    unsigned int port;
    address target;
    socklen_t octets = 0;
    if (item == NULL || !PyArg_ParseTuple(args, "zI", &host, &port))
        return NULL;
    if (host != NULL && !read_address(host, port, &target, &octets))
        return NULL;
    lock(item);
    if (host != NULL)
        item->target = target;
    item->target_octets = octets;
    unlock(item);
    Py_RETURN_NONE;
}

static PyObject *stream_play(PyObject *self, PyObject *args) {
    stream *item = opened((StreamObject *)self);
    const char *payload;
    Py_ssize_t octets;
    if (item == NULL || !PyArg_ParseTuple(args, "y#", &payload, &octets))
        return NULL;
    if (octets == 0)
        Py_RETURN_NONE;
    chunk *audio = chunk_new(payload, (size_t)octets);
    if (audio == NULL)
        return PyErr_NoMemory();
    lock(item);
    send_append(&item->out, audio);
    stream_join(item, monotonic_now());
    unlock_and_wake(item);
    Py_RETURN_NONE;
}

static PyObject *stream_clear(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    stream *item = opened((StreamObject *)self);
    if (item == NULL)
        return NULL;
    int64_t dropped;
    lock(item);
    chunk *audio = send_clear(&item->out, &dropped);
    int64_t sent = item->out.sent_ticks;
    unlock(item);
    chunks_free(audio);
    return Py_BuildValue("(LL)", (long long)dropped, (long long)sent);
}

static PyObject *stream_errors(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    stream *item = opened((StreamObject *)self);
    return item == NULL ? NULL
                        : Py_BuildValue("(LL)", (long long)item->send_errors, (long long)item->receive_errors);
}

/* ---- a stream without a socket, in a time that is passed in */

static PyObject *stream_receive_(PyObject *self, PyObject *args) {
    stream *item = opened_virtual((StreamObject *)self);
    const char *data, *host;
    Py_ssize_t octets;
    unsigned int port;
    static datagram arrived; /* under the GIL */
    double now;
    if (item == NULL || !PyArg_ParseTuple(args, "y#(sI)d", &data, &octets, &host, &port, &now) ||
        !read_address(host, port, &arrived.source, NULL))
        return NULL;
    size_t most = (size_t)item->most.datagram_octets + 1;
    arrived.octets = (uint32_t)((size_t)octets < most ? (size_t)octets : most);
    memcpy(arrived.data, data, arrived.octets);
    arrived.arrival = now;
    lock(item);
    stream_receive(item, &arrived);
    unlock(item);
    Py_RETURN_NONE;
}

static PyObject *stream_check(PyObject *self, PyObject *args) {
    stream *item = opened_virtual((StreamObject *)self);
    double now;
    if (item == NULL || !PyArg_ParseTuple(args, "d", &now))
        return NULL;
    lock(item);
    bool due = item->armed;
    if (due)
        stream_check_in(item, now);
    due = due && !item->armed;
    unlock(item);
    return PyBool_FromLong(due);
}

static PyObject *stream_overdue(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    stream *item = opened((StreamObject *)self);
    if (item == NULL)
        return NULL;
    lock(item);
    double overdue = receive_overdue(&item->in, &item->most);
    unlock(item);
    return PyFloat_FromDouble(overdue);
}

static PyObject *stream_tick_(PyObject *self, PyObject *args) {
    stream *item = opened_virtual((StreamObject *)self);
    double now;
    if (item == NULL || !PyArg_ParseTuple(args, "d", &now))
        return NULL;
    lock(item);
    stream_send_due(item, now);
    unlock(item);
    Py_RETURN_NONE;
}

/* ---- the object */

static PyObject *stream_close(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    stream *item = ((StreamObject *)self)->stream;
    ((StreamObject *)self)->stream = NULL;
    if (item != NULL) {
        Py_BEGIN_ALLOW_THREADS
        pump_remove(item);
        Py_END_ALLOW_THREADS
    }
    Py_RETURN_NONE;
}

static PyObject *stream_handle(PyObject *self, void *Py_UNUSED(closure)) {
    stream *item = opened((StreamObject *)self);
    return item == NULL ? NULL : PyLong_FromUnsignedLongLong(item->handle);
}

static void stream_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject *owner = (PyObject *)((StreamObject *)self)->owner;
    Py_XDECREF(stream_close(self, NULL));
    Py_XDECREF(owner);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

PyObject *stream_object(PyTypeObject *type, PumpObject *owner, stream *item) {
    StreamObject *self = (StreamObject *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (self == NULL) {
        pump_remove(item);
        return NULL;
    }
    self->stream = item;
    self->owner = owner;
    Py_INCREF((PyObject *)owner);
    return (PyObject *)self;
}

static PyMethodDef methods[] = {
    {"arm", stream_arm_, METH_VARARGS, NULL},
    {"disarm", stream_disarm_, METH_NOARGS, NULL},
    {"open_by", stream_open_by, METH_VARARGS, NULL},
    {"seal_by", stream_seal_by, METH_VARARGS, NULL},
    {"receiving", stream_receiving, METH_NOARGS, NULL},
    {"read", stream_read, METH_NOARGS, NULL},
    {"lend", stream_lend, METH_VARARGS, NULL},
    {"take", stream_take, METH_NOARGS, NULL},
    {"sending", stream_sending, METH_NOARGS, NULL},
    {"set_target", stream_set_target, METH_VARARGS, NULL},
    {"play", stream_play, METH_VARARGS, NULL},
    {"clear", stream_clear, METH_NOARGS, NULL},
    {"errors", stream_errors, METH_NOARGS, NULL},
    {"receive", stream_receive_, METH_VARARGS, NULL},
    {"check", stream_check, METH_VARARGS, NULL},
    {"overdue", stream_overdue, METH_NOARGS, NULL},
    {"tick", stream_tick_, METH_VARARGS, NULL},
    {"close", stream_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"handle", stream_handle, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, (void *)stream_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

PyType_Spec stream_spec = {
    "offhook.telephony.native._media.Stream", sizeof(StreamObject), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots,
};
