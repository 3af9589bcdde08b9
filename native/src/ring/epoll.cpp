#include "epoll.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "errors.hpp"

namespace ringbearer {

namespace {
// EP_MAX_EVENTS of the kernel's fs/eventpoll.c.
constexpr size_t kEventsMax = INT_MAX / sizeof(epoll_event);
}  // namespace

Napi::Function Epoll::Define(Napi::Env env) {
  return DefineClass(env, "Epoll",
                     {InstanceAccessor<&Epoll::Descriptor>("descriptor"), InstanceMethod<&Epoll::Take>("take"),
                      InstanceMethod<&Epoll::Close>("close")});
}

Epoll::Epoll(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Epoll>(info) {
  fd_ = epoll_create1(EPOLL_CLOEXEC);
  if (fd_ < 0) throw ErrnoError(info.Env(), "epoll_create1", errno);
}

Epoll::~Epoll() {
  if (fd_ >= 0) ::close(fd_);
}

Napi::Value Epoll::Descriptor(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), fd_); }

Napi::Value Epoll::Take(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsTypedArray() ||
      info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    throw Napi::TypeError::New(env, "Cannot take events as out must be a Uint8Array");
  auto out = info[0].As<Napi::Uint8Array>();
  size_t room = std::min(out.ByteLength() / sizeof(epoll_event), kEventsMax);
  if (room == 0) throw Napi::RangeError::New(env, "Cannot take events as out has no room for one");
  if (fd_ < 0) throw ErrnoError(env, "epoll_wait", EBADF);
  int count;
  // Written as bytes by the kernel: no alignment is needed.
  do {
    count = epoll_wait(fd_, reinterpret_cast<epoll_event*>(out.Data()), static_cast<int>(room), 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) throw ErrnoError(env, "epoll_wait", errno);
  return Napi::Number::New(env, count);
}

void Epoll::Close(const Napi::CallbackInfo&) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace ringbearer
