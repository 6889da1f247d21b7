/* The wall clock of one family of processes, moved from outside: preloaded, it adds to CLOCK_REALTIME, and to
 * CLOCK_BOOTTIME, what the file named by JISHI_WALL_CLOCK holds: two 64-bit integers, milliseconds for the one and for
 * the other. Monotonic clocks are left alone, so waits are too (libfaketime shifts what Python waits by, and hangs it).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *shift_ms;

__attribute__((constructor)) static void map_shifts(void)
{
    const char *path = getenv("JISHI_WALL_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, 2 * sizeof *shift_ms, PROT_READ, MAP_SHARED, file, 0);

    if (mapped != MAP_FAILED)
        shift_ms = mapped;
    if (file >= 0)
        close(file);
}

static void add_ms(struct timespec *at, int64_t ms)
{
    int64_t nanoseconds = at->tv_nsec + ms % 1000 * 1000000;

    at->tv_sec += ms / 1000 + nanoseconds / 1000000000;
    nanoseconds %= 1000000000;
    if (nanoseconds < 0) {
        nanoseconds += 1000000000;
        at->tv_sec -= 1;
    }
    at->tv_nsec = nanoseconds;
}

int clock_gettime(clockid_t which, struct timespec *at)
{
    int failed = (int)syscall(SYS_clock_gettime, which, at);

    if (failed || !shift_ms)
        return failed;
    if (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)
        add_ms(at, shift_ms[0]);
    else if (which == CLOCK_BOOTTIME)
        add_ms(at, shift_ms[1]);
    return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
