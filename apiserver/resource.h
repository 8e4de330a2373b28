// Resource: a kind as this API serves it, by group, version and plural name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/kinds.h"

namespace asya::apiserver {

struct Resource {
  std::string group;  // empty for core/v1
  std::string version;
  model::KindInfo kind;
  std::vector<std::string> verbs;  // on the main resource, sorted

  // "asyncactors.asya.sh", or "namespaces" in the core group.
  [[nodiscard]] std::string Qualified() const;
  // "asya.sh/v1alpha1" or "v1".
  [[nodiscard]] std::string ApiVersion() const;
  [[nodiscard]] bool Allows(std::string_view verb) const;
  // Of our own kinds the writes are kept for people to look at.
  [[nodiscard]] bool has_history() const { return group == model::kGroup; }
};

// The kinds of asya.sh, and of core/v1 namespaces, events (to be read) and the Secrets in which Helm keeps releases.
const std::vector<Resource>& Resources();
// Of these, and of plans, which are not kept; nullptr when there is none.
const Resource* FindResource(std::string_view group, std::string_view version, std::string_view plural);
const Resource& Namespaces();
const Resource& Secrets();

}  // namespace asya::apiserver
