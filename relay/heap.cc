#include "relay/heap.h"

#ifdef ASYA_MIMALLOC
#include <mimalloc.h>

#include <array>
#include <cstddef>
#endif

namespace asya::relay {
namespace {

#ifdef ASYA_MIMALLOC
constexpr long kKeptMs = 1000;
constexpr std::size_t kSpansMax = 8;
constexpr std::size_t kSpanBytesMax = std::size_t{8} << 20U;
constexpr std::size_t kSpanBytesMin = std::size_t{128} << 10U;

void KeepFor(long kept_ms) {
  ::mi_option_set(mi_option_decommit_delay, kept_ms);
  ::mi_option_set(mi_option_segment_decommit_delay, kept_ms);
}

// What was freed in a segment that is still in use goes back only when a block beside it is freed: so one is, of each
// size that leaves room for no larger one.
void TouchFreeSpans() {
  std::array<void*, kSpansMax> blocks{};
  for (std::size_t bytes = kSpanBytesMax; bytes >= kSpanBytesMin; bytes /= 4) {
    for (void*& block : blocks) block = ::mi_malloc(bytes);
    for (void* block : blocks) ::mi_free(block);
  }
}
#endif

}  // namespace

void KeepHeapSmall() {
#ifdef ASYA_MIMALLOC
  KeepFor(0);
#endif
}

void KeepHeapWarm() {
#ifdef ASYA_MIMALLOC
  KeepFor(kKeptMs);
#endif
}

void ShrinkHeap() {
#ifdef ASYA_MIMALLOC
  KeepFor(0);  // otherwise what is collected waits for its time too
  ::mi_collect(true);
  ::mi_collect(true);  // pages that the first has freed belong to segments that only now are
  TouchFreeSpans();
  KeepFor(kKeptMs);
#endif
}

}  // namespace asya::relay
