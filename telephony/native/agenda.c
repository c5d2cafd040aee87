/* Which stream is due next: a binary heap that knows the place of each stream. */

#include "media.h"

#include <math.h>
#include <stdlib.h>

bool agenda_reserve(agenda *of, size_t streams) {
    if (streams <= of->room)
        return true;
    size_t room = streams < 64 ? 64 : 2 * streams;
    stream **items = realloc(of->items, room * sizeof(stream *));
    if (items == NULL)
        return false;
    of->items = items;
    of->room = room;
    return true;
}

static void put(agenda *of, size_t index, stream *item) {
    of->items[index] = item;
    item->place[of->kind] = index + 1;
}

static void rise(agenda *of, size_t index, stream *item) {
    while (index > 0) {
        stream *parent = of->items[(index - 1) / 2];
        if (parent->due[of->kind] <= item->due[of->kind])
            break;
        put(of, index, parent);
        index = (index - 1) / 2;
    }
    put(of, index, item);
}

static void sink_down(agenda *of, size_t index, stream *item) {
    size_t child;
    while ((child = 2 * index + 1) < of->count) {
        if (child + 1 < of->count && of->items[child + 1]->due[of->kind] < of->items[child]->due[of->kind])
            child++;
        if (of->items[child]->due[of->kind] >= item->due[of->kind])
            break;
        put(of, index, of->items[child]);
        index = child;
    }
    put(of, index, item);
}

void agenda_set(agenda *of, stream *item, double when) {
    size_t place = item->place[of->kind];
    double before = item->due[of->kind];
    item->due[of->kind] = when;
    if (place == 0) {
        if (when < INFINITY)
            rise(of, of->count++, item);
    } else if (when < INFINITY) {
        if (when < before)
            rise(of, place - 1, item);
        else
            sink_down(of, place - 1, item);
    } else {
        stream *last = of->items[--of->count];
        item->place[of->kind] = 0;
        if (last != item) {
            /* The last one may belong above or below the gap. */
            rise(of, place - 1, last);
            sink_down(of, last->place[of->kind] - 1, last);
        }
    }
}

double agenda_next(const agenda *of) {
    return of->count ? of->items[0]->due[of->kind] : INFINITY;
}

stream *agenda_first(const agenda *of) {
    return of->count ? of->items[0] : NULL;
}
