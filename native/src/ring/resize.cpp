// IORING_REGISTER_RESIZE_RINGS (kernel 6.13): the kernel makes new queues and copies what waits in the old ones; here they are mapped,
// and take the place of the old ones.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "errors.hpp"
#include "queues.hpp"
#include "ring.hpp"

namespace ringbearer {

namespace {
// liburing 2.3 does not know it. The ABI table has the same number.
constexpr unsigned kRegisterResizeRings = 33;
// struct io_rings before its entries, and what rounding to pages adds: well below.
constexpr size_t kHeader = 1u << 18;

// Address space that is ours before the kernel is asked: once it has swapped the queues, a mapping of them must not fail for lack of
// any. The kernel chooses where its memory is mapped (EINVAL for MAP_FIXED), so the space is given back right before.
class Reservation {
 public:
  explicit Reservation(size_t length)
      : length_(length), address_(mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  ~Reservation() { GiveBack(); }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  bool ok() const { return address_ != MAP_FAILED; }
  void GiveBack() {
    if (ok()) munmap(address_, length_);
    address_ = MAP_FAILED;
  }

 private:
  size_t length_;
  void* address_;
};

// The kernel counts from head to tail without regard to their wrap at 2^32, and then copies nothing. Whatever it copied, this
// copies the same.
template <typename Entry>
void CopyWaiting(const Entry* from, unsigned from_mask, Entry* to, unsigned to_mask, unsigned head, unsigned tail) {
  for (unsigned index = head; index != tail; index++) to[index & to_mask] = from[index & from_mask];
}
}  // namespace

// resize(entries, completion entries). Nothing has changed when it throws.
void Ring::Resize(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  CheckOpen(env);
  // The kernel does not say where it puts a new index array. Whatever can resize can do without one.
  if ((params_.flags & kSetupNoSqArray) == 0) throw ErrnoError(env, "io_uring_register", EINVAL);
  io_uring_params params{};
  params.sq_entries = Argument(info, 0, "entries");
  params.cq_entries = Argument(info, 1, "completion entries");
  params.flags = IORING_SETUP_CQSIZE;

  Reservation space(2 * kHeader + params.sq_entries * sizeof(io_uring_sqe) + params.cq_entries * sizeof(io_uring_cqe));
  if (!space.ok()) throw ErrnoError(env, "mmap", ENOMEM);
  if (syscall(__NR_io_uring_register, ring_.ring_fd, kRegisterResizeRings, &params, 1) < 0)
    throw ErrnoError(env, "io_uring_register", errno);
  space.GiveBack();
  Queues queues = Queues::Map(ring_.ring_fd, params);
  // There is no way back, and operations are in flight that nobody would ever hear of.
  if (!queues) Napi::Error::Fatal("Ring::Resize", "Cannot map the queues of a ring that was resized: the system is out of memory");

  CopyWaiting(ring_.sq.sqes, params_.sq_entries - 1, queues.sq.sqes, params.sq_entries - 1, *ring_.sq.khead, *ring_.sq.ktail);
  CopyWaiting(ring_.cq.cqes, params_.cq_entries - 1, queues.cq.cqes, params.cq_entries - 1, *ring_.cq.khead, *ring_.cq.ktail);
  params_.sq_entries = params.sq_entries;
  params_.cq_entries = params.cq_entries;
  // Views of the old queues see zeros from here on, until they are collected.
  rings_->Surrender();
  sqes_->Surrender();
  Adopt(queues);
  ExposeQueues(env, info.This().As<Napi::Object>());
}

}  // namespace ringbearer
