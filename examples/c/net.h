/* Sockets as the examples need them: they never wait, and addresses are written "127.0.0.1:8889" or
 * "[::1]:8889". Include it after defining _POSIX_C_SOURCE as 200809L. */
#ifndef NET_H
#define NET_H

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NET_NAME = 160 };

/* Whether a read or a write that failed is to be tried again later. */
static inline bool net_later(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == EINPROGRESS;
}

static inline int net_ready(int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

/* A socket that listens at an address or connects to it; -1 with `errno` if that cannot be. */
static inline int net_socket(const char *address, bool listens)
{
    const char *colon = strrchr(address, ':');
    size_t is_in_brackets = address[0] == '[' ? 1 : 0;
    struct addrinfo hints, *found = NULL;
    int fd, on = 1, kept;
    char host[NET_NAME] = "";

    memset(&hints, 0, sizeof hints);
    hints.ai_family = is_in_brackets ? AF_INET6 : AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | (listens ? AI_NUMERICHOST : 0);
    if (colon != NULL && (size_t)(colon - address) < sizeof host) {
        memcpy(host, address + is_in_brackets, (size_t)(colon - address) - is_in_brackets);
        host[strcspn(host, "]")] = '\0';
    }
    if (host[0] == '\0' || getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    fd = socket(found->ai_family, SOCK_STREAM, 0);
    if (fd >= 0 && listens) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        on = bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(net_ready(fd), 1024) == 0;
    } else if (fd >= 0) {
        on = connect(net_ready(fd), found->ai_addr, found->ai_addrlen) == 0 || net_later();
    }
    kept = errno;
    freeaddrinfo(found);
    if (fd >= 0 && !on) {
        close(fd);
        errno = kept;
    }
    return on ? fd : -1;
}

/* Writes a socket's own address, or that of the other end, into two texts of NET_NAME bytes. */
static inline void net_name(int fd, bool other, char *host, char *port)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    struct sockaddr *at = (struct sockaddr *)&name;

    host[0] = port[0] = '\0';
    if ((other ? getpeername(fd, at, &len) : getsockname(fd, at, &len)) == 0) {
        getnameinfo(at, len, host, NET_NAME, port, NET_NAME, NI_NUMERICHOST | NI_NUMERICSERV);
    }
}

/* What poll(2) is to tell of a socket. */
static inline struct pollfd net_poll(int fd, bool reads, bool writes)
{
    struct pollfd it = {fd, (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), 0};

    return it;
}

/* Waits until poll(2) has something to tell, for so many milliseconds at most. */
static inline void net_wait(struct pollfd *polls, size_t count, uint64_t ms)
{
    if (poll(polls, (nfds_t)count, ms < 60000 ? (int)ms : 60000) < 0) {
        while (count > 0) {
            polls[--count].revents = 0;
        }
    }
}

/* Bells: pipes that wake whoever waits for them in poll(2). A full one has done so already. */

static inline bool bell_open(int *bell)
{
    bool is_open = pipe(bell) == 0;

    return is_open && net_ready(bell[0]) >= 0 && net_ready(bell[1]) >= 0;
}

static inline void bell_ring(const int *bell)
{
    int kept = errno; /* signal handlers ring too */

    while (write(bell[1], "", 1) < 0 && errno == EINTR) {
    }
    errno = kept;
}

static inline void bell_silence(const int *bell)
{
    char bytes[256];

    while (read(bell[0], bytes, sizeof bytes) > 0) {
    }
}

#endif
