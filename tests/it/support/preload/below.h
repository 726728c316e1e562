/* Which files a preloaded library minds: those below a folder. */

#pragma once

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static inline int is_below(const char *folder, const char *path) {
  size_t length = strlen(folder);
  return !strncmp(path, folder, length) && (path[length] == '/' || path[length] == 0);
}

/* Whether an open file lies there; its path, which has room for PATH_MAX, is then known. */
static inline int is_open_below(const char *folder, int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_below(folder, path);
}
