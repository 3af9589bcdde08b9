// The module: the Ring and Epoll classes of an environment, and the few calls that belong to no ring.
#include <napi.h>

#include "control.hpp"
#include "epoll.hpp"
#include "listener.hpp"
#include "registration.hpp"
#include "ring.hpp"

namespace ringbearer {

namespace {

// addressOf(view, out: Uint32Array): the address of a typed array's first byte, as two halves.
void AddressOf(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsTypedArray() || !info[1].IsTypedArray())
    throw Napi::TypeError::New(env, "Cannot take the address of anything but a typed array");
  auto out = info[1].As<Napi::Uint32Array>();
  if (out.TypedArrayType() != napi_uint32_array || out.ElementLength() < 2)
    throw Napi::RangeError::New(env, "Cannot write an address as out must be a Uint32Array of 2");
  void* data = nullptr;
  size_t length = 0;
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env, info[0], &type, &length, &data, nullptr, nullptr) != napi_ok)
    throw Napi::Error::New(env, "Cannot take the address of a typed array");
  auto address = reinterpret_cast<uint64_t>(data);
  out[0] = static_cast<uint32_t>(address);
  out[1] = static_cast<uint32_t>(address >> 32);
}

// ownerActive(): a ring owns the loop of this thread.
Napi::Value OwnerActive(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), Driver::OwnerOn(info.Env()));
}

// mappedMemory(): what the process has mapped for rings, in all its threads.
Napi::Value MappedMemory(const Napi::CallbackInfo& info) {
  Mapping::Totals totals = Mapping::Live();
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("mappings", Napi::Number::New(info.Env(), static_cast<double>(totals.mappings)));
  result.Set("bytes", Napi::Number::New(info.Env(), static_cast<double>(totals.bytes)));
  return result;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Ring", Ring::Define(env));
  exports.Set("Epoll", Epoll::Define(env));
  exports.Set("addressOf", Napi::Function::New<AddressOf>(env, "addressOf"));
  exports.Set("ownerActive", Napi::Function::New<OwnerActive>(env, "ownerActive"));
  exports.Set("mappedMemory", Napi::Function::New<MappedMemory>(env, "mappedMemory"));
  exports.Set("openListener", Napi::Function::New<OpenListener>(env, "openListener"));
  exports.Set("adoptListener", Napi::Function::New<AdoptListener>(env, "adoptListener"));
  exports.Set("socketName", Napi::Function::New<SocketName>(env, "socketName"));
  exports.Set("peerName", Napi::Function::New<PeerName>(env, "peerName"));
  exports.Set("duplicateFd", Napi::Function::New<DuplicateFd>(env, "duplicateFd"));
  exports.Set("closeFd", Napi::Function::New<CloseFd>(env, "closeFd"));
  exports.Set("registerWithoutRing", Napi::Function::New<RegisterWithoutRing>(env, "registerWithoutRing"));
  exports.Set("openEventfd", Napi::Function::New<OpenEventfd>(env, "openEventfd"));
  Napi::Object control = Napi::Object::New(env);
  auto word = [&](const char* name, int index) { control.Set(name, Napi::Number::New(env, index)); };
  word("toSubmit", kToSubmit);
  word("minComplete", kMinComplete);
  word("result", kResult);
  word("references", kReferences);
  word("referenced", kReferenced);
  word("backendFired", kBackendFired);
  word("enters", kEnters);
  word("loopError", kLoopError);
  word("waitMicroseconds", kWaitMicroseconds);
  word("minWaitMicroseconds", kMinWaitMicroseconds);
  word("loopMinWaitMicroseconds", kLoopMinWaitMicroseconds);
  exports.Set("controlWords", control);
  return exports;
}

}  // namespace

NODE_API_MODULE(ring, Init)

}  // namespace ringbearer
