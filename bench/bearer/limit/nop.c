/*
 * NOPs, a batch at a time: fill the queue, one system call, read the completions.
 *
 * Usage: nop operations=N warmUp=N depth=N
 */
#include "measured.h"

static unsigned depth;

static uint32_t nops(unsigned operations, int warming_up) {
  (void)warming_up;
  uint32_t completed = 0;
  while (completed < operations) {
    for (unsigned queued = 0; queued < depth; queued++) {
      struct io_uring_sqe *sqe = next_sqe();
      io_uring_prep_nop(sqe);
      io_uring_sqe_set_data64(sqe, queued);
    }
    submit_and_wait(depth);
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0;
    io_uring_for_each_cqe(&ring, head, cqe) {
      demand(cqe->res == 0, "a NOP failed");
      seen++;
    }
    io_uring_cq_advance(&ring, seen);
    demand(seen == depth, "a batch came back incomplete");
    completed += seen;
  }
  return completed;
}

int main(int count, char **arguments) {
  depth = argument(count, arguments, "depth");
  open_ring(depth);
  measure(count, arguments, nops);
  return 0;
}
