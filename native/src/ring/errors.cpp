#include "errors.hpp"

#include <uv.h>

#include <cstring>
#include <string>

namespace ringbearer {

Napi::Error ErrnoError(Napi::Env env, const char* syscall, int error) {
  const char* code = uv_err_name(-error);
  std::string message = std::string(syscall) + " failed: " + code + ": " + std::strerror(error);
  Napi::Error result = Napi::Error::New(env, message);
  result.Set("code", Napi::String::New(env, code));
  result.Set("errno", Napi::Number::New(env, -error));
  result.Set("syscall", Napi::String::New(env, syscall));
  return result;
}

}  // namespace ringbearer
