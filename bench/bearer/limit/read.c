/*
 * Reads of a file whose pages are cached, `depth` of them under way.
 *
 * Usage: read operations=N warmUp=N depth=N bytes=N order=random|sequential seed=N file=PATH
 */
#include "measured.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { STRIDE_WORDS = 1024 }; /* a word of every page, and the last of a block, are summed while measuring */

static unsigned depth, bytes, blocks, state, next_block, in_order;
static int file;
static uint32_t **buffers;

static unsigned choose_block(void) {
  if (in_order) {
    unsigned block = next_block;
    next_block = (next_block + 1) % blocks;
    return block;
  }
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % blocks;
}

static void queue_read(unsigned slot) {
  struct io_uring_sqe *sqe = next_sqe();
  io_uring_prep_read(sqe, file, buffers[slot], bytes, (uint64_t)choose_block() * bytes);
  io_uring_sqe_set_data64(sqe, slot);
}

/* All words while warming up. */
static uint32_t sum_of(const uint32_t *words, int all) {
  uint32_t sum = 0;
  unsigned count = bytes / 4, stride = all ? 1 : STRIDE_WORDS;
  for (unsigned at = 0; at < count; at += stride) sum += words[at];
  return sum + words[count - 1];
}

static uint32_t read_blocks(unsigned operations, int warming_up) {
  uint32_t sum = 0;
  unsigned queued = 0, completed = 0;
  for (; queued < depth && queued < operations; queued++) queue_read(queued);
  while (completed < operations) {
    submit_and_wait(1);
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0;
    io_uring_for_each_cqe(&ring, head, cqe) {
      seen++;
      demand(cqe->res == (int)bytes, "a read was short");
      unsigned slot = (unsigned)cqe->user_data;
      sum += sum_of(buffers[slot], warming_up);
      if (queued < operations) {
        queue_read(slot);
        queued++;
      }
    }
    io_uring_cq_advance(&ring, seen);
    completed += seen;
  }
  return sum;
}

int main(int count, char **arguments) {
  depth = argument(count, arguments, "depth");
  bytes = argument(count, arguments, "bytes");
  state = argument(count, arguments, "seed");
  in_order = strcmp(text_argument(count, arguments, "order"), "sequential") == 0;
  file = open(text_argument(count, arguments, "file"), O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status) < 0) die("open", errno);
  blocks = (unsigned)(status.st_size / bytes);
  buffers = calloc(depth, sizeof *buffers);
  for (unsigned slot = 0; slot < depth; slot++) demand(posix_memalign((void **)&buffers[slot], 4096, bytes) == 0, "no memory");
  open_ring(256);
  measure(count, arguments, read_blocks);
  return 0;
}
