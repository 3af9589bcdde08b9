#pragma once
#include <napi.h>

namespace ringbearer {

// openListener({ address, port, path, backlog, reusePort, claim, ipv6Only, mode, replaceStale }) -> fd of a listening socket.
int ListeningSocket(const Napi::CallbackInfo& info);
Napi::Value OpenListener(const Napi::CallbackInfo& info);
// adoptListener(fd): checks that somebody else's socket listens, and makes it one that a ring can accept from.
void AdoptListener(const Napi::CallbackInfo& info);
// socketName(fd) / peerName(fd) -> { family, address, port } or { family: 'Unix', path }.
Napi::Value SocketName(const Napi::CallbackInfo& info);
Napi::Value PeerName(const Napi::CallbackInfo& info);
// closeFd(fd).
void CloseFd(const Napi::CallbackInfo& info);
// duplicateFd(fd): another descriptor of the same.
Napi::Value DuplicateFd(const Napi::CallbackInfo& info);

}  // namespace ringbearer
