#pragma once
#include <napi.h>

namespace ringbearer {

// An Error with code (errno's name), errno (negated, as in Node.js) and syscall set.
Napi::Error ErrnoError(Napi::Env env, const char* syscall, int error);

}  // namespace ringbearer
