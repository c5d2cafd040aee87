/* Events, in order, until Python collects them. */

#include "media.h"

#include <stdlib.h>
#include <string.h>

#define RECORDS_ROOM (256 * 1024)

record *records_add(records *to, enum record_kind kind, uint64_t stream, size_t octets) {
    size_t size = (sizeof(record) + octets + 7) & ~(size_t)7;
    if (to->used + size > to->room) {
        size_t room = to->room ? 2 * to->room : RECORDS_ROOM;
        uint8_t *data = realloc(to->data, room);
        if (data == NULL)
            return NULL;
        to->data = data;
        to->room = room;
    }
    record *made = (record *)(void *)(to->data + to->used);
    to->used += size;
    memset(made, 0, sizeof(record));
    made->stream = stream;
    made->kind = kind;
    made->octets = (uint32_t)octets;
    made->size = (uint32_t)size;
    return made;
}

void records_empty(records *of) {
    of->used = 0;
    /* Shrink again after a stall. */
    if (of->room > 16 * RECORDS_ROOM) {
        free(of->data);
        of->data = NULL;
        of->room = 0;
    }
}
