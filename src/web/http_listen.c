/* http_listen.c - addresses to listen at. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "web/http_impl.h"

#define HOST_MAX 256

/* "host:port" or "[host]:port"; the parts are put into `host`. */
static const char *split_address(const char *address, char *host, size_t size)
{
    const char *colon = strrchr(address, ':');
    size_t len = colon != NULL ? (size_t)(colon - address) : 0;

    if (colon == NULL || len >= size)
        return NULL;
    if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    } else if (memchr(address, ':', len) != NULL) {
        return NULL; /* IPv6 without brackets */
    }
    memcpy(host, address, len);
    host[len] = '\0';
    return colon + 1;
}

static int open_socket(const struct addrinfo *info)
{
    int fd = socket(info->ai_family,
            info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
            info->ai_protocol);
    int on = 1;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 &&
            listen(fd, SOMAXCONN) == 0)
        return fd;
    close(fd);
    return -1;
}

int http_address_check(const char *address, crq_error *err)
{
    char host[HOST_MAX];
    const char *port = split_address(address, host, sizeof(host));

    /* getaddrinfo() takes 99999, for 34463. */
    if (port != NULL && port[0] != '\0' && strlen(port) <= 5 &&
            port[strspn(port, "0123456789")] == '\0' &&
            strtol(port, NULL, 10) <= UINT16_MAX)
        return 0;
    return crq_fail(err, CRQ_EINVAL,
            "'%.100s' is no address like 127.0.0.1:8080 or [::1]:8080",
            address);
}

int http_listen(const char *address, int *out, crq_error *err)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE };
    struct addrinfo *found = NULL;
    char host[HOST_MAX];
    const char *port = split_address(address, host, sizeof(host));
    int rc;

    rc = http_address_check(address, err);
    if (rc < 0)
        return rc;
    rc = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &found);
    if (rc != 0)
        return crq_fail(err, CRQ_EINVAL, "'%.100s': %s", address,
                gai_strerror(rc));
    *out = open_socket(found);
    if (*out < 0)
        rc = crq_fail(err, CRQ_EIO, "can't listen at %.100s: %s%s", address,
                strerror(errno),
                errno == EADDRINUSE ? "; --listen takes another address" : "");
    freeaddrinfo(found);
    return rc;
}

int http_port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6
                    ? ((struct sockaddr_in6 *)&address)->sin6_port
                    : ((struct sockaddr_in *)&address)->sin_port);
}
