#pragma once
#include <napi.h>

#include <cstddef>
#include <memory>
#include <string>

namespace ringbearer {

enum class PageKind { kSmall, kTransparentHuge, kHugeTlb };

// Memory from mmap that both JavaScript and the kernel see.
//
// Lifetime: a shared_ptr is held by the ArrayBuffer (until its finalizer ran) and by the ring whose requests may name the
// memory (until it is closed). munmap happens when both let go, so neither a forgotten view nor a request in flight can
// reach memory that became somebody else's.
class Mapping {
 public:
  // Anonymous memory, zeroed, not inherited by fork. Returns null when the system has none left (errno says why).
  // Where huge pages were asked for and not had, `why_not` says why, rung by rung.
  static std::shared_ptr<Mapping> Anonymous(size_t length, bool try_huge_pages, std::string* why_not = nullptr);
  // Takes over pages that liburing mapped.
  static std::shared_ptr<Mapping> Adopt(void* address, size_t length);

  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  // Replaces the pages by untouched anonymous memory: what was mapped is let go at once (a ring is only released when nothing
  // maps it), while the addresses stay ours and JavaScript views stay valid.
  void Surrender();

  // The one ArrayBuffer over this memory. Call once: V8 aborts on a second one over the same address.
  Napi::Value ToArrayBuffer(Napi::Env env, const std::shared_ptr<Mapping>& self);

  void* address() const { return address_; }
  size_t length() const { return length_; }
  PageKind page_kind() const { return page_kind_; }
  bool Contains(uint64_t address, uint64_t length) const;

  // What the process has mapped here, in all its threads: what tests for leaks count.
  struct Totals {
    uint64_t mappings;
    uint64_t bytes;
  };
  static Totals Live();

 private:
  Mapping(void* address, size_t length, PageKind kind);
  void* address_;
  size_t length_;
  PageKind page_kind_;
};

}  // namespace ringbearer
