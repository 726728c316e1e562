/* Loaded into a process before its C library: while the file FULL_FLAG is there, nothing can be
 * written to the files below FULL_FOLDER, as on a disk without a free block. */

#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "below.h"

static int is_full(int fd) {
  const char *flag = getenv("FULL_FLAG"), *folder = getenv("FULL_FOLDER");
  char path[PATH_MAX];
  return flag && folder && !access(flag, F_OK) && is_open_below(folder, fd, path);
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
