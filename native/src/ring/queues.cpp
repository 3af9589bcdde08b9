#include "queues.hpp"

#include <sys/mman.h>

#include <algorithm>

namespace ringbearer {

namespace {
void* MapPart(int fd, size_t length, off_t offset) {
  void* address = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
  return address == MAP_FAILED ? nullptr : address;
}

template <typename T>
T* At(void* base, unsigned offset) {
  return reinterpret_cast<T*>(static_cast<char*>(base) + offset);
}
}  // namespace

// As liburing's io_uring_queue_mmap(3), for kernels with IORING_FEAT_SINGLE_MMAP.
Queues Queues::Map(int fd, const io_uring_params& params) {
  Queues queues;
  bool indexed = (params.flags & kSetupNoSqArray) == 0;
  size_t size = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
  if (indexed) size = std::max(size, params.sq_off.array + params.sq_entries * sizeof(unsigned));
  size_t sqes_size = params.sq_entries * sizeof(io_uring_sqe);

  void* rings = MapPart(fd, size, IORING_OFF_SQ_RING);
  if (rings == nullptr) return queues;
  queues.rings = Mapping::Adopt(rings, size);
  void* sqes = MapPart(fd, sqes_size, IORING_OFF_SQES);
  if (sqes == nullptr) return queues;
  queues.sqes = Mapping::Adopt(sqes, sqes_size);

  io_uring_sq& sq = queues.sq;
  sq.khead = At<unsigned>(rings, params.sq_off.head);
  sq.ktail = At<unsigned>(rings, params.sq_off.tail);
  sq.kring_mask = At<unsigned>(rings, params.sq_off.ring_mask);
  sq.kring_entries = At<unsigned>(rings, params.sq_off.ring_entries);
  sq.kflags = At<unsigned>(rings, params.sq_off.flags);
  sq.kdropped = At<unsigned>(rings, params.sq_off.dropped);
  sq.sqes = static_cast<io_uring_sqe*>(sqes);
  sq.ring_sz = size;
  sq.ring_ptr = rings;
  sq.ring_mask = params.sq_entries - 1;
  sq.ring_entries = params.sq_entries;
  if (indexed) {
    // SQ slot i always holds SQE i.
    sq.array = At<unsigned>(rings, params.sq_off.array);
    for (unsigned index = 0; index < params.sq_entries; index++) sq.array[index] = index;
  }

  io_uring_cq& cq = queues.cq;
  cq.khead = At<unsigned>(rings, params.cq_off.head);
  cq.ktail = At<unsigned>(rings, params.cq_off.tail);
  cq.kring_mask = At<unsigned>(rings, params.cq_off.ring_mask);
  cq.kring_entries = At<unsigned>(rings, params.cq_off.ring_entries);
  if (params.cq_off.flags != 0) cq.kflags = At<unsigned>(rings, params.cq_off.flags);
  cq.koverflow = At<unsigned>(rings, params.cq_off.overflow);
  cq.cqes = At<io_uring_cqe>(rings, params.cq_off.cqes);
  cq.ring_sz = size;
  cq.ring_ptr = rings;
  cq.ring_mask = params.cq_entries - 1;
  cq.ring_entries = params.cq_entries;
  return queues;
}

}  // namespace ringbearer
