#include "ring.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "errors.hpp"
#include "listener.hpp"

namespace ringbearer {

uint32_t Argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (info.Length() <= index || !info[index].IsNumber())
    throw Napi::TypeError::New(info.Env(), std::string("Cannot call the ring as ") + name + " must be a number");
  return info[index].As<Napi::Number>().Uint32Value();
}

namespace {
constexpr unsigned kProbeOps = 256;

unsigned Load(const unsigned* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
}  // namespace

Napi::Function Ring::Define(Napi::Env env) {
  return DefineClass(env, "Ring",
                     {InstanceMethod<&Ring::Map>("map"),
                      InstanceMethod<&Ring::RegisterFilesSparse>("registerFilesSparse"),
                      InstanceMethod<&Ring::UnregisterFiles>("unregisterFiles"),
                      InstanceMethod<&Ring::UpdateFile>("updateFile"),
                      InstanceMethod<&Ring::RegisterFileAllocRange>("registerFileAllocRange"),
                      InstanceMethod<&Ring::RegisterBufferRing>("registerBufferRing"),
                      InstanceMethod<&Ring::UnregisterBufferRing>("unregisterBufferRing"),
                      InstanceMethod<&Ring::Register>("register"),
                      InstanceMethod<&Ring::Resize>("resize"),
                      InstanceMethod<&Ring::Probe>("probe"),
                      InstanceMethod<&Ring::Start>("start"),
                      InstanceMethod<&Ring::Reference>("reference"),
                      InstanceMethod<&Ring::Cancel>("cancel"),
                      InstanceMethod<&Ring::OpenOwnListener>("openListener"),
                      InstanceMethod<&Ring::Own>("own"),
                      InstanceMethod<&Ring::CloseOwned>("closeOwned"),
                      InstanceMethod<&Ring::Close>("close")});
}

Ring::Ring(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Ring>(info) {
  Napi::Env env = info.Env();
  unsigned entries = Argument(info, 0, "entries");
  params_.flags = Argument(info, 1, "flags");
  params_.cq_entries = Argument(info, 2, "completion entries");

  control_ = Mapping::Anonymous(4096, false);
  if (!control_) throw ErrnoError(env, "mmap", errno);
  int fd = static_cast<int>(syscall(__NR_io_uring_setup, entries, &params_));
  if (fd < 0) throw ErrnoError(env, "io_uring_setup", errno);
  Queues queues;
  if ((params_.features & IORING_FEAT_SINGLE_MMAP) == 0)
    errno = ENOSYS;
  else
    queues = Queues::Map(fd, params_);
  if (!queues) {
    int error = errno;
    ::close(fd);
    throw ErrnoError(env, error == ENOSYS ? "io_uring_setup" : "mmap", error);
  }
  ring_.ring_fd = ring_.enter_ring_fd = fd;
  ring_.flags = params_.flags;
  ring_.features = params_.features;
  Adopt(queues);
  ring_fd_registered_ = io_uring_register_ring_fd(&ring_) == 1;

  try {
    Expose(env, info.This().As<Napi::Object>());
    if (napi_add_async_cleanup_hook(env, CleanupHook, this, &hook_) != napi_ok)
      throw Napi::Error::New(env, "Cannot register the cleanup hook of the ring");
  } catch (...) {
    // No destructor will run.
    CloseDescriptor();
    throw;
  }
}

void Ring::Adopt(const Queues& queues) {
  rings_ = queues.rings;
  sqes_ = queues.sqes;
  ring_.sq = queues.sq;
  ring_.cq = queues.cq;
}

void Ring::Expose(Napi::Env env, Napi::Object self) {
  ExposeQueues(env, self);
  self.Set("control", control_->ToArrayBuffer(env, control_));
  self.Set("features", Napi::Number::New(env, params_.features));
  self.Set("setupFlags", Napi::Number::New(env, params_.flags));
  self.Set("descriptor", Napi::Number::New(env, ring_.ring_fd));
  napi_value enter;
  if (napi_create_function(env, "enter", NAPI_AUTO_LENGTH, EnterFromJavaScript, this, &enter) != napi_ok)
    throw Napi::Error::New(env, "Cannot create the enter function of the ring");
  Napi::Value(env, enter).As<Napi::Object>().Set("ring", self);  // the function must not outlive its ring
  self.Set("enter", Napi::Value(env, enter));
}

void Ring::ExposeQueues(Napi::Env env, Napi::Object self) {
  self.Set("rings", rings_->ToArrayBuffer(env, rings_));
  self.Set("sqes", sqes_->ToArrayBuffer(env, sqes_));
  auto offset = [&](const char* name, const void* pointer) {
    self.Set(name, Napi::Number::New(env, static_cast<double>(static_cast<const char*>(pointer) -
                                                              static_cast<const char*>(ring_.sq.ring_ptr))));
  };
  offset("sqHead", ring_.sq.khead);
  offset("sqTail", ring_.sq.ktail);
  offset("sqFlags", ring_.sq.kflags);
  offset("sqDropped", ring_.sq.kdropped);
  offset("cqHead", ring_.cq.khead);
  offset("cqTail", ring_.cq.ktail);
  offset("cqOverflow", ring_.cq.koverflow);
  offset("cqes", ring_.cq.cqes);
  self.Set("sqEntries", Napi::Number::New(env, params_.sq_entries));
  self.Set("cqEntries", Napi::Number::New(env, params_.cq_entries));
}

Ring::~Ring() {
  // Collected without close(): the cleanup hook has not run, as the bearer keeps a ring with work in flight alive.
  if (!closed_ && ring_.ring_fd > 0 && rings_) {
    if (hook_ != nullptr) napi_remove_async_cleanup_hook(hook_);
    if (driver_ != nullptr) driver_->Stop();
    CancelAll();
    CloseDescriptor();
  }
}

int Ring::Enter(unsigned to_submit, unsigned min_complete, const __kernel_timespec* timeout, unsigned min_wait) {
  unsigned flags = IORING_ENTER_GETEVENTS | (ring_fd_registered_ ? IORING_ENTER_REGISTERED_RING : 0u);
  int fd = ring_fd_registered_ ? ring_.enter_ring_fd : ring_.ring_fd;
  control()[kEnters]++;
  long result;
  if (timeout != nullptr || min_wait > 0) {
    io_uring_getevents_arg argument{};
    argument.sigmask_sz = _NSIG / 8;
    argument.pad = min_wait;  // min_wait_usec: liburing 2.3 knows it as padding
    argument.ts = reinterpret_cast<uint64_t>(timeout);
    result = syscall(__NR_io_uring_enter, fd, to_submit, min_complete, flags | IORING_ENTER_EXT_ARG, &argument, sizeof argument);
  } else {
    result = syscall(__NR_io_uring_enter, fd, to_submit, min_complete, flags, nullptr, _NSIG / 8);
  }
  return result < 0 ? -errno : static_cast<int>(result);
}

unsigned Ring::Unsubmitted() const { return *ring_.sq.ktail - Load(ring_.sq.khead); }

bool Ring::NeedsEnter() const {
  return (Load(ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

bool Ring::HasCompletions() const { return *ring_.cq.khead != Load(ring_.cq.ktail); }

bool Ring::PushBackendPoll(int fd) {
  unsigned tail = *ring_.sq.ktail;
  if (tail - Load(ring_.sq.khead) >= params_.sq_entries) return false;
  io_uring_sqe* sqe = &ring_.sq.sqes[tail & (params_.sq_entries - 1)];
  std::memset(sqe, 0, sizeof *sqe);
  sqe->opcode = IORING_OP_POLL_ADD;
  sqe->fd = fd;
  sqe->poll32_events = 1;  // POLLIN
  sqe->user_data = (static_cast<uint64_t>(kBackendSlot) << 32) | kBackendSlot;
  __atomic_store_n(ring_.sq.ktail, tail + 1, __ATOMIC_RELEASE);
  return true;
}

napi_value Ring::EnterFromJavaScript(napi_env env, napi_callback_info info) {
  void* data;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  auto* self = static_cast<Ring*>(data);
  int32_t* control = self->control();
  if (self->closed_) {
    control[kResult] = -EBADF;
    return nullptr;
  }
  __kernel_timespec timeout{};
  bool bounded = control[kWaitMicroseconds] > 0;
  if (bounded) {
    timeout.tv_sec = control[kWaitMicroseconds] / 1000000;
    timeout.tv_nsec = control[kWaitMicroseconds] % 1000000 * 1000LL;
  }
  control[kResult] = self->Enter(static_cast<unsigned>(control[kToSubmit]), static_cast<unsigned>(control[kMinComplete]),
                                 bounded ? &timeout : nullptr, static_cast<unsigned>(control[kMinWaitMicroseconds]));
  return nullptr;
}

Napi::Value Ring::Map(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  CheckOpen(env);
  double length = info.Length() > 0 && info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : 0;
  if (!(length >= 1 && length <= 1e12)) throw Napi::RangeError::New(env, "Cannot map memory as length must be >= 1");
  bool huge = info.Length() > 1 && info[1].ToBoolean();
  std::string why_not;
  auto mapping = Mapping::Anonymous(static_cast<size_t>(length), huge, &why_not);
  if (!mapping) throw ErrnoError(env, "mmap", errno);
  arenas_.push_back(mapping);
  auto address = reinterpret_cast<uint64_t>(mapping->address());
  Napi::Object result = Napi::Object::New(env);
  result.Set("buffer", mapping->ToArrayBuffer(env, mapping));
  result.Set("addressLow", Napi::Number::New(env, static_cast<uint32_t>(address)));
  result.Set("addressHigh", Napi::Number::New(env, static_cast<uint32_t>(address >> 32)));
  const char* kinds[] = {"4k", "thp", "hugetlb"};
  result.Set("pageKind", Napi::String::New(env, kinds[static_cast<int>(mapping->page_kind())]));
  result.Set("whyNotHuge", Napi::String::New(env, why_not));
  return result;
}

void Ring::RegisterFilesSparse(const Napi::CallbackInfo& info) {
  CheckOpen(info.Env());
  Check(info.Env(), "io_uring_register_files_sparse", io_uring_register_files_sparse(&ring_, Argument(info, 0, "count")));
  files_registered_ = true;
}

void Ring::UnregisterFiles(const Napi::CallbackInfo& info) {
  if (closed_ || !files_registered_) return;
  files_registered_ = false;
  Check(info.Env(), "io_uring_unregister_files", io_uring_unregister_files(&ring_));
}

void Ring::UpdateFile(const Napi::CallbackInfo& info) {
  CheckOpen(info.Env());
  unsigned slot = Argument(info, 0, "slot");
  int fd = static_cast<int32_t>(Argument(info, 1, "fd"));
  Check(info.Env(), "io_uring_register_files_update", io_uring_register_files_update(&ring_, slot, &fd, 1));
}

void Ring::RegisterFileAllocRange(const Napi::CallbackInfo& info) {
  CheckOpen(info.Env());
  Check(info.Env(), "io_uring_register_file_alloc_range",
        io_uring_register_file_alloc_range(&ring_, Argument(info, 0, "from"), Argument(info, 1, "count")));
}

void Ring::RegisterBufferRing(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  CheckOpen(env);
  io_uring_buf_reg registration{};
  registration.bgid = static_cast<uint16_t>(Argument(info, 0, "group"));
  registration.ring_entries = Argument(info, 1, "entries");
  registration.ring_addr = (static_cast<uint64_t>(Argument(info, 3, "address high")) << 32) | Argument(info, 2, "address low");
  bool ours = false;
  for (const auto& arena : arenas_)
    ours = ours || arena->Contains(registration.ring_addr, registration.ring_entries * uint64_t{sizeof(io_uring_buf)});
  if (!ours) throw Napi::RangeError::New(env, "Cannot register a buffer ring as its memory was not mapped by this ring");
  // The header of liburing 2.3 calls these 16 bits `pad`, and its function ignores the flags it is given.
  uint16_t flags = static_cast<uint16_t>(Argument(info, 4, "flags"));
  static_assert(sizeof(registration) == 40 && offsetof(io_uring_buf_reg, bgid) == 12);
  std::memcpy(reinterpret_cast<char*>(&registration) + 14, &flags, sizeof(flags));
  Check(env, "io_uring_register_buf_ring", io_uring_register_buf_ring(&ring_, &registration, 0));
}

void Ring::UnregisterBufferRing(const Napi::CallbackInfo& info) {
  CheckOpen(info.Env());
  Check(info.Env(), "io_uring_unregister_buf_ring",
        io_uring_unregister_buf_ring(&ring_, static_cast<int>(Argument(info, 0, "group"))));
}

// register(opcode, argument, count): io_uring_register(2), for whatever liburing's form would add nothing to. The argument is a
// typed array that the caller laid out, or null.
Napi::Value Ring::Register(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  CheckOpen(env);
  unsigned opcode = Argument(info, 0, "opcode");
  void* argument = nullptr;
  if (info.Length() > 1 && info[1].IsTypedArray()) {
    auto view = info[1].As<Napi::TypedArray>();
    argument = static_cast<char*>(view.ArrayBuffer().Data()) + view.ByteOffset();
  }
  long result = syscall(__NR_io_uring_register, ring_.ring_fd, opcode, argument, Argument(info, 2, "count"));
  if (result < 0) throw ErrnoError(env, "io_uring_register", errno);
  return Napi::Number::New(env, static_cast<double>(result));
}

Napi::Value Ring::Probe(const Napi::CallbackInfo& info) {
  CheckOpen(info.Env());
  std::vector<uint64_t> storage((sizeof(io_uring_probe) + kProbeOps * sizeof(io_uring_probe_op)) / sizeof(uint64_t));
  auto* probe = reinterpret_cast<io_uring_probe*>(storage.data());
  Check(info.Env(), "io_uring_register_probe", io_uring_register_probe(&ring_, probe, kProbeOps));
  Napi::Uint8Array supported = Napi::Uint8Array::New(info.Env(), probe->last_op + 1u);
  for (unsigned op = 0; op <= probe->last_op; op++)
    supported[op] = (probe->ops[op].flags & IO_URING_OP_SUPPORTED) != 0 ? 1 : 0;
  return supported;
}

void Ring::Start(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  CheckOpen(env);
  if (driver_ != nullptr) throw Napi::Error::New(env, "Cannot start the ring twice");
  if (info.Length() < 2 || !info[1].IsFunction()) throw Napi::TypeError::New(env, "Cannot start the ring without a callback");
  auto kind = Argument(info, 0, "driver") == 0 ? DriverKind::kEmbedded : DriverKind::kOwner;
  if (kind == DriverKind::kOwner && Driver::OwnerOn(env))
    throw Napi::Error::New(env, "Cannot start the ring as an owner: another ring owns the loop of this thread");
  driver_ = new Driver(env, this, kind, info[1].As<Napi::Function>());
  int result = driver_->Start();
  if (result < 0) {
    driver_->Stop();
    driver_ = nullptr;
    throw ErrnoError(env, "uv_poll_init", -result);
  }
}

void Ring::Reference(const Napi::CallbackInfo&) {
  if (driver_ != nullptr) driver_->UpdateReference();
}

// cancel(low, high) of one user_data, or cancel() of everything: at once, beside the submission queue, which a drain may hold up.
Napi::Value Ring::Cancel(const Napi::CallbackInfo& info) {
  if (closed_) return Napi::Number::New(info.Env(), -EBADF);
  bool all = info.Length() == 0;
  uint64_t user_data = all ? 0 : (static_cast<uint64_t>(Argument(info, 1, "high half")) << 32) | Argument(info, 0, "low half");
  unsigned flags = all ? IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL : 0;
  return Napi::Number::New(info.Env(), SyncCancel(user_data, flags, 0));
}

// openListener(options): a listening socket that is the ring's before JavaScript hears of it. A Worker may be terminated between any
// two statements, and nobody else would close it.
Napi::Value Ring::OpenOwnListener(const Napi::CallbackInfo& info) {
  CheckOpen(info.Env());
  owned_.reserve(owned_.size() + 1);
  int fd = ListeningSocket(info);
  owned_.push_back(fd);
  return Napi::Number::New(info.Env(), fd);
}

void Ring::Own(const Napi::CallbackInfo& info) {
  CheckOpen(info.Env());
  owned_.push_back(static_cast<int32_t>(Argument(info, 0, "fd")));
}

void Ring::CloseOwned(const Napi::CallbackInfo& info) {
  int fd = static_cast<int32_t>(Argument(info, 0, "fd"));
  if (std::erase(owned_, fd) > 0) ::close(fd);
}

void Ring::Close(const Napi::CallbackInfo&) {
  if (closed_) return;
  if (hook_ != nullptr) napi_remove_async_cleanup_hook(hook_);
  hook_ = nullptr;
  if (driver_ != nullptr) driver_->Stop();
  driver_ = nullptr;
  CancelAll();  // JavaScript drained: this is for what the loop driver itself has in flight
  CloseDescriptor();
}

// Runs after the hook of the driver, which was registered later.
void Ring::CleanupHook(napi_async_cleanup_hook_handle handle, void* data) {
  auto* self = static_cast<Ring*>(data);
  self->hook_ = nullptr;
  self->CancelAll();
  self->CloseDescriptor();
  napi_remove_async_cleanup_hook(handle);
}

int Ring::SyncCancel(uint64_t user_data, unsigned flags, long seconds) {
  io_uring_sync_cancel_reg request{};
  request.addr = user_data;
  request.fd = -1;
  request.flags = flags;
  request.timeout.tv_sec = seconds;
  return io_uring_register_sync_cancel(&ring_, &request);
}

void Ring::CancelAll() {
  int result = SyncCancel(0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL, 1);
  // A DEFER_TASKRUN ring completes what was cancelled here, and not before: until then it holds files, a listening port among them.
  Enter(0, 0, nullptr);
  if (result >= 0 || result == -ENOENT) return;
  // What could not be cancelled in time may still write to memory: that memory is never given back.
  for (auto& arena : arenas_) new std::shared_ptr<Mapping>(arena);
}

void Ring::CloseDescriptor() {
  if (closed_) return;
  closed_ = true;
  if (files_registered_) io_uring_unregister_files(&ring_);
  if (ring_fd_registered_) io_uring_unregister_ring_fd(&ring_);
  ::close(ring_.ring_fd);
  for (int fd : owned_) ::close(fd);
  owned_.clear();
  rings_->Surrender();
  sqes_->Surrender();
  arenas_.clear();
}

void Ring::CheckOpen(Napi::Env env) const {
  if (closed_) throw Napi::Error::New(env, "Cannot use the ring as it is closed");
}

void Ring::Check(Napi::Env env, const char* call, int result) const {
  if (result < 0) throw ErrnoError(env, call, -result);
}

}  // namespace ringbearer
