#include "registration.hpp"

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "errors.hpp"

namespace ringbearer {

// The kernel takes only what needs no ring here (a message to another ring, a query), and refuses the rest with EINVAL. The argument
// is a typed array that the caller laid out.
Napi::Value RegisterWithoutRing(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() < 3 || !info[0].IsNumber() || !info[1].IsTypedArray() || !info[2].IsNumber())
    throw Napi::TypeError::New(env, "Cannot register without a ring but with an opcode, a typed array and a count");
  auto view = info[1].As<Napi::TypedArray>();
  void* argument = static_cast<char*>(view.ArrayBuffer().Data()) + view.ByteOffset();
  long result = syscall(__NR_io_uring_register, -1, info[0].As<Napi::Number>().Uint32Value(), argument,
                        info[2].As<Napi::Number>().Uint32Value());
  if (result < 0) throw ErrnoError(env, "io_uring_register", errno);
  return Napi::Number::New(env, static_cast<double>(result));
}

Napi::Value OpenEventfd(const Napi::CallbackInfo& info) {
  int fd = eventfd(0, EFD_CLOEXEC);
  if (fd < 0) throw ErrnoError(info.Env(), "eventfd", errno);
  return Napi::Number::New(info.Env(), fd);
}

}  // namespace ringbearer
