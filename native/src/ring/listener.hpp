#pragma once
#include <napi.h>

namespace ringbearer {

// openListener({ family, address, port, path, backlog, reusePort, ipv6Only, noDelay }) -> fd of a listening socket.
int ListeningSocket(const Napi::CallbackInfo& info);
Napi::Value OpenListener(const Napi::CallbackInfo& info);
// socketName(fd) / peerName(fd) -> { family, address, port } or { family: 'Unix', path }.
Napi::Value SocketName(const Napi::CallbackInfo& info);
Napi::Value PeerName(const Napi::CallbackInfo& info);
// closeFd(fd).
void CloseFd(const Napi::CallbackInfo& info);

}  // namespace ringbearer
