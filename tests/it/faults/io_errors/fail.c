/* Loaded into a process before its C library: counts what the process does to the files below
 * FAIL_FOLDER, call by call, and lets some of the calls fail. Counts and orders lie in the file
 * FAIL_ORDERS, which whoever watches reads and writes meanwhile. With error 0, a write does nothing
 * and says that it is done. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "below.h"

enum call { OPENED, READ, WRITTEN, SYNCED, TRUNCATED, REMOVED, RENAMED, CALLS };

/* As io_errors.rs writes it. Calls of the kind fail from the first to the last, counted from 1. */
static struct orders {
  unsigned long long call, first, last, error, failed;
  unsigned long long counts[CALLS];
} *orders;
static const char *folder;

__attribute__((constructor)) static void begin(void) {
  const char *file = getenv("FAIL_ORDERS");
  folder = getenv("FAIL_FOLDER");
  int fd = file && folder ? syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC) : -1;
  void *mapped = fd < 0 ? MAP_FAILED
                        : mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) {
    dprintf(STDERR_FILENO, "io_errors/fail.c: FAIL_ORDERS or FAIL_FOLDER cannot be used\n");
    abort();
  }
  orders = mapped;
}

static int fails(enum call call) {
  unsigned long long number = __atomic_add_fetch(&orders->counts[call], 1, __ATOMIC_SEQ_CST);
  if (orders->call != call || number < orders->first || number > orders->last) return 0;
  __atomic_add_fetch(&orders->failed, 1, __ATOMIC_SEQ_CST);
  errno = orders->error;
  return 1;
}

static int fails_on(enum call call, int fd) {
  char path[PATH_MAX];
  return is_open_below(folder, fd, path) && fails(call);
}

static int fails_at(enum call call, const char *path) { return is_below(folder, path) && fails(call); }

ssize_t read(int fd, void *bytes, size_t length) {
  return fails_on(READ, fd) ? -1 : syscall(SYS_read, fd, bytes, length);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t offset) {
  return fails_on(READ, fd) ? -1 : syscall(SYS_pread64, fd, bytes, length, offset);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset) {
  return pread(fd, bytes, length, offset);
}

static ssize_t unwritten(size_t length) { return orders->error ? -1 : (ssize_t)length; }

ssize_t write(int fd, const void *bytes, size_t length) {
  return fails_on(WRITTEN, fd) ? unwritten(length) : syscall(SYS_write, fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  return fails_on(WRITTEN, fd) ? -1 : syscall(SYS_writev, fd, parts, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  return fails_on(WRITTEN, fd) ? unwritten(length) : syscall(SYS_pwrite64, fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  return pwrite(fd, bytes, length, offset);
}

int fsync(int fd) { return fails_on(SYNCED, fd) ? -1 : syscall(SYS_fsync, fd); }

int fdatasync(int fd) { return fails_on(SYNCED, fd) ? -1 : syscall(SYS_fdatasync, fd); }

int ftruncate(int fd, off_t length) {
  return fails_on(TRUNCATED, fd) ? -1 : syscall(SYS_ftruncate, fd, length);
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

static int opened(int at, const char *path, int flags, mode_t mode) {
  return fails_at(OPENED, path) ? -1 : syscall(SYS_openat, at, path, flags, mode);
}

#include "open.h"

int unlink(const char *path) {
  return fails_at(REMOVED, path) ? -1 : syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rename(const char *from, const char *to) {
  if (fails_at(RENAMED, from)) return -1;
  return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
