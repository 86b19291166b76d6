/* A disk that a test can make hang or fail, and that keeps a diary: which bytes were written where,
 * and what was synced. Loaded before the C library by LD_PRELOAD, so that the binary under test is
 * the one that people run. Sees nothing outside of SANGAM_DISK_FOLDER.
 *
 * The diary (SANGAM_DISK_DIARY) is a sequence of records:
 *   u8 kind, u32 length of the first path, u32 length of the second, u64 number, u64 length of the
 *   data; then both paths and the data. Native byte order.
 * The word in SANGAM_DISK_CONTROL is read at every sync: "hang" waits until it is another, "fail"
 * is an input/output error.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, SYNC_BEGINS, SYNC_ENDS, UNLINK, RENAME, LINK, MKDIR };
enum { FILES_MAX = 65536 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *names[FILES_MAX];
static int diary = -2;
static uint64_t syncs;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int real_open(const char *path, int flags, mode_t mode) {
    static int (*real)(const char *, int, ...);
    if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    return real(path, flags, mode);
}

static int is_ours(const char *path) {
    static const char *folder;
    if (!folder) folder = getenv("SANGAM_DISK_FOLDER");
    return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

/* With the lock held. */
static void note(uint8_t kind, const char *path, const char *other, uint64_t number,
                 const void *data, uint64_t length) {
    if (diary == -2) {
        const char *file = getenv("SANGAM_DISK_DIARY");
        diary = file ? real_open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    }
    if (diary < 0) return;
    uint32_t lengths[2] = { (uint32_t)strlen(path), other ? (uint32_t)strlen(other) : 0 };
    struct iovec parts[] = {
        { &kind, 1 }, { lengths, 8 }, { &number, 8 }, { &length, 8 },
        { (void *)path, lengths[0] }, { (void *)(other ? other : ""), lengths[1] },
        { (void *)data, data ? length : 0 },
    };
    ssize_t whole = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) whole += (ssize_t)parts[i].iov_len;
    /* A diary with a hole would prove nothing. */
    if (writev(diary, parts, sizeof parts / sizeof *parts) != whole) abort();
}

static void opened(int fd, const char *path) {
    if (fd < 0 || fd >= FILES_MAX) return;
    pthread_mutex_lock(&lock);
    free(names[fd]);
    names[fd] = strdup(path);
    pthread_mutex_unlock(&lock);
}

static int open_ours(const char *path, int flags, mode_t mode) {
    struct stat found;
    int is_new = stat(path, &found) != 0;
    int fd = real_open(path, flags, mode);
    if (fd >= 0) {
        opened(fd, path);
        pthread_mutex_lock(&lock);
        if (is_new) note(CREATE, path, NULL, 0, NULL, 0);
        else if (flags & O_TRUNC) note(TRUNCATE, path, NULL, 0, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return fd;
}

static int open_any(const char *path, int flags, va_list rest) {
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    return is_ours(path) ? open_ours(path, flags, mode) : real_open(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int fd = open_any(path, flags, rest);
    va_end(rest);
    return fd;
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int fd = open_any(path, flags, rest);
    va_end(rest);
    return fd;
}

int close(int fd) {
    REAL(close);
    if (fd >= 0 && fd < FILES_MAX && names[fd]) {
        pthread_mutex_lock(&lock);
        free(names[fd]);
        names[fd] = NULL;
        pthread_mutex_unlock(&lock);
    }
    return real(fd);
}

static const char *name(int fd) { return fd >= 0 && fd < FILES_MAX ? names[fd] : NULL; }

static void wrote(int fd, const void *data, ssize_t done, off_t at) {
    if (done <= 0 || !name(fd)) return;
    pthread_mutex_lock(&lock);
    note(WRITE, names[fd], NULL, (uint64_t)at, data, (uint64_t)done);
    pthread_mutex_unlock(&lock);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) {
    REAL(pwrite64);
    ssize_t done = real(fd, data, length, at);
    wrote(fd, data, done, at);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t at) {
    return pwrite64(fd, data, length, at);
}

ssize_t write(int fd, const void *data, size_t length) {
    REAL(write);
    if (!name(fd)) return real(fd, data, length);
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (fcntl(fd, F_GETFL) & O_APPEND) at = lseek(fd, 0, SEEK_END);
    ssize_t done = real(fd, data, length);
    wrote(fd, data, done, at);
    return done;
}

int ftruncate64(int fd, off64_t length) {
    REAL(ftruncate64);
    int result = real(fd, length);
    if (result == 0 && name(fd)) {
        pthread_mutex_lock(&lock);
        note(TRUNCATE, names[fd], NULL, (uint64_t)length, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return result;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* What the test wants of the next sync. */
static int obstacle(void) {
    const char *file = getenv("SANGAM_DISK_CONTROL");
    for (;;) {
        char word[8] = "";
        int fd = file ? real_open(file, O_RDONLY | O_CLOEXEC, 0) : -1;
        if (fd >= 0) {
            if (read(fd, word, sizeof word - 1) < 0) word[0] = 0;
            close(fd);
        }
        if (strncmp(word, "fail", 4) == 0) return EIO;
        if (strncmp(word, "hang", 4) != 0) return 0;
        usleep(5000);
    }
}

static int sync_any(int fd, int (*real)(int)) {
    if (!name(fd)) return real(fd);
    pthread_mutex_lock(&lock);
    uint64_t number = ++syncs;
    note(SYNC_BEGINS, names[fd], NULL, number, NULL, 0);
    pthread_mutex_unlock(&lock);
    int error = obstacle();
    if (error) {
        errno = error;
        return -1;
    }
    int result = real(fd);
    if (result == 0) {
        pthread_mutex_lock(&lock);
        note(SYNC_ENDS, names[fd], NULL, number, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return result;
}

int fsync(int fd) {
    REAL(fsync);
    return sync_any(fd, real);
}

int fdatasync(int fd) {
    REAL(fdatasync);
    return sync_any(fd, real);
}

static int named(int result, uint8_t kind, const char *path, const char *other) {
    if (result == 0 && is_ours(path)) {
        pthread_mutex_lock(&lock);
        note(kind, path, other, 0, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return result;
}

int unlink(const char *path) {
    REAL(unlink);
    return named(real(path), UNLINK, path, NULL);
}

int rename(const char *path, const char *other) {
    REAL(rename);
    return named(real(path, other), RENAME, path, other);
}

int link(const char *path, const char *other) {
    REAL(link);
    return named(real(path, other), LINK, path, other);
}

int linkat(int from, const char *path, int to, const char *other, int flags) {
    REAL(linkat);
    return named(real(from, path, to, other, flags), LINK, path, other);
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    return named(real(path, mode), MKDIR, path, NULL);
}
