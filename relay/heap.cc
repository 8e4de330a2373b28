#include "relay/heap.h"

#ifdef ASYA_MIMALLOC
#include <mimalloc.h>
#endif

namespace asya::relay {
namespace {

#ifdef ASYA_MIMALLOC
constexpr long kKeptMs = 1000;

void KeepFor(long kept_ms) {
  ::mi_option_set(mi_option_decommit_delay, kept_ms);
  ::mi_option_set(mi_option_segment_decommit_delay, kept_ms);
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
  KeepFor(kKeptMs);
#endif
}

}  // namespace asya::relay
