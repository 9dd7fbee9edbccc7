/* A server that takes uploads as cheaply as one thread can, and counts what came.
 *
 * HTTP/1.1 on two ports of loopback, one plain and, where a certificate is given, one with TLS. A
 * body is dropped as it comes; the answer goes out when its last byte is here, or a set time later.
 * POST gets a gallery's answer, PUT an object store's, so that clients of both can be compared.
 *
 *     cc -O2 -o sink sink.c                       plain
 *     cc -O2 -DTLS -o sink sink.c -lssl -lcrypto  with TLS
 *     sink [CERTIFICATE KEY]                      prints {"plain": PORT, "tls": PORT}
 *
 * Lines on stdin rule it: "begin MS" forgets all counts and answers MS milliseconds after the last
 * byte from now on; "count" prints them as JSON. It ends when stdin does, so it outlives nobody. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#ifdef TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
static SSL_CTX *tls;
#else
typedef void SSL;
#endif

enum state { HEAD, BODY, CHUNKED, WAITING };
enum piece { SIZE, EXTENSION, DATA, DATA_END, TRAILER }; /* where in a chunked body */

struct connection {
    int fd;
    SSL *ssl;
    enum state state;
    enum piece piece;
    int is_last, says_close, line_length;
    char method;         /* its first letter, P of PUT as U */
    uint64_t left;       /* bytes of the body, or of the chunk, that haven't come */
    uint64_t told;       /* bytes of the object, where the body wraps it (aws-chunked) */
    uint64_t came;       /* bytes of the body that came */
    uint64_t due;        /* when the answer goes out, ns */
    struct connection *next;
    size_t have;
    char head[32768];
};

static struct { uint64_t requests, bytes, connections, in_flight, peak, refused; } counts;
static uint64_t latency;                      /* ns from a body's last byte to its answer */
static struct connection *first, *last;       /* those that wait, in the order they are due */
static char waste[1 << 18];
static int watch;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void hang_up(struct connection *c) {
    if (c->state != HEAD) counts.in_flight--;
#ifdef TLS
    if (c->ssl) SSL_free(c->ssl);
#endif
    close(c->fd);
    free(c);
}

/* Bytes that came; 0 when there are none just now, -1 at the end. */
static ssize_t take(struct connection *c, char *to, size_t most, int is_wasted) {
#ifdef TLS
    if (c->ssl) {
        ERR_clear_error(); /* else another connection's error would end this one */
        int n = SSL_read(c->ssl, to, most < sizeof waste ? most : sizeof waste);
        if (n > 0) return n;
        int why = SSL_get_error(c->ssl, n);
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
#endif
    /* MSG_TRUNC: TCP drops the bytes where they lie, none is copied */
    ssize_t n = recv(c->fd, to, most, is_wasted ? MSG_TRUNC : 0);
    if (n > 0) return n;
    return n < 0 && errno == EAGAIN ? 0 : -1;
}

static int say(struct connection *c, const char *text, int length) {
#ifdef TLS
    if (c->ssl) {
        ERR_clear_error();
        return SSL_write(c->ssl, text, length) == length;
    }
#endif
    return send(c->fd, text, length, MSG_NOSIGNAL) == length;
}

/* 0: the connection is gone */
static int answer(struct connection *c) {
    static const char LIST[] = "<?xml version=\"1.0\"?><ListBucketResult><Name>bench</Name>"
                               "<KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>";
    char body[256] = "", text[1024];
    const char *status = "200 OK", *kind = "application/json";
    if (c->method == 'P' || c->method == 'U') {
        counts.requests++;
        counts.bytes += c->told ? c->told : c->came;
        if (c->method == 'P') snprintf(body, sizeof body, "{\"id\": %lu}", counts.requests);
    } else if (c->method == 'G') {
        kind = "application/xml";
        snprintf(body, sizeof body, "%s", LIST);
    } else {
        status = "404 Not Found";
        counts.refused++;
    }
    /* an ETag with a dash is no MD5 for S3's clients, so none of them compares it */
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 %s\r\nContent-Type: %s\r\nETag: \"0-1\"\r\nContent-Length: %zu\r\n\r\n%s",
                     status, kind, strlen(body), body);
    if (!say(c, text, n) || c->says_close) {
        hang_up(c);
        return 0;
    }
    c->state = HEAD;
    counts.in_flight--;
    return 1;
}

