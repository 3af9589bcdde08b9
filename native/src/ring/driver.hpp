#pragma once
#include <napi.h>
#include <uv.h>

namespace ringbearer {

class Ring;

enum class DriverKind { kEmbedded, kOwner };

// How a ring and libuv share one thread.
//
// embedded: the ring descriptor is a uv_poll; a prepare hook submits what JavaScript queued since. For COOP_TASKRUN rings:
//   epoll never wakes for a DEFER_TASKRUN ring (research in docs/decisions/0002).
// owner: the thread blocks in io_uring_enter inside the prepare hook, while a POLL_ADD on libuv's backend descriptor waits in
//   the ring. An idle handle keeps libuv's own epoll_wait at timeout 0. The poll is one-shot and armed again after libuv had its
//   turn, so what libuv left unread is seen again, as level-triggered watchers expect.
//
// Several rings may share a loop: an owner submits for the embedded ones before it blocks. Of owners there can be one, as a ring that
// another one waits for wakes nobody.
//
// Heap-allocated; deletes itself after Stop(), once libuv let go of the handles. Its cleanup hook makes an environment that ends wait
// for that, also when Stop() was called just before.
class Driver {
 public:
  Driver(Napi::Env env, Ring* ring, DriverKind kind, Napi::Function callback);
  int Start();
  // Detaches from the ring at once.
  void Stop();
  // Follows the reference count in the control block.
  void UpdateReference();
  // An owner driver runs on the loop of this environment.
  static bool OwnerOn(Napi::Env env);

 private:
  ~Driver();
  static void OnPoll(uv_poll_t* handle, int status, int events);
  static void OnPrepareEmbedded(uv_prepare_t* handle);
  static void OnPrepareOwner(uv_prepare_t* handle);
  static void OnIdle(uv_idle_t* handle);
  static void OnRetry(uv_timer_t* handle);
  static void OnClosed(uv_handle_t* handle);
  static void OnCleanup(napi_async_cleanup_hook_handle handle, void* data);
  // Submits what JavaScript queued; what libuv shows of the completions is enough to be woken.
  int Flush();
  void Release();
  bool Turn(int turn);
  void CallJavaScript();
  bool LoopHasWork() const;
  void Close(uv_handle_t* handle);

  Napi::Env env_;
  Ring* ring_;  // null after Stop()
  DriverKind kind_;
  Napi::FunctionReference callback_;
  Napi::AsyncContext context_;
  Napi::ObjectReference receiver_;
  uv_loop_t* loop_ = nullptr;
  uv_poll_t poll_{};
  uv_prepare_t prepare_{};
  uv_idle_t idle_{};
  uv_timer_t retry_{};
  bool polling_ = false;
  bool prepared_ = false;
  bool idling_ = false;
  bool timing_ = false;
  bool referenced_ = false;
  bool backend_armed_ = false;
  bool stopped_ = false;
  bool halted_ = false;  // the environment runs no JavaScript any more
  int open_handles_ = 0;
  napi_async_cleanup_hook_handle hook_ = nullptr;  // null once removed
};

}  // namespace ringbearer
