// Faults on purpose: `npm run test:asan` makes sure that each is reported before it trusts a run without reports. Compiled only
// under RINGBEARER_SANITIZE, into an addon of its own that no package loads or contains.
#include <napi.h>

#include <climits>
#include <cstdlib>

namespace {

volatile int sink;

void WriteOutOfBounds(const Napi::CallbackInfo& info) {
  auto* bytes = static_cast<volatile char*>(std::malloc(16));
  bytes[16 + info.Length()] = 1;
  std::free(const_cast<char*>(bytes));
}

void UseAfterFree(const Napi::CallbackInfo&) {
  auto* word = static_cast<volatile int*>(std::malloc(sizeof(int)));
  *word = 1;
  std::free(const_cast<int*>(word));
  sink = *word;
}

void OverflowSigned(const Napi::CallbackInfo& info) {
  volatile int most = INT_MAX;
  sink = most + 1 + static_cast<int>(info.Length());
}

void Leak(const Napi::CallbackInfo&) {
  for (int i = 0; i < 8; i++) *static_cast<volatile char*>(std::malloc(4096 + i)) = 1;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("heap-buffer-overflow", Napi::Function::New<WriteOutOfBounds>(env));
  exports.Set("heap-use-after-free", Napi::Function::New<UseAfterFree>(env));
  exports.Set("signed integer overflow", Napi::Function::New<OverflowSigned>(env));
  exports.Set("LeakSanitizer", Napi::Function::New<Leak>(env));
  return exports;
}

NODE_API_MODULE(deliberate_faults, Init)

}  // namespace
