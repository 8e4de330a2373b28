// Selectors: label and field selectors in the grammar of Kubernetes.
#pragma once

#include <string_view>

#include "core/base/result.h"
#include "ports/object_store.h"

namespace asya::apiserver {

// "a=b, c!=d, e in (f, g), h notin (i), j, !k". Adds to `selector`; kInvalid with what was expected.
Status ParseLabelSelector(std::string_view text, ports::Selector& selector);

// "metadata.name=a,metadata.namespace!=b" with =, == and !=. kInvalid for another field. A namespace that is asked for
// is put into `namespace_only`. Contradictory names select nothing.
struct FieldSelection {
  std::optional<std::string> namespace_only;
  bool nothing = false;
};
// `of_events`: involvedObject.*, reason and type are selected too, which records of events carry as labels.
Result<FieldSelection> ParseFieldSelector(std::string_view text, bool of_events, ports::Selector& selector);

}  // namespace asya::apiserver
