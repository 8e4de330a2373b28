// The heap of a relay's program.
#pragma once

namespace asya::relay {

// What a burst of large payloads needed goes back to the system at once; a relay at rest would keep it for good, since
// its heap looks at nothing while nothing is asked of it.
void KeepHeapSmall();

}  // namespace asya::relay
