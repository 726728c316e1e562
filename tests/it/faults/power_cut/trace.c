/* Loaded into a process before its C library: writes down what the process does to the files below
 * a folder, in the order in which it takes effect. A record is a line, `what inode number length`,
 * and `length` bytes: what was written, or the path, or two paths with a zero byte between them.
 * What is done through a memory map is not seen; of SQLite's files that is `-shm`, which a start
 * makes anew. While the file TRACE_FAIL_SYNCS is there, the files that it names cannot be synced. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "below.h"

static const char *folder;
static int trace = -1;
static unsigned long long syncs; /* unlike those of other processes, which write the same trace */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* A trace that lacks something would let a test pass that must not. */
static void give_up(const char *why) {
  dprintf(STDERR_FILENO, "power_cut/trace.c: %s\n", why);
  abort();
}

__attribute__((constructor)) static void begin(void) {
  const char *file = getenv("TRACE_FILE");
  folder = getenv("TRACE_FOLDER");
  if (!file || !folder) give_up("TRACE_FILE and TRACE_FOLDER are not set");
  trace = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (trace < 0) give_up("TRACE_FILE cannot be opened");
  syncs = (unsigned long long)getpid() << 32;
}

static struct stat status_of(int fd) {
  struct stat status;
  if (fstat(fd, &status)) give_up("an open file has no status");
  return status;
}

static void record(const char *what, ino_t inode, unsigned long long number, const void *bytes,
                   size_t length) {
  char line[128];
  int line_length =
      snprintf(line, sizeof line, "%s %llu %llu %zu\n", what, (unsigned long long)inode, number, length);
  struct iovec parts[2] = {{line, line_length}, {(void *)bytes, length}};
  if (syscall(SYS_writev, trace, parts, 2) != (long)(line_length + length))
    give_up("a record was not written");
}

static ssize_t written(int fd, const void *bytes, size_t length, off_t offset, int moves) {
  char path[PATH_MAX];
  if (!is_open_below(folder, fd, path))
    return moves ? syscall(SYS_write, fd, bytes, length)
                 : syscall(SYS_pwrite64, fd, bytes, length, offset);
  pthread_mutex_lock(&turn);
  struct stat before = status_of(fd);
  if (moves)
    offset = fcntl(fd, F_GETFL) & O_APPEND ? before.st_size : lseek(fd, 0, SEEK_CUR);
  ssize_t done = moves ? syscall(SYS_write, fd, bytes, length)
                       : syscall(SYS_pwrite64, fd, bytes, length, offset);
  if (done > 0) record("write", before.st_ino, offset, bytes, done);
  pthread_mutex_unlock(&turn);
  return done;
}

ssize_t write(int fd, const void *bytes, size_t length) { return written(fd, bytes, length, 0, 1); }

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  return written(fd, bytes, length, offset, 0);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  return written(fd, bytes, length, offset, 0);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  char path[PATH_MAX];
  if (is_open_below(folder, fd, path)) give_up("writev on a traced file");
  return syscall(SYS_writev, fd, parts, count);
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t length,
                        unsigned flags) {
  char path[PATH_MAX];
  if (is_open_below(folder, to, path)) give_up("copy_file_range to a traced file");
  return syscall(SYS_copy_file_range, from, from_offset, to, to_offset, length, flags);
}

int ftruncate(int fd, off_t length) {
  char path[PATH_MAX];
  if (!is_open_below(folder, fd, path)) return syscall(SYS_ftruncate, fd, length);
  pthread_mutex_lock(&turn);
  int failed = syscall(SYS_ftruncate, fd, length);
  if (!failed) record("truncate", status_of(fd).st_ino, length, NULL, 0);
  pthread_mutex_unlock(&turn);
  return failed;
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

static int is_to_fail(const char *path) {
  char name[NAME_MAX];
  const char *flag = getenv("TRACE_FAIL_SYNCS"), *last = strrchr(path, '/');
  int fd = flag && last ? syscall(SYS_openat, AT_FDCWD, flag, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return 0;
  ssize_t length = syscall(SYS_read, fd, name, sizeof name);
  syscall(SYS_close, fd);
  return length > 0 && strlen(last + 1) == (size_t)length && !strncmp(last + 1, name, length);
}

/* What was written before it began is on the disk when it has ended. */
static int synced(int fd, long call) {
  char path[PATH_MAX];
  if (!is_open_below(folder, fd, path)) return syscall(call, fd);
  pthread_mutex_lock(&turn);
  unsigned long long sync = ++syncs;
  record("begin_sync", status_of(fd).st_ino, sync, path, strlen(path));
  if (is_to_fail(path)) {
    record("fail_sync", 0, sync, NULL, 0);
    pthread_mutex_unlock(&turn);
    errno = EIO;
    return -1;
  }
  pthread_mutex_unlock(&turn);
  int failed = syscall(call, fd);
  pthread_mutex_lock(&turn);
  if (!failed) record("end_sync", 0, sync, NULL, 0);
  pthread_mutex_unlock(&turn);
  return failed;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }

int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int opened(int at, const char *path, int flags, mode_t mode) {
  if (!is_below(folder, path)) return syscall(SYS_openat, at, path, flags, mode);
  pthread_mutex_lock(&turn);
  int was_there = !access(path, F_OK);
  int fd = syscall(SYS_openat, at, path, flags, mode);
  if (fd >= 0 && !was_there) record("create", status_of(fd).st_ino, 0, path, strlen(path));
  if (fd >= 0 && was_there && flags & O_TRUNC) record("truncate", status_of(fd).st_ino, 0, NULL, 0);
  pthread_mutex_unlock(&turn);
  return fd;
}

#include "open.h"

int mkdir(const char *path, mode_t mode) {
  pthread_mutex_lock(&turn);
  int failed = syscall(SYS_mkdirat, AT_FDCWD, path, mode);
  if (!failed && is_below(folder, path)) record("make_folder", 0, 0, path, strlen(path));
  pthread_mutex_unlock(&turn);
  return failed;
}

int rename(const char *from, const char *to) {
  pthread_mutex_lock(&turn);
  int failed = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  if (!failed && is_below(folder, from)) {
    char both[2 * PATH_MAX];
    int length = snprintf(both, sizeof both, "%s%c%s", from, 0, to);
    record("rename", 0, 0, both, length);
  }
  pthread_mutex_unlock(&turn);
  return failed;
}

static int removed(int at, const char *path, int flags) {
  pthread_mutex_lock(&turn);
  int failed = syscall(SYS_unlinkat, at, path, flags);
  if (!failed && is_below(folder, path)) record("remove", 0, 0, path, strlen(path));
  pthread_mutex_unlock(&turn);
  return failed;
}

int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }

int rmdir(const char *path) { return removed(AT_FDCWD, path, AT_REMOVEDIR); }

int unlinkat(int at, const char *path, int flags) { return removed(at, path, flags); }
