#pragma once
#include <liburing.h>
#include <napi.h>

#include <memory>
#include <vector>

#include "control.hpp"
#include "driver.hpp"
#include "mapping.hpp"
#include "queues.hpp"

namespace ringbearer {

// An argument that must be a number, as 32 bits. Throws a TypeError for another.
uint32_t Argument(const Napi::CallbackInfo& info, size_t index, const char* name);

// One io_uring: setup, its mappings, registration and the batched enter. JavaScript writes the SQEs and reads the CQEs itself.
//
// Lifetime: JavaScript drains every request, then calls close(). When the environment goes first (worker.terminate(), process
// exit), an async cleanup hook cancels what is in flight, closes the descriptor and the loop handles, and only then lets the
// environment end.
class Ring : public Napi::ObjectWrap<Ring> {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit Ring(const Napi::CallbackInfo& info);
  ~Ring() override;

  // Submits and waits as asked; returns what the kernel returned or a negated errno. Counts itself.
  // With `min_wait` (microseconds, kernel 6.12) it waits so long for all of `min_complete`, and from then on for one. The kernel looks at
  // the timeout only then: it must not be shorter.
  int Enter(unsigned to_submit, unsigned min_complete, const __kernel_timespec* timeout, unsigned min_wait = 0);
  unsigned Unsubmitted() const;
  // Work the kernel wants us to enter for: deferred task work, or completions kept back after a CQ overflow.
  bool NeedsEnter() const;
  bool HasCompletions() const;
  unsigned completion_entries() const { return params_.cq_entries; }
  // Queues one multishot-free POLL_ADD on `fd` with the reserved user_data. False when the submission queue is full.
  bool PushBackendPoll(int fd);

  // The driver stops by itself, as the environment ends.
  void ForgetDriver() { driver_ = nullptr; }

  int fd() const { return ring_.ring_fd; }
  bool closed() const { return closed_; }
  int32_t* control() const { return static_cast<int32_t*>(control_->address()); }

 private:
  // JavaScript methods.
  Napi::Value Map(const Napi::CallbackInfo& info);
  void RegisterFilesSparse(const Napi::CallbackInfo& info);
  void UnregisterFiles(const Napi::CallbackInfo& info);
  void UpdateFile(const Napi::CallbackInfo& info);
  void RegisterFileAllocRange(const Napi::CallbackInfo& info);
  void RegisterBufferRing(const Napi::CallbackInfo& info);
  void UnregisterBufferRing(const Napi::CallbackInfo& info);
  Napi::Value Register(const Napi::CallbackInfo& info);
  void Resize(const Napi::CallbackInfo& info);
  Napi::Value Probe(const Napi::CallbackInfo& info);
  void Start(const Napi::CallbackInfo& info);
  void Reference(const Napi::CallbackInfo& info);
  Napi::Value Cancel(const Napi::CallbackInfo& info);
  Napi::Value OpenOwnListener(const Napi::CallbackInfo& info);
  void Own(const Napi::CallbackInfo& info);
  void CloseOwned(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  static napi_value EnterFromJavaScript(napi_env env, napi_callback_info info);
  static void CleanupHook(napi_async_cleanup_hook_handle handle, void* data);
  void CheckOpen(Napi::Env env) const;
  void Check(Napi::Env env, const char* call, int result) const;
  void Adopt(const Queues& queues);
  void Expose(Napi::Env env, Napi::Object self);
  // What a resize changes: both mappings, the offsets in them, the sizes.
  void ExposeQueues(Napi::Env env, Napi::Object self);
  int SyncCancel(uint64_t user_data, unsigned flags, long seconds);
  // Cancels what is in flight and waits, bounded. What could still touch memory afterwards keeps that memory.
  void CancelAll();
  void CloseDescriptor();

  io_uring ring_{};
  io_uring_params params_{};
  std::shared_ptr<Mapping> control_;
  std::shared_ptr<Mapping> rings_;
  std::shared_ptr<Mapping> sqes_;
  std::vector<std::shared_ptr<Mapping>> arenas_;
  std::vector<int> owned_;  // descriptors that end with the ring, however it ends
  Driver* driver_ = nullptr;  // deletes itself once its uv handles are closed
  napi_async_cleanup_hook_handle hook_ = nullptr;
  bool ring_fd_registered_ = false;
  bool files_registered_ = false;
  bool closed_ = false;
};

}  // namespace ringbearer
