#pragma once
#include <liburing.h>

#include <memory>

#include "mapping.hpp"

namespace ringbearer {

// liburing 2.3 does not know it, and writes its index array over the ring's head where the kernel was told that there is none.
constexpr unsigned kSetupNoSqArray = 1U << 16;  // IORING_SETUP_NO_SQARRAY

// Both queues of a ring, mapped: what io_uring_setup(2) and IORING_REGISTER_RESIZE_RINGS leave to the process.
struct Queues {
  std::shared_ptr<Mapping> rings;
  std::shared_ptr<Mapping> sqes;
  io_uring_sq sq{};
  io_uring_cq cq{};

  // Maps the queues of `fd` with the sizes and offsets the kernel wrote into `params`. Without mappings (errno says why) on failure.
  static Queues Map(int fd, const io_uring_params& params);
  explicit operator bool() const { return rings && sqes; }
};

}  // namespace ringbearer
