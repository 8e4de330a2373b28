#include "apiserver/access/roles.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "apiserver/access/attributes.h"
#include "model/validate/syntax.h"

namespace asya::apiserver {
namespace {

// What a call takes.
struct Need {
  enum class Where { kAnywhere, kNamespace, kEverywhere };
  Role role = Role::kAdmin;
  Where where = Where::kEverywhere;
  std::string namespace_{};
};

Need Everywhere(Role role) { return {role, Need::Where::kEverywhere}; }
Need In(std::string namespace_, Role role) {
  return namespace_.empty() ? Everywhere(role) : Need{role, Need::Where::kNamespace, std::move(namespace_)};
}

bool IsRead(const std::string& verb) { return verb == "get" || verb == "list" || verb == "watch"; }
bool IsWrite(const std::string& verb) {
  constexpr const char* kWrites[] = {"create", "update", "patch", "delete", "deletecollection"};
  return std::find(std::begin(kWrites), std::end(kWrites), verb) != std::end(kWrites);
}

Need OfNamespaces(const Call& call) {
  const std::string& verb = call.info.verb;
  // A client that asks what it may do names the namespace that it is in, where a list is of all.
  const bool lists = verb == "list" || verb == "watch";
  std::string name = call.info.name.empty() && !lists ? call.info.namespace_ : call.info.name;
  if (name.empty() && lists) name = NameSelected(call);
  if (IsRead(verb)) return In(std::move(name), Role::kView);
  const bool own = verb == "update" || verb == "patch" || verb == "delete";
  return own && call.info.subresource.empty() ? In(std::move(name), Role::kAdmin) : Everywhere(Role::kAdmin);
}

Need NeedOf(const Call& call) {
  const std::string& verb = call.info.verb;
  const std::string& part = call.info.subresource;
  if (call.resource->group.empty() && call.resource->kind.plural == "namespaces") return OfNamespaces(call);
  const bool secret = call.resource == &Secrets();
  const bool reads = IsRead(verb) && part != "restore" && !secret;
  if (!call.resource->kind.namespaced)
    return reads ? Need{Role::kView, Need::Where::kAnywhere} : Everywhere(Role::kAdmin);
  if (reads) return In(call.info.namespace_, Role::kView);
  // A status is written by what acts on the object, and is believed by people and tools.
  if (!(IsWrite(verb) || (secret && IsRead(verb))) || part == "status") return Everywhere(Role::kAdmin);
  return In(call.info.namespace_, Role::kEdit);
}

}  // namespace

class Roles::Reader {
 public:
  explicit Reader(Roles& roles) : roles_(roles) {}

  void Read(const json::Value& document) {
    if (!document.IsObject()) return Wrong("", "a map with the field bindings is accepted");
    OnlyFields(document, "", {"bindings"});
    const json::Value* bindings = document.Find("bindings");
    if (bindings == nullptr || !bindings->IsArray()) return Wrong("bindings", "a list is accepted");
    if (bindings->AsArray().size() > kBindingsMax) {
      return Wrong("bindings", "at most " + std::to_string(kBindingsMax) + " are accepted");
    }
    std::size_t index = 0;
    for (const json::Value& binding : bindings->AsArray()) {
      ReadBinding("bindings[" + std::to_string(index++) + "]", binding);
    }
  }
  [[nodiscard]] const std::string& mistakes() const { return mistakes_; }

