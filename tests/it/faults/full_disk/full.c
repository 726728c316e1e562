/* Loaded into a process before its C library: while the file FULL_FLAG is there, nothing can be
 * written to the files below FULL_FOLDER, as on a disk without a free block. */

#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_full(int fd) {
  const char *flag = getenv("FULL_FLAG"), *folder = getenv("FULL_FOLDER");
  char link[64], path[PATH_MAX];
  if (!flag || !folder || access(flag, F_OK)) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return !strncmp(path, folder, strlen(folder));
}

static int refuse(void) {
  errno = ENOSPC;
  return -1;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  return is_full(fd) ? refuse() : syscall(SYS_write, fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  return is_full(fd) ? refuse() : syscall(SYS_pwrite64, fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  return is_full(fd) ? refuse() : syscall(SYS_pwrite64, fd, bytes, length, offset);
}
