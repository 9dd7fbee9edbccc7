/* Put before other libraries, it makes opening a picture slow, as on a NAS: SLOW_OPEN_US, in
 * microseconds, for each path that begins with SLOW_OPEN_UNDER. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void wait_for(const char *path) {
    const char *under = getenv("SLOW_OPEN_UNDER"), *us = getenv("SLOW_OPEN_US");
    if (under && us && !strncmp(path, under, strlen(under))) usleep(atoi(us));
}

#define SLOW(name, kind)                                                  \
    int name kind {                                                       \
        static int (*real) kind;                                          \
        if (!real) real = (int (*) kind)dlsym(RTLD_NEXT, #name);          \
        int mode = 0;                                                     \
        if (flags & (O_CREAT | O_TMPFILE)) {                              \
            va_list more;                                                 \
            va_start(more, flags);                                        \
            mode = va_arg(more, int);                                     \
            va_end(more);                                                 \
        }                                                                 \
        wait_for(path);                                                   \
        return real(PASSED);                                              \
    }

#define PASSED path, flags, mode
SLOW(open, (const char *path, int flags, ...))
SLOW(open64, (const char *path, int flags, ...))
#undef PASSED
#define PASSED folder, path, flags, mode
SLOW(openat, (int folder, const char *path, int flags, ...))
SLOW(openat64, (int folder, const char *path, int flags, ...))
