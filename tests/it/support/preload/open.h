/* All ways to open a file, for whoever includes this below an `opened` of its own. */

#pragma once

#include <fcntl.h>
#include <stdarg.h>

#define OPEN(name, first, at)                    \
  int name(first const char *path, int flags, ...) { \
    va_list more;                                \
    va_start(more, flags);                       \
    mode_t mode = va_arg(more, int);             \
    va_end(more);                                \
    return opened(at, path, flags, mode);        \
  }
#define AT int at,
OPEN(open, , AT_FDCWD)
OPEN(open64, , AT_FDCWD)
OPEN(openat, AT, at)
OPEN(openat64, AT, at)