/* The whole body is here. 0: the connection is gone */
static int finish(struct connection *c) {
    if (!latency) return answer(c);
    c->state = WAITING;
    c->due = now() + latency;
    c->next = NULL;
    if (last) last->next = c; else first = c;
    last = c;
    return 1;
}

/* Bytes used of a chunked body; is_last says whether it ended with them. */
static size_t unwrap(struct connection *c, const char *data, size_t length) {
    size_t at = 0;
    while (at < length && !c->is_last) {
        char byte = data[at];
        switch (c->piece) {
        case SIZE:
        case EXTENSION:
            if (byte == '\n') {
                c->piece = c->left ? DATA : TRAILER;
                c->line_length = 0;
            } else if (byte == ';') c->piece = EXTENSION;
            else if (c->piece == SIZE && byte != '\r')
                c->left = c->left * 16 + (byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
            at++;
            break;
        case DATA: {
            size_t part = length - at < c->left ? length - at : c->left;
            c->came += part;
            at += part;
            if (!(c->left -= part)) c->piece = DATA_END;
            break;
        }
        case DATA_END:
            if (byte == '\n') c->piece = SIZE;
            at++;
            break;
        case TRAILER:
            if (byte == '\n') {
                if (!c->line_length) c->is_last = 1;
                c->line_length = 0;
            } else if (byte != '\r') c->line_length++;
            at++;
            break;
        }
    }
    return at;
}

static const char *field(const char *head, const char *name) {
    const char *found = strcasestr(head, name);
    return found ? found + strlen(name) : NULL;
}

/* Read what stands in head. 1: more is wanted; 0: the connection is gone */
static int understand(struct connection *c) {
    char *end;
    while (c->state == HEAD && (end = memmem(c->head, c->have, "\r\n\r\n", 4))) {
        const char *value;
        *end = 0;
        end += 4;
        size_t rest = c->have - (end - c->head), used;
        if (++counts.in_flight > counts.peak) counts.peak = counts.in_flight;
        c->method = strncmp(c->head, "PUT", 3) ? c->head[0] : 'U';
        c->says_close = field(c->head, "\r\nConnection: close") != NULL;
        c->left = (value = field(c->head, "\r\nContent-Length:")) ? strtoull(value, NULL, 10) : 0;
        c->told = (value = field(c->head, "\r\nX-Amz-Decoded-Content-Length:")) ? strtoull(value, NULL, 10) : 0;
        c->came = c->is_last = 0;
        if (field(c->head, "\r\nExpect: 100-continue") && !say(c, "HTTP/1.1 100 Continue\r\n\r\n", 25)) {
            c->state = BODY;
            hang_up(c);
            return 0;
        }
        int is_done;
        if (field(c->head, "\r\nTransfer-Encoding: chunked")) {
            c->state = CHUNKED;
            c->piece = SIZE;
            c->left = 0;
            used = unwrap(c, end, rest);
            is_done = c->is_last;
        } else {
            c->state = BODY;
            used = rest < c->left ? rest : c->left;
            c->came = used;
            is_done = !(c->left -= used);
        }
        memmove(c->head, end + used, c->have = rest - used);
        if (is_done && !finish(c)) return 0;
    }
    if (c->have < sizeof c->head || c->state != HEAD) return 1;
    hang_up(c);
    return 0;
}

/* Everything that can be read now: the poll tells of each arrival once. */
static void serve(struct connection *c) {
    while (c->state != WAITING) {
        size_t most = sizeof waste;
        char *to = waste;
        int is_wasted = c->state == BODY && !c->ssl;
        if (c->state == HEAD) to = c->head + c->have, most = sizeof c->head - c->have;
        else if (c->state == BODY && c->left < most) most = c->left;
        else if (is_wasted) most = c->left < 1 << 22 ? c->left : 1 << 22;
        ssize_t n = take(c, to, most, is_wasted);
        if (n < 0) {
            hang_up(c);
            return;
        }
        if (!n) return;
        if (c->state == HEAD) {
            c->have += n;
            if (!understand(c)) return;
        } else if (c->state == BODY) {
            c->came += n;
            if (!(c->left -= n) && !finish(c)) return;
        } else {
            unwrap(c, waste, n);
            if (c->is_last && !finish(c)) return;
        }
        if (!c->ssl && (size_t)n < most) return; /* less than asked for: there is no more, see epoll(7) */
    }
}

static void answer_those_due(void) {
    for (uint64_t time = now(); first && first->due <= time;) {
        struct connection *c = first;
        first = c->next;
        if (!first) last = NULL;
        /* behind the answer, whatever came while it waited */
        if (answer(c) && understand(c)) serve(c);
    }
}

static void greet(int door, SSL *(*dress)(int)) {
    for (int fd, on = 1; (fd = accept4(door, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        struct connection *c = calloc(1, sizeof *c);
        if (!c) exit(4);
        c->fd = fd;
        c->ssl = dress ? dress(fd) : NULL;
        counts.connections++;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {EPOLLIN | EPOLLET, {.ptr = c}};
        epoll_ctl(watch, EPOLL_CTL_ADD, fd, &event);
    }
}

#ifdef TLS
static SSL *dress(int fd) {
    SSL *ssl = SSL_new(tls);
    SSL_set_fd(ssl, fd);
    SSL_set_accept_state(ssl);
    return ssl;
}
#endif

/* A line of stdin. 0: stdin has ended */
static int obey(void) {
    char line[128];
    ssize_t n = read(0, line, sizeof line - 1);
    if (n <= 0) return 0;
    line[n] = 0;
    if (!strncmp(line, "begin ", 6)) {
        uint64_t in_flight = counts.in_flight;
        memset(&counts, 0, sizeof counts);
        counts.in_flight = in_flight;
        latency = atof(line + 6) * 1e6;
        printf("{}\n");
    } else {
        struct rusage used;
        getrusage(RUSAGE_SELF, &used);
        printf("{\"requests\": %lu, \"bytes\": %lu, \"connections\": %lu, \"peak\": %lu, \"refused\": %lu, "
               "\"cpu_us\": %lu}\n",
               counts.requests, counts.bytes, counts.connections, counts.peak, counts.refused,
               (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000ul + used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    }
    fflush(stdout);
    return 1;
}

static int open_door(int *port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(fd, (void *)&at, sizeof at) || listen(fd, 4096) || getsockname(fd, (void *)&at, &length)) {
        perror("sink");
        exit(1);
    }
    *port = ntohs(at.sin_port);
    return fd;
}

int main(int count, char **words) {
    static char door, orders; /* told apart by their addresses */
    struct epoll_event events[256];
    int port, tls_port = 0, fd;
    signal(SIGPIPE, SIG_IGN);
    watch = epoll_create1(0);
    fd = open_door(&port);
    epoll_ctl(watch, EPOLL_CTL_ADD, fd, &(struct epoll_event){EPOLLIN, {.ptr = &door}});
    epoll_ctl(watch, EPOLL_CTL_ADD, 0, &(struct epoll_event){EPOLLIN, {.ptr = &orders}});
#ifdef TLS
    static char tls_door;
    int tls_fd = -1;
    if (count == 3) {
        tls = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_read_ahead(tls, 1); /* one read of the socket for many records */
        SSL_CTX_set_default_read_buffer_len(tls, sizeof waste);
        if (SSL_CTX_use_certificate_chain_file(tls, words[1]) != 1 || SSL_CTX_use_PrivateKey_file(tls, words[2], SSL_FILETYPE_PEM) != 1) return 3;
        tls_fd = open_door(&tls_port);
        epoll_ctl(watch, EPOLL_CTL_ADD, tls_fd, &(struct epoll_event){EPOLLIN, {.ptr = &tls_door}});
    }
#else
    (void)words, (void)count;
#endif
    printf("{\"plain\": %d, \"tls\": %d}\n", port, tls_port);
    fflush(stdout);
    for (;;) {
        struct timespec wait = {0}, *longest = NULL;
        if (first) {
            int64_t left = first->due - now();
            if (left > 0) wait.tv_sec = left / 1000000000, wait.tv_nsec = left % 1000000000;
            longest = &wait;
        }
        int n = epoll_pwait2(watch, events, 256, longest, NULL);
        for (int i = 0; i < n; i++) {
            void *who = events[i].data.ptr;
            if (who == &door) greet(fd, NULL);
#ifdef TLS
            else if (who == &tls_door) greet(tls_fd, dress);
#endif
            else if (who == &orders) {
                if (!obey()) return 0;
            } else serve(who);
        }
        answer_those_due();
    }
}
