// The heap of a relay's program.
#pragma once

namespace asya::relay {

// What a burst of large payloads needed goes back to the system at once; a relay at rest would keep it for good, since
// its heap looks at nothing while nothing is asked of it. For programs whose transport has threads of its own.
void KeepHeapSmall();

// For programs of one thread: it is kept while there is work, since new memory for each large payload costs more than
// all the rest of a hop, and goes back when ShrinkHeap is called at rest.
void KeepHeapWarm();
void ShrinkHeap();

}  // namespace asya::relay