 private:
  void Wrong(const std::string& path, const std::string& what) {
    constexpr std::size_t kShownBytesMax = 2048;
    if (mistakes_.size() > kShownBytesMax) return;
    if (!mistakes_.empty()) mistakes_ += "; ";
    if (!path.empty()) mistakes_ += path + ": ";
    mistakes_ += what;
  }
  void OnlyFields(const json::Value& object, const std::string& path, const std::set<std::string>& known) {
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const auto& [name, value] : object.AsObject()) {
      if (known.count(name) == 0) Wrong(prefix + name, "unknown field");
    }
  }
  std::set<std::string, std::less<>> Names(const json::Value& binding, const std::string& path, const char* field) {
    std::set<std::string, std::less<>> names;
    const json::Value* list = binding.Find(field);
    if (list == nullptr) return names;
    const std::string place = path + "." + field;
    if (!list->IsArray() || list->AsArray().empty()) {
      Wrong(place, "a list of at least one name is accepted");
      return names;
    }
    for (const json::Value& name : list->AsArray()) {
      if (name.IsString() && !name.AsString().empty()) {
        names.insert(name.AsString());
      } else {
        Wrong(place,
              "got " + std::string(name.TypeName()) + "; names are accepted, in quotes where they look like numbers");
      }
    }
    return names;
  }
  std::optional<Role> ReadRole(const json::Value& binding, const std::string& path) {
    const std::string role = binding.GetString("role").value_or("");
    if (role == "view") return Role::kView;
    if (role == "edit") return Role::kEdit;
    if (role == "admin") return Role::kAdmin;
    Wrong(path + ".role", "view, edit or admin is accepted");
    return std::nullopt;
  }
  void ReadNamespaces(const json::Value& binding, const std::string& path, Grant& grant) {
    const std::string place = path + ".namespaces";
    if (binding.Find("namespaces") == nullptr) Wrong(place, "is missing; names, or \"*\" for all, are accepted");
    grant.namespaces = Names(binding, path, "namespaces");
    grant.everywhere = grant.namespaces.erase(kEveryNamespace) > 0;
    if (grant.everywhere && !grant.namespaces.empty()) Wrong(place, "\"*\" stands for all and has to be alone");
    for (const std::string& name : grant.namespaces) {
      if (!model::IsDnsLabel(name)) Wrong(place, json::Quote(name) + " is no name of a namespace");
    }
  }
  void ReadBinding(const std::string& path, const json::Value& binding) {
    if (!binding.IsObject()) return Wrong(path, "a map with role, users, groups and namespaces is accepted");
    OnlyFields(binding, path, {"role", "users", "groups", "namespaces"});
    Grant grant;
    if (const auto role = ReadRole(binding, path)) grant.role = *role;
    ReadNamespaces(binding, path, grant);
    const auto users = Names(binding, path, "users");
    const auto groups = Names(binding, path, "groups");
    if (binding.Find("users") == nullptr && binding.Find("groups") == nullptr) {
      Wrong(path, "users or groups are needed");
    }
    for (const std::string& name : users) roles_.users_[name].push_back(grant);
    for (const std::string& name : groups) roles_.groups_[name].push_back(grant);
  }

  Roles& roles_;
  std::string mistakes_;
};

Result<Roles> Roles::Parse(const json::Value& document) {
  Roles roles;
  Reader reader(roles);
  reader.Read(document);
  if (!reader.mistakes().empty()) return asya::Invalid("", reader.mistakes());
  return roles;
}

bool Roles::Allows(const Call& call) const {
  const User& user = call.user;
  if (std::find(user.groups.begin(), user.groups.end(), kMastersGroup) != user.groups.end()) return true;
  const Need need = NeedOf(call);
  const auto enough = [&need](const Grant& grant) {
    if (grant.role < need.role) return false;
    if (grant.everywhere || need.where == Need::Where::kAnywhere) return true;
    return need.where == Need::Where::kNamespace && grant.namespaces.count(need.namespace_) > 0;
  };
  const auto granted = [&enough](const Grants& grants, const std::string& name) {
    const auto found = grants.find(name);
    return found != grants.end() && std::any_of(found->second.begin(), found->second.end(), enough);
  };
  return granted(users_, user.name) || granted(groups_, kAuthenticatedGroup) ||
         std::any_of(user.groups.begin(), user.groups.end(),
                     [&](const std::string& group) { return granted(groups_, group); });
}

Authorizer ByRoles(std::shared_ptr<const Current<Roles>> roles) {
  return [roles = std::move(roles)](const Call& call) -> Outcome<Done> {
    if (roles->Get()->Allows(call)) return Done{};
    return Denial(call, "");
  };
}

}  // namespace asya::apiserver
