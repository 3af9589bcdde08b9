#include "listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include "errors.hpp"

namespace ringbearer {

namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// "\0name" is an abstract name: its length says where it ends.
SocketAddress UnixAddress(Napi::Env env, const std::string& path) {
  SocketAddress result;
  auto* address = reinterpret_cast<sockaddr_un*>(&result.storage);
  address->sun_family = AF_UNIX;
  bool abstract = !path.empty() && path[0] == '\0';
  size_t room = sizeof(address->sun_path) - (abstract ? 0 : 1);
  if (path.empty() || path.size() > room)
    throw Napi::RangeError::New(env, "Cannot listen on a Unix path as it must have 1 to 107 bytes");
  if (!abstract && path.find('\0') != std::string::npos)
    throw Napi::TypeError::New(env, "Cannot listen on a Unix path as it has a NUL inside: only the first byte may be one");
  std::memcpy(address->sun_path, path.data(), path.size());
  result.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
  return result;
}

SocketAddress InternetAddress(Napi::Env env, const std::string& text, uint16_t port) {
  SocketAddress result;
  auto* four = reinterpret_cast<sockaddr_in*>(&result.storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&result.storage);
  if (text.find('\0') != std::string::npos)
    throw Napi::TypeError::New(env, "Cannot listen as the address has a NUL inside");
  if (inet_pton(AF_INET, text.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    result.length = sizeof *four;
  } else if (inet_pton(AF_INET6, text.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    result.length = sizeof *six;
  } else {
    throw Napi::TypeError::New(env, "Cannot listen as the address must be an IPv4 or IPv6 literal: current value is " + text);
  }
  return result;
}

bool Flag(const Napi::Object& options, const char* name) {
  return options.Has(name) && options.Get(name).ToBoolean().Value();
}

// One descriptor that closes itself unless it is released.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

void SetOption(Napi::Env env, int fd, int level, int name, int value) {
  if (setsockopt(fd, level, name, &value, sizeof value) != 0) throw ErrnoError(env, "setsockopt", errno);
}

Napi::Value ToObject(Napi::Env env, const SocketAddress& address) {
  Napi::Object result = Napi::Object::New(env);
  char text[INET6_ADDRSTRLEN] = "";
  if (address.storage.ss_family == AF_INET) {
    const auto* four = reinterpret_cast<const sockaddr_in*>(&address.storage);
    inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
    result.Set("family", "IPv4");
    result.Set("address", text);
    result.Set("port", Napi::Number::New(env, ntohs(four->sin_port)));
  } else if (address.storage.ss_family == AF_INET6) {
    const auto* six = reinterpret_cast<const sockaddr_in6*>(&address.storage);
    inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
    result.Set("family", "IPv6");
    result.Set("address", text);
    result.Set("port", Napi::Number::New(env, ntohs(six->sin6_port)));
  } else {
    const auto* local = reinterpret_cast<const sockaddr_un*>(&address.storage);
    size_t length = address.length > offsetof(sockaddr_un, sun_path) ? address.length - offsetof(sockaddr_un, sun_path) : 0;
    if (length > 0 && local->sun_path[0] != '\0') length = strnlen(local->sun_path, length);
    result.Set("family", "Unix");
    result.Set("path", Napi::String::New(env, local->sun_path, length));
  }
  return result;
}

// A socket file that nobody listens behind is what a process left that had no time to remove it.
bool IsStale(const SocketAddress& address, const char* path) {
  struct stat found {};
  if (lstat(path, &found) != 0 || !S_ISSOCK(found.st_mode)) return false;
  Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.get() < 0) return false;
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0 && errno == ECONNREFUSED;
}

int SocketOption(Napi::Env env, int fd, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  if (getsockopt(fd, SOL_SOCKET, name, &value, &length) != 0) throw ErrnoError(env, "getsockopt", errno);
  return value;
}

using NameCall = int (*)(int, sockaddr*, socklen_t*);
Napi::Value NameOf(const Napi::CallbackInfo& info, const char* name, NameCall call) {
  int fd = info[0].ToNumber().Int32Value();
  SocketAddress address;
  address.length = sizeof address.storage;
  if (call(fd, address.get(), &address.length) != 0) throw ErrnoError(info.Env(), name, errno);
  return ToObject(info.Env(), address);
}

}  // namespace

int ListeningSocket(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsObject()) throw Napi::TypeError::New(env, "Cannot listen without options");
  auto options = info[0].As<Napi::Object>();
  bool local = options.Has("path") && options.Get("path").IsString();
  std::string path = local ? options.Get("path").ToString().Utf8Value() : "";
  bool file = local && path[0] != '\0';
  SocketAddress address =
      local ? UnixAddress(env, path)
            : InternetAddress(env, options.Get("address").ToString(),
                              static_cast<uint16_t>(options.Get("port").ToNumber().Uint32Value()));
  Descriptor socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) throw ErrnoError(env, "socket", errno);
  if (!local) {
    SetOption(env, socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (Flag(options, "reusePort") && !Flag(options, "claim")) SetOption(env, socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    // Inherited by accepted sockets: no call per connection.
    SetOption(env, socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    if (address.storage.ss_family == AF_INET6)
      SetOption(env, socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, Flag(options, "ipv6Only") ? 1 : 0);
  }
  int bound = bind(socket.get(), address.get(), address.length);
  if (bound != 0 && errno == EADDRINUSE && file && Flag(options, "replaceStale")) {
    if (IsStale(address, path.c_str()) && unlink(path.c_str()) == 0)
      bound = bind(socket.get(), address.get(), address.length);
    else
      errno = EADDRINUSE;
  }
  if (bound != 0) throw ErrnoError(env, "bind", errno);
  // Nobody can connect before listen(): there is no moment in which the file has other permissions.
  if (file && options.Has("mode") && options.Get("mode").IsNumber() &&
      chmod(path.c_str(), options.Get("mode").ToNumber().Uint32Value() & 0777) != 0) {
    int error = errno;
    unlink(path.c_str());
    throw ErrnoError(env, "chmod", error);
  }
  // Bound alone, so that a port in use is an error; from here on others may join.
  if (!local && Flag(options, "reusePort") && Flag(options, "claim"))
    SetOption(env, socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  int backlog = options.Get("backlog").ToNumber().Int32Value();
  if (listen(socket.get(), backlog) != 0) throw ErrnoError(env, "listen", errno);
  return socket.release();
}

Napi::Value OpenListener(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), ListeningSocket(info));
}

void AdoptListener(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd = info[0].ToNumber().Int32Value();
  if (SocketOption(env, fd, SO_TYPE) != SOCK_STREAM || SocketOption(env, fd, SO_ACCEPTCONN) == 0)
    throw Napi::TypeError::New(env, "Cannot listen on descriptor " + std::to_string(fd) + " as it is no listening stream socket");
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) throw ErrnoError(env, "fcntl", errno);
  // The ring does not wait for what is non-blocking: accept would answer EAGAIN.
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || ((flags & O_NONBLOCK) != 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0)) throw ErrnoError(env, "fcntl", errno);
  if (SocketOption(env, fd, SO_DOMAIN) != AF_UNIX) SetOption(env, fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

Napi::Value SocketName(const Napi::CallbackInfo& info) { return NameOf(info, "getsockname", getsockname); }
Napi::Value PeerName(const Napi::CallbackInfo& info) { return NameOf(info, "getpeername", getpeername); }

void CloseFd(const Napi::CallbackInfo& info) {
  if (::close(info[0].ToNumber().Int32Value()) != 0 && errno != EINTR) throw ErrnoError(info.Env(), "close", errno);
}

Napi::Value DuplicateFd(const Napi::CallbackInfo& info) {
  int copy = fcntl(info[0].ToNumber().Int32Value(), F_DUPFD_CLOEXEC, 3);
  if (copy < 0) throw ErrnoError(info.Env(), "fcntl", errno);
  return Napi::Number::New(info.Env(), copy);
}

}  // namespace ringbearer
