/* Socket addresses to Python's (host, port) and back. */

#include "python.h"

#include <arpa/inet.h>
#include <string.h>

bool read_address(const char *host, unsigned int port, address *result, socklen_t *octets) {
    memset(result, 0, sizeof *result);
    if (inet_pton(AF_INET, host, &result->v4.sin_addr) == 1) {
        result->v4.sin_family = AF_INET;
        result->v4.sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, host, &result->v6.sin6_addr) == 1) {
        result->v6.sin6_family = AF_INET6;
        result->v6.sin6_port = htons((uint16_t)port);
    } else {
        PyErr_Format(PyExc_ValueError, "%s is not a numeric address", host);
        return false;
    }
    if (octets != NULL)
        *octets = result->any.sa_family == AF_INET ? sizeof result->v4 : sizeof result->v6;
    return true;
}

PyObject *address_object(const address *from) {
    char host[INET6_ADDRSTRLEN] = "";
    bool is_v6 = from->any.sa_family == AF_INET6;
    if (is_v6)
        (void)inet_ntop(AF_INET6, &from->v6.sin6_addr, host, sizeof host);
    else
        (void)inet_ntop(AF_INET, &from->v4.sin_addr, host, sizeof host);
    return Py_BuildValue("(si)", host, (int)ntohs(is_v6 ? from->v6.sin6_port : from->v4.sin_port));
}
