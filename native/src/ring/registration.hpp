#pragma once
#include <napi.h>

namespace ringbearer {

// registerWithoutRing(opcode, argument, count) -> result of io_uring_register(2) on descriptor -1.
Napi::Value RegisterWithoutRing(const Napi::CallbackInfo& info);
// openEventfd() -> a new eventfd(2), close-on-exec.
Napi::Value OpenEventfd(const Napi::CallbackInfo& info);

}  // namespace ringbearer
