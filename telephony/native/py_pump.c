/* telephony.native._media.Pump: the thread and its streams. See _media.pyi for what each method does. */

#include "python.h"

#include <math.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static PyObject *pump_new_(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(keywords)) {
    if (!PyArg_ParseTuple(args, ""))
        return NULL;
    PumpObject *self = (PumpObject *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (self == NULL)
        return NULL;
    int notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->pump = notify < 0 ? NULL : pump_new(notify);
    if (self->pump == NULL) {
        PyErr_SetFromErrno(PyExc_OSError);
        if (notify >= 0)
            close(notify);
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static PyObject *pump_close(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    pump *of = ((PumpObject *)self)->pump;
    Py_BEGIN_ALLOW_THREADS
    pump_stop(of);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static void pump_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    pump *of = ((PumpObject *)self)->pump;
    if (of != NULL) {
        int notify = of->notify;
        Py_BEGIN_ALLOW_THREADS
        pump_free(of);
        Py_END_ALLOW_THREADS
        close(notify);
    }
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *pump_fileno(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    return PyLong_FromLong(((PumpObject *)self)->pump->notify);
}

static PyObject *pump_start_(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    int failed = pump_start(((PumpObject *)self)->pump);
    if (failed) {
        PyErr_Format(PyExc_OSError, "no thread for the media: %s", strerror(failed));
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *pump_add_(PyObject *self, PyObject *args) {
    int fd;
    long long datagram_octets, packets_per_s, frame_ticks = 0, loud_peak = 0;
    limits most;
    if (!PyArg_ParseTuple(args, "i(LLddddd)|LL", &fd, &datagram_octets, &packets_per_s, &most.gap_wait_min_ms,
                          &most.gap_wait_max_ms, &most.overdue_wait_min_ms, &most.lead_ms, &most.spike_hold_kept_s,
                          &frame_ticks, &loud_peak))
        return NULL;
    if (loud_peak < 0 || loud_peak > INT16_MAX) {
        PyErr_Format(PyExc_ValueError, "a peak of 16-bit PCM is from 0 to %d, not %lld", INT16_MAX, loud_peak);
        return NULL;
    }
    if (frame_ticks < 0 || frame_ticks > FRAME_TICKS_MAX) {
        PyErr_Format(PyExc_ValueError, "a frame has up to %d samples, not %lld", FRAME_TICKS_MAX, frame_ticks);
        return NULL;
    }
    if (datagram_octets < RTP_HEADER_OCTETS || datagram_octets > DATAGRAM_OCTETS_MAX) {
        PyErr_Format(PyExc_ValueError, "datagrams have 12 to %d octets, not %lld", DATAGRAM_OCTETS_MAX,
                     datagram_octets);
        return NULL;
    }
    most.datagram_octets = datagram_octets;
    most.packets_per_s = packets_per_s;
    framing frames = {frame_ticks, loud_peak};
    stream *item;
    Py_BEGIN_ALLOW_THREADS
    item = pump_add(((PumpObject *)self)->pump, fd, &most, &frames);
    Py_END_ALLOW_THREADS
    if (item == NULL)
        return PyErr_SetFromErrno(PyExc_OSError);
    PyTypeObject *type = stream_type_of(self);
    return type == NULL ? NULL : stream_object(type, (PumpObject *)self, item);
}

static PyObject *data_of(const record *from) {
    if (from->kind == RECORD_DRAINED || from->kind == RECORD_OVERDUE)
        Py_RETURN_NONE;
    PyObject *octets = PyBytes_FromStringAndSize((const char *)from->data, (Py_ssize_t)from->octets);
    if (from->kind != RECORD_RAW || octets == NULL)
        return octets;
    PyObject *source = address_object(&from->source);
    if (source == NULL) {
        Py_DECREF(octets);
        return NULL;
    }
    return Py_BuildValue("(NN)", octets, source);
}

static PyObject *event_of(const record *from) {
    PyObject *parts[5] = {
        PyLong_FromUnsignedLongLong(from->stream), PyLong_FromUnsignedLong(from->kind),
        PyLong_FromLongLong(from->number), PyFloat_FromDouble(from->at), data_of(from),
    };
    PyObject *event = PyTuple_New(5);
    bool whole = event != NULL;
    for (Py_ssize_t i = 0; i < 5; i++) {
        whole = whole && parts[i] != NULL;
        if (event != NULL && parts[i] != NULL)
            PyTuple_SetItem(event, i, parts[i]);
        else
            Py_XDECREF(parts[i]);
    }
    if (!whole)
        Py_CLEAR(event);
    return event;
}

static void swap(pump *of) {
    pthread_mutex_lock(&of->lock);
    records full = of->filling;
    of->filling = of->emptying;
    of->emptying = full;
    of->collection++;
    of->count.collected++;
    if (of->notified)
        pump_count_late(1000 * (monotonic_now() - of->notified_at), &of->count.lag_ms_max, of->count.lag);
    of->notified = of->eager = false;
    of->patient_since = INFINITY;
    pthread_mutex_unlock(&of->lock);
}

static PyObject *pump_collect(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    PumpObject *object = (PumpObject *)self;
    pump *of = object->pump;
    PyObject *events = PyList_New(0);
    /* A finaliser that runs while the list grows must not empty it a second time. */
    if (events == NULL || object->collecting)
        return events;
    object->collecting = true;
    uint64_t times;
    (void)!read(of->notify, &times, sizeof times);
    swap(of);
    for (size_t at = 0; events != NULL && at < of->emptying.used;) {
        const record *next = (const record *)(const void *)(of->emptying.data + at);
        at += next->size;
        if (next->kind == RECORD_VOID)
            continue;
        PyObject *event = event_of(next);
        if (event == NULL || PyList_Append(events, event) < 0)
            Py_CLEAR(events);
        Py_XDECREF(event);
    }
    records_empty(&of->emptying);
    object->collecting = false;
    return events;
}

static PyObject *buckets(const int64_t *counts) {
    PyObject *list = PyList_New(LATE_BUCKETS);
    for (Py_ssize_t i = 0; list != NULL && i < LATE_BUCKETS; i++)
        PyList_SetItem(list, i, PyLong_FromLongLong(counts[i]));
    return list;
}

static PyObject *pump_counters(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    pump *of = ((PumpObject *)self)->pump;
    pthread_mutex_lock(&of->lock);
    counters c = of->count;
    size_t streams = of->streams, sending = of->due[AGENDA_OUT].count, armed = of->due[AGENDA_IN].count;
    const char *policy = of->real_time ? "real-time" : of->slice ? "short slices" : "ordinary";
    bool nice = of->nice;
    pthread_mutex_unlock(&of->lock);
    return Py_BuildValue(
        "{s:n,s:n,s:n,s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:d,s:d,s:N,s:N,s:N,s:s}", "streams",
        (Py_ssize_t)streams, "scheduled", (Py_ssize_t)sending, "armed", (Py_ssize_t)armed, "wakeups",
        (long long)c.wakeups, "ticks", (long long)c.ticks, "skipped", (long long)c.skipped, "datagrams",
        (long long)c.datagrams, "raw", (long long)c.raw, "handed_back", (long long)c.handed_back, "lost_records",
        (long long)c.lost_records, "paused", (long long)c.paused, "underruns", (long long)c.underruns, "stalls",
        (long long)c.stalls, "collected", (long long)c.collected, "late_ms_max", c.late_ms_max, "lag_ms_max",
        c.lag_ms_max, "late", buckets(c.late), "lag", buckets(c.lag), "nice", PyBool_FromLong(nice),
        "scheduling", policy);
}

static PyMethodDef methods[] = {
    {"fileno", pump_fileno, METH_NOARGS, NULL},
    {"start", pump_start_, METH_NOARGS, NULL},
    {"add", pump_add_, METH_VARARGS, NULL},
    {"collect", pump_collect, METH_NOARGS, NULL},
    {"counters", pump_counters, METH_NOARGS, NULL},
    {"close", pump_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)pump_new_},
    {Py_tp_dealloc, (void *)pump_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec pump_spec = {
    "offhook.telephony.native._media.Pump", sizeof(PumpObject), 0, Py_TPFLAGS_DEFAULT, slots,
};
