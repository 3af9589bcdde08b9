#include "driver.hpp"

#include <cerrno>

#include "ring.hpp"

namespace ringbearer {

Driver::Driver(Napi::Env env, Ring* ring, DriverKind kind, Napi::Function callback)
    : env_(env),
      ring_(ring),
      kind_(kind),
      callback_(Napi::Persistent(callback)),
      context_(env, "ringbearer"),
      receiver_(Napi::Persistent(Napi::Object::New(env))) {
  napi_get_uv_event_loop(env, &loop_);
  poll_.data = prepare_.data = idle_.data = this;
}

Driver::~Driver() = default;

int Driver::Start() {
  uv_prepare_init(loop_, &prepare_);
  prepared_ = true;
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
  Ring* ring = self->ring_;
  unsigned unsubmitted = ring->Unsubmitted();
  if (unsubmitted == 0 && !ring->NeedsEnter()) return;
  int result = ring->Enter(unsubmitted, 0, nullptr);
  ring->control()[kLoopError] = result < 0 ? -result : 0;
  // Nothing would wake the loop for entries the kernel did not take.
  if (result < 0 && result != -EINTR && ring->HasCompletions()) self->CallJavaScript();
}

void Driver::OnPoll(uv_poll_t* handle, int, int) { static_cast<Driver*>(handle->data)->CallJavaScript(); }

bool Driver::LoopHasWork() const {
  // Watchers that libuv has not yet told epoll about: the first words of the queue head point elsewhere than at itself.
  // libuv >= 1.45 answers 0 from uv_backend_timeout in this case; older ones do not.
  auto* queue = reinterpret_cast<void* const*>(&loop_->watcher_queue);
  return queue[0] != static_cast<const void*>(queue);
}

void Driver::OnPrepareOwner(uv_prepare_t* handle) {
  auto* self = static_cast<Driver*>(handle->data);
  if (self->ring_ == nullptr) return;
  self->UpdateReference();
  Ring* ring = self->ring_;
  int32_t* control = ring->control();

  uv_idle_stop(&self->idle_);
  int timeout = uv_backend_timeout(self->loop_);
  uv_idle_start(&self->idle_, OnIdle);
  if (timeout != 0 && (self->LoopHasWork() || ring->HasCompletions())) timeout = 0;

  if (control[kBackendFired] != 0 || !self->backend_armed_) {
    // Full queue: submit first; the poll is armed in the next turn, and this one must not block.
    self->backend_armed_ = ring->PushBackendPoll(uv_backend_fd(self->loop_));
    control[kBackendFired] = 0;
    if (!self->backend_armed_) timeout = 0;
  }

  unsigned unsubmitted = ring->Unsubmitted();
  if (timeout != 0 || unsubmitted > 0 || ring->NeedsEnter()) {
    __kernel_timespec bound{};
    if (timeout > 0) {
      bound.tv_sec = timeout / 1000;
      bound.tv_nsec = timeout % 1000 * 1000000LL;
    }
    int result = ring->Enter(unsubmitted, timeout == 0 ? 0 : 1, timeout > 0 ? &bound : nullptr);
    control[kLoopError] = result < 0 && result != -ETIME && result != -EINTR ? -result : 0;
    if (timeout != 0) uv_update_time(self->loop_);
  }
  if (ring->HasCompletions()) self->CallJavaScript();
}

void Driver::OnIdle(uv_idle_t*) {}

void Driver::CallJavaScript() {
  if (ring_ == nullptr) return;
  Napi::HandleScope scope(env_);
  napi_value result;
  napi_status status = napi_make_callback(env_, context_, receiver_.Value(), callback_.Value(), 0, nullptr, &result);
  if (status == napi_pending_exception) {
    napi_value error;
    if (napi_get_and_clear_last_exception(env_, &error) == napi_ok) napi_fatal_exception(env_, error);
  }
}

void Driver::Close(uv_handle_t* handle) {
  open_handles_++;
  uv_close(handle, OnClosed);
}

void Driver::Stop(napi_async_cleanup_hook_handle hook) {
  ring_ = nullptr;
  hook_ = hook;
  open_handles_ = 1;  // held by this function, so that an early close cannot end it
  if (polling_) {
    uv_poll_stop(&poll_);
    Close(reinterpret_cast<uv_handle_t*>(&poll_));
  }
  if (idling_) Close(reinterpret_cast<uv_handle_t*>(&idle_));
  if (prepared_) Close(reinterpret_cast<uv_handle_t*>(&prepare_));
  if (--open_handles_ == 0) {
    if (hook_ != nullptr) napi_remove_async_cleanup_hook(hook_);
    delete this;
  }
}

void Driver::OnClosed(uv_handle_t* handle) {
  auto* self = static_cast<Driver*>(handle->data);
  if (--self->open_handles_ > 0) return;
  Napi::HandleScope scope(self->env_);
  if (self->hook_ != nullptr) napi_remove_async_cleanup_hook(self->hook_);
  delete self;
}

}  // namespace ringbearer
