#include "driver.hpp"

#include <algorithm>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "errors.hpp"
#include "ring.hpp"

namespace ringbearer {

namespace {
constexpr int kTurnsMax = 32;
// After a submission or wait that failed: the next attempt, in milliseconds.
constexpr int kRetryMs = 5;

// The kernel is short of memory or of room for completions, and may have some later. Anything else will not mend itself.
bool Passes(int result) { return result == -EINTR || result == -EAGAIN || result == -EBUSY; }

// Drivers of this thread, in the order they were started.
thread_local std::vector<Driver*> drivers;

uv_loop_t* LoopOf(Napi::Env env) {
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  return loop;
}
}  // namespace

Driver::Driver(Napi::Env env, Ring* ring, DriverKind kind, Napi::Function callback)
    : env_(env),
      ring_(ring),
      kind_(kind),
      callback_(Napi::Persistent(callback)),
      context_(env, "ringbearer"),
      receiver_(Napi::Persistent(Napi::Object::New(env))) {
  loop_ = LoopOf(env);
  poll_.data = prepare_.data = idle_.data = retry_.data = this;
}

Driver::~Driver() = default;

bool Driver::OwnerOn(Napi::Env env) {
  const uv_loop_t* loop = LoopOf(env);
  return std::any_of(drivers.begin(), drivers.end(),
                     [loop](const Driver* other) { return other->loop_ == loop && other->kind_ == DriverKind::kOwner; });
}

int Driver::Start() {
  if (napi_add_async_cleanup_hook(env_, OnCleanup, this, &hook_) != napi_ok) return UV_ENOMEM;
  drivers.push_back(this);
  uv_prepare_init(loop_, &prepare_);
  prepared_ = true;
  uv_timer_init(loop_, &retry_);
  timing_ = true;
  uv_unref(reinterpret_cast<uv_handle_t*>(&retry_));
  if (kind_ == DriverKind::kEmbedded) {
    int result = uv_poll_init(loop_, &poll_, ring_->fd());
    if (result < 0) return result;
    polling_ = true;
    uv_poll_start(&poll_, UV_READABLE, OnPoll);
    uv_unref(reinterpret_cast<uv_handle_t*>(&poll_));
    uv_prepare_start(&prepare_, OnPrepareEmbedded);
  } else {
    uv_idle_init(loop_, &idle_);
    idling_ = true;
    uv_idle_start(&idle_, OnIdle);
    uv_unref(reinterpret_cast<uv_handle_t*>(&idle_));
    uv_prepare_start(&prepare_, OnPrepareOwner);
  }
  uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
  UpdateReference();
  return 0;
}

void Driver::UpdateReference() {
  if (ring_ == nullptr) return;
  int32_t* control = ring_->control();
  bool wanted = control[kReferences] > 0;
  if (wanted == referenced_) return;
  referenced_ = wanted;
  control[kReferenced] = wanted ? 1 : 0;
  auto* handle = reinterpret_cast<uv_handle_t*>(&prepare_);
  if (wanted)
    uv_ref(handle);
  else
    uv_unref(handle);
}

// A submission that failed for the moment (EAGAIN, EBUSY while the completion queue overflows) stays queued: the next turn tries
// again. JavaScript is called when there is something to drain, which is what unblocks the kernel.
void Driver::OnPrepareEmbedded(uv_prepare_t* handle) {
  auto* self = static_cast<Driver*>(handle->data);
  if (self->ring_ == nullptr) return;
  self->UpdateReference();
  int result = self->Flush();
  if (result >= 0) return;
  // Nothing would wake the loop for entries the kernel did not take.
  uv_timer_start(&self->retry_, OnRetry, kRetryMs, 0);
  if (self->ring_->HasCompletions() || !Passes(result)) self->CallJavaScript();
}

void Driver::OnRetry(uv_timer_t*) {}

int Driver::Flush() {
  if (ring_ == nullptr || (ring_->Unsubmitted() == 0 && !ring_->NeedsEnter())) return 0;
  int result;
  // A kernel without SUBMIT_ALL stops at an entry that fails: go on behind it.
  do result = ring_->Enter(ring_->Unsubmitted(), 0, nullptr);
  while (result > 0 && ring_->Unsubmitted() > 0);
  ring_->control()[kLoopError] = result < 0 ? -result : 0;
  return result;
}

void Driver::OnPoll(uv_poll_t* handle, int, int) { static_cast<Driver*>(handle->data)->CallJavaScript(); }

bool Driver::LoopHasWork() const {
  // Watchers that libuv has not yet told epoll about: the first words of the queue head point elsewhere than at itself.
  // libuv >= 1.45 answers 0 from uv_backend_timeout in this case; older ones do not.
  auto* queue = reinterpret_cast<void* const*>(&loop_->watcher_queue);
  return queue[0] != static_cast<const void*>(queue);
}

// Stays here, turn after turn, while only the ring has anything to do: libuv's poll of its own (empty) epoll set costs a system
// call for each. The bound lets check-phase callbacks that do not show in the timeout (unreferenced immediates) have their turn.
void Driver::OnPrepareOwner(uv_prepare_t* handle) {
  auto* self = static_cast<Driver*>(handle->data);
  for (int turn = 0; turn < kTurnsMax; turn++)
    if (!self->Turn(turn)) return;
}

// One submission and wait. False when libuv is to have its turn.
bool Driver::Turn(int turn) {
  // Nobody is left to be told what the kernel would do next, such as accept a connection.
  if (ring_ == nullptr || halted_) return false;
  // Hooks run in no order to rely on: what the embedded rings of this loop let go or queued must be known before this thread blocks.
  for (Driver* each : drivers) {
    if (each->loop_ != loop_) continue;
    each->UpdateReference();
    if (each != this) each->Flush();
  }
  int32_t* control = ring_->control();

  uv_idle_stop(&idle_);
  int timeout = uv_backend_timeout(loop_);
  uv_idle_start(&idle_, OnIdle);
  if (timeout != 0 && LoopHasWork()) timeout = 0;
  if (turn > 0 && (timeout == 0 || control[kBackendFired] != 0)) return false;
  if (ring_->HasCompletions()) timeout = 0;

  if (control[kBackendFired] != 0 || !backend_armed_) {
    // Full queue: submit first; the poll is armed in the next turn, and this one must not block.
    backend_armed_ = ring_->PushBackendPoll(uv_backend_fd(loop_));
    control[kBackendFired] = 0;
    if (!backend_armed_) timeout = 0;
  }

  unsigned unsubmitted = ring_->Unsubmitted();
  if (timeout != 0 || unsubmitted > 0 || ring_->NeedsEnter()) {
    __kernel_timespec bound{};
    if (timeout > 0) {
      bound.tv_sec = timeout / 1000;
      bound.tv_nsec = timeout % 1000 * 1000000LL;
    }
    unsigned wanted = timeout == 0 ? 0 : 1;
    int64_t min_wait = 0;
    if (timeout != 0 && control[kLoopMinWaitMicroseconds] > 0) {
      min_wait = control[kLoopMinWaitMicroseconds];
      if (timeout > 0) min_wait = std::min<int64_t>(min_wait, timeout * int64_t{1000});
      // Half of the queue: the rest is for what arrives while JavaScript reads it.
      wanted = std::max(1u, ring_->completion_entries() / 2);
    }
    int result = ring_->Enter(unsubmitted, wanted, timeout > 0 ? &bound : nullptr, static_cast<unsigned>(min_wait));
    control[kLoopError] = result < 0 && result != -ETIME && result != -EINTR ? -result : 0;
    if (timeout != 0) uv_update_time(loop_);
    // Timers are due, or a signal arrived: libuv's.
    if (result == -ETIME || result == -EINTR) turn = kTurnsMax;
    else if (result < 0) {
      // The ring does not wait now: libuv's descriptor does, so that a ring that fails is no busy loop.
      pollfd backend{uv_backend_fd(loop_), POLLIN, 0};
      if (timeout != 0) poll(&backend, 1, timeout < 0 ? kRetryMs : std::min(timeout, kRetryMs));
      uv_update_time(loop_);
      turn = kTurnsMax;
      if (!Passes(result)) CallJavaScript();
    }
  }
  if (ring_ != nullptr && ring_->HasCompletions()) CallJavaScript();
  return turn < kTurnsMax && ring_ != nullptr && backend_armed_;
}

void Driver::OnIdle(uv_idle_t*) {}

void Driver::CallJavaScript() {
  if (ring_ == nullptr) return;
  Napi::HandleScope scope(env_);
  napi_value result;
  napi_status status = napi_make_callback(env_, context_, receiver_.Value(), callback_.Value(), 0, nullptr, &result);
  // A worker that is being terminated has no exception to show, and nobody to show it to.
  bool pending = false;
  if (status == napi_ok) return;
  if (status != napi_pending_exception || napi_is_exception_pending(env_, &pending) != napi_ok || !pending) {
    halted_ = true;
    return;
  }
  napi_value error;
  if (napi_get_and_clear_last_exception(env_, &error) == napi_ok) napi_fatal_exception(env_, error);
}

void Driver::Close(uv_handle_t* handle) {
  open_handles_++;
  uv_close(handle, OnClosed);
}

void Driver::Stop() {
  if (stopped_) return;
  stopped_ = true;
  ring_ = nullptr;
  std::erase(drivers, this);
  open_handles_ = 1;  // held by this function, so that an early close cannot end it
  if (polling_) {
    uv_poll_stop(&poll_);
    Close(reinterpret_cast<uv_handle_t*>(&poll_));
  }
  if (idling_) Close(reinterpret_cast<uv_handle_t*>(&idle_));
  if (timing_) Close(reinterpret_cast<uv_handle_t*>(&retry_));
  if (prepared_) Close(reinterpret_cast<uv_handle_t*>(&prepare_));
  Release();
}

void Driver::OnClosed(uv_handle_t* handle) {
  auto* self = static_cast<Driver*>(handle->data);
  Napi::HandleScope scope(self->env_);
  self->Release();
}

// The last of the handles and Stop() deletes the driver. The environment is there until then: it waits for the hook.
void Driver::Release() {
  if (--open_handles_ > 0) return;
  napi_async_cleanup_hook_handle hook = hook_;
  delete this;
  if (hook != nullptr) napi_remove_async_cleanup_hook(hook);
}

void Driver::OnCleanup(napi_async_cleanup_hook_handle, void* data) {
  auto* self = static_cast<Driver*>(data);
  if (self->stopped_) return;
  self->ring_->ForgetDriver();
  self->Stop();
}

}  // namespace ringbearer
