// ClusterAccess: what the cluster around the API knows of users and namespaces.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace asya::ports {

struct Subject {
  std::string name;
  std::string uid;  // empty: not known
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;
};

// What a subject wants to do with a resource.
struct AccessQuestion {
  Subject subject;
  std::string verb;
  std::string group;
  std::string version;
  std::string resource;
  std::string subresource;
  std::string namespace_;  // empty: all, or none
  std::string name;        // empty: any
};

struct AccessAnswer {
  bool allowed = false;
  std::string reason;  // as the cluster words it; may be empty
};

enum class NamespaceState { kActive, kTerminating, kMissing };

// Blocking, thread safe; every call is bounded by a deadline. An error says that the cluster gave no answer, which is
// never to be taken for one.
class ClusterAccess {
 public:
  virtual ~ClusterAccess() = default;
  // Whom a bearer token stands for; nullopt for a token that is nobody's.
  virtual Result<std::optional<Subject>> ReviewToken(const std::string& token) = 0;
  virtual Result<AccessAnswer> ReviewAccess(const AccessQuestion& question) = 0;
  virtual Result<NamespaceState> StateOf(const std::string& namespace_) = 0;
};

}  // namespace asya::ports
