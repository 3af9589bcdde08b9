// Compiles to nothing: every constant of abi.json that the system's headers know is compared with them here.
#include <liburing.h>

#include "abi-asserts.hpp"

static_assert(sizeof(io_uring_sqe) == 64, "the SQE cursor writes 64-byte entries");
static_assert(sizeof(io_uring_cqe) == 16, "the completion loop reads 16-byte entries");
static_assert(sizeof(io_uring_buf) == 16, "provided-buffer ring entries are 16 bytes");
