// Roles: what users and groups may do, in which namespaces or everywhere; the authorizer of a server without a cluster.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "apiserver/access/current.h"
#include "apiserver/call.h"
#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::apiserver {

// Each may do what those before it may.
enum class Role { kView, kEdit, kAdmin };

inline constexpr std::size_t kBindingsMax = 10'000;
inline constexpr const char* kEveryNamespace = "*";
// Who needs no role, as with kube-apiserver; for the first certificate of a new server.
inline constexpr const char* kMastersGroup = "system:masters";
// In which everybody is who is known.
inline constexpr const char* kAuthenticatedGroup = "system:authenticated";

class Roles {
 public:
  // Nobody has a role.
  Roles() = default;

  // bindings: a list of {role: view|edit|admin, users: [name], groups: [name], namespaces: [name] or ["*"]}, of which
  // users or groups may be missing. kInvalid names every mistake by its path.
  static Result<Roles> Parse(const json::Value& document);

  // Whether the user of the call may do what it asks for:
  // - view reads what is in its namespaces, and the namespace itself; whoever has a role anywhere reads the
  //   cluster-scoped kinds of asya.sh, since actors name them;
  // - edit also writes actors and flows, scales and restores them, and reads and writes Secrets;
  // - admin also changes and deletes the namespace itself;
  // - admin of every namespace may do everything: write cluster-scoped kinds, make namespaces, write status.
  [[nodiscard]] bool Allows(const Call& call) const;

 private:
  struct Grant {
    Role role = Role::kView;
    bool everywhere = false;
    std::set<std::string, std::less<>> namespaces;
  };
  using Grants = std::map<std::string, std::vector<Grant>, std::less<>>;
  class Reader;

  Grants users_;
  Grants groups_;
};

// Refuses as kube-apiserver does, in the same words.
Authorizer ByRoles(std::shared_ptr<const Current<Roles>> roles);

}  // namespace asya::apiserver
