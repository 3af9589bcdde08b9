#include "mapping.hpp"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace ringbearer {

namespace {
constexpr size_t kHugePage = 2u << 20;
constexpr int kHugePageSize = 21 << MAP_HUGE_SHIFT;  // 2^21: MAP_HUGE_2MB of linux/mman.h
constexpr int kProtection = PROT_READ | PROT_WRITE;
constexpr int kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;

std::atomic<uint64_t> live_mappings{0};
std::atomic<uint64_t> live_bytes{0};

size_t RoundUp(size_t value, size_t to) { return (value + to - 1) / to * to; }

// Anonymous pages aligned to 2 MiB, so that transparent huge pages can form.
void* MapAligned(size_t length) {
  auto* raw = static_cast<char*>(mmap(nullptr, length + kHugePage, kProtection, kAnonymous | MAP_NORESERVE, -1, 0));
  if (raw == MAP_FAILED) return MAP_FAILED;
  auto* aligned = reinterpret_cast<char*>(RoundUp(reinterpret_cast<size_t>(raw), kHugePage));
  if (aligned > raw) munmap(raw, static_cast<size_t>(aligned - raw));
  char* end = raw + length + kHugePage;
  if (end > aligned + length) munmap(aligned + length, static_cast<size_t>(end - aligned - length));
  return aligned;
}

// V8 counts external memory as garbage to come, and collects when there is much of it. Ours lives as long as its ring: counted, it
// would cost a server of large bodies a full collection for every few of them.
// From Node.js 23 on it stays counted: that V8 takes the length of a buffer off its total before the finalizer could give the
// discount back, and ends the process when the total would fall below zero. Measured with 150 bodies of 4 MiB echoed, counted and
// discounted: 37 and 38 full collections on Node.js 24, 49 and 42 on 26; no difference in CPU time above the noise.
bool DiscountIsSafe(napi_env env) {
  const napi_node_version* version = nullptr;
  return napi_get_node_version(env, &version) == napi_ok && version->major < 23;
}

void DiscountFromHeap(napi_env env, int64_t bytes) {
  if (!DiscountIsSafe(env)) return;
  int64_t total;
  napi_adjust_external_memory(env, -bytes, &total);
}

// madvise succeeds where the administrator has turned transparent huge pages off: what it asks for is only never done.
bool TransparentHugePagesAreOff() {
  std::ifstream setting("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string text;
  return !std::getline(setting, text) || text.find("[never]") != std::string::npos;
}

std::string WhyNotHugeTlb(int error) {
  if (error == ENOMEM) return "hugetlb: not enough huge pages are free (sysctl vm.nr_hugepages)";
  return std::string("hugetlb: ") + std::strerror(error);
}
}  // namespace

std::shared_ptr<Mapping> Mapping::Anonymous(size_t length, bool try_huge_pages, std::string* why_not) {
  PageKind kind = PageKind::kSmall;
  void* address = MAP_FAILED;
  if (try_huge_pages && length >= kHugePage) {
    size_t rounded = RoundUp(length, kHugePage);
    // Without MAP_NORESERVE: pages that are not there fail here, and not as SIGBUS when they are touched.
    address = mmap(nullptr, rounded, kProtection, kAnonymous | MAP_HUGETLB | kHugePageSize, -1, 0);
    if (address != MAP_FAILED) {
      kind = PageKind::kHugeTlb;
      length = rounded;
    } else {
      if (why_not != nullptr) *why_not = WhyNotHugeTlb(errno);
      address = MapAligned(rounded);
      if (address != MAP_FAILED) {
        length = rounded;
        int refused = madvise(address, length, MADV_HUGEPAGE) == 0 ? 0 : errno;
        if (refused == 0 && !TransparentHugePagesAreOff()) kind = PageKind::kTransparentHuge;
        else if (why_not != nullptr)
          *why_not += refused == 0 ? "; thp: off (/sys/kernel/mm/transparent_hugepage/enabled is never)"
                                   : std::string("; thp: ") + std::strerror(refused);
      }
    }
  }
  if (address == MAP_FAILED) {
    length = RoundUp(length, 4096);
    address = mmap(nullptr, length, kProtection, kAnonymous, -1, 0);
  }
  if (address == MAP_FAILED) return nullptr;
  madvise(address, length, MADV_DONTFORK);
  return std::shared_ptr<Mapping>(new Mapping(address, length, kind));
}

std::shared_ptr<Mapping> Mapping::Adopt(void* address, size_t length) {
  madvise(address, length, MADV_DONTFORK);
  return std::shared_ptr<Mapping>(new Mapping(address, length, PageKind::kSmall));
}

Mapping::Mapping(void* address, size_t length, PageKind kind) : address_(address), length_(length), page_kind_(kind) {
  live_mappings++;
  live_bytes += length;
}

Mapping::~Mapping() {
  munmap(address_, length_);
  live_mappings--;
  live_bytes -= length_;
}

Mapping::Totals Mapping::Live() { return {live_mappings, live_bytes}; }

void Mapping::Surrender() {
  mmap(address_, length_, kProtection, kAnonymous | MAP_FIXED | MAP_NORESERVE, -1, 0);
}

bool Mapping::Contains(uint64_t address, uint64_t length) const {
  auto base = reinterpret_cast<uint64_t>(address_);
  return address >= base && length <= length_ && address - base <= length_ - length;
}

Napi::Value Mapping::ToArrayBuffer(Napi::Env env, const std::shared_ptr<Mapping>& self) {
  auto* hint = new std::shared_ptr<Mapping>(self);
  napi_value result;
  napi_status status = napi_create_external_arraybuffer(
      env, address_, length_,
      [](napi_env env, void*, void* data) {
        auto* mapping = static_cast<std::shared_ptr<Mapping>*>(data);
        DiscountFromHeap(env, -static_cast<int64_t>((*mapping)->length()));
        delete mapping;
      },
      hint, &result);
  if (status == napi_ok) {
    DiscountFromHeap(env, static_cast<int64_t>(length_));
    return Napi::Value(env, result);
  }
  delete hint;
  throw Napi::Error::New(env, status == napi_no_external_buffers_allowed
                                  ? "Cannot map ring memory as this runtime refuses external ArrayBuffers: run under plain Node.js"
                                  : "Cannot create an external ArrayBuffer over mapped memory");
}

}  // namespace ringbearer
