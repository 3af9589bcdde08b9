/*
 * What the C programs share: their arguments, the ring, and the line they print. programs/measured.mjs is its twin.
 */
#define _GNU_SOURCE
#include <liburing.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static struct io_uring ring;

static void die(const char *what, int error) {
  fprintf(stderr, "%s: %s\n", what, strerror(error < 0 ? -error : error));
  exit(1);
}

static void demand(int truth, const char *what) {
  if (truth) return;
  fprintf(stderr, "%s\n", what);
  exit(1);
}

/* The value of the argument NAME=VALUE. */
static const char *text_argument(int count, char **arguments, const char *name) {
  size_t length = strlen(name);
  for (int index = 1; index < count; index++) {
    if (strncmp(arguments[index], name, length) == 0 && arguments[index][length] == '=')
      return arguments[index] + length + 1;
  }
  fprintf(stderr, "missing argument %s=...\n", name);
  exit(2);
}

static unsigned argument(int count, char **arguments, const char *name) {
  return (unsigned)strtoul(text_argument(count, arguments, name), NULL, 10);
}

static void open_ring(unsigned entries) {
  struct io_uring_params params = {
      .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
      .cq_entries = entries * 4,
  };
  int error = io_uring_queue_init_params(entries, &ring, &params);
  if (error < 0) die("io_uring_queue_init_params", error);
}

static void submit_and_wait(unsigned wanted) {
  int result = io_uring_submit_and_wait(&ring, wanted);
  if (result < 0 && result != -EINTR) die("io_uring_submit_and_wait", result);
}

static struct io_uring_sqe *next_sqe(void) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
  demand(sqe != NULL, "the submission queue is full");
  return sqe;
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* User and system time of all threads, the kernel's workers for this ring included. */
static double cpu_microseconds(void) {
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

/* Does `work` unmeasured, then measured, and prints what it took. `work` returns its checksum. */
static void measure(int count, char **arguments, uint32_t (*work)(unsigned operations, int warming_up)) {
  unsigned operations = argument(count, arguments, "operations");
  uint32_t checksum = work(argument(count, arguments, "warmUp"), 1);
  double cpu = cpu_microseconds(), started = seconds_now();
  checksum += work(operations, 0);
  double seconds = seconds_now() - started;
  printf("{\"operations\":%u,\"seconds\":%.6f,\"cpuMicroseconds\":%.0f,\"checksum\":%u}\n", operations, seconds,
         cpu_microseconds() - cpu, checksum);
}
