#pragma once
#include <cstdint>

namespace ringbearer {

// Words shared with JavaScript (an Int32Array over one page): arguments and results of the calls on the hot path, so that they
// need no Node-API argument handling. JavaScript takes the indices from the exported `controlWords`.
enum ControlWord : int {
  kToSubmit = 0,        // in: SQEs for enter()
  kMinComplete = 1,     // in: completions enter() waits for
  kResult = 2,          // out: what io_uring_enter returned, or a negated errno
  kReferences = 3,      // in: operations in flight that keep the process alive
  kReferenced = 4,      // out: 1 while the loop handles are referenced
  kBackendFired = 7,    // in: the poll of libuv's backend fd completed and must be armed again
  kEnters = 8,          // out: count of io_uring_enter calls, wraps
  kLoopError = 9,       // out: last errno of an enter made by the loop hooks, 0 if none
  kWaitMicroseconds = 10,  // in: bound on the wait of enter(), 0 for none
  kMinWaitMicroseconds = 11,  // in: enter() waits so long for all of its completions, then for one
  kLoopMinWaitMicroseconds = 12,  // in: the owner driver collects completions for so long before it wakes
  kControlWords = 16,
};

constexpr uint32_t kBackendSlot = 0xffffffff;  // user_data (both halves) of the poll on libuv's backend fd

static_assert(kControlWords * sizeof(int32_t) <= 4096, "the control block is one page");

}  // namespace ringbearer
