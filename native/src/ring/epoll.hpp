#pragma once
#include <napi.h>

namespace ringbearer {

// One epoll instance: the descriptor, and epoll_wait(2) without waiting. epoll_ctl(2) goes through a ring. The descriptor
// ends with close(), with the object, or with the environment, whichever comes first.
class Epoll : public Napi::ObjectWrap<Epoll> {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit Epoll(const Napi::CallbackInfo& info);
  ~Epoll() override;

 private:
  Napi::Value Descriptor(const Napi::CallbackInfo& info);
  // take(out: Uint8Array): writes as many struct epoll_event as there are and fit; how many.
  Napi::Value Take(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  int fd_ = -1;
};

}  // namespace ringbearer
