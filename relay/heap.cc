#include "relay/heap.h"

#ifdef ASYA_MIMALLOC
#include <mimalloc.h>
#endif

namespace asya::relay {

void KeepHeapSmall() {
#ifdef ASYA_MIMALLOC
  ::mi_option_set(mi_option_decommit_delay, 0);
  ::mi_option_set(mi_option_segment_decommit_delay, 0);
#endif
}

}  // namespace asya::relay
