// Bindings: which actors pods can be bound to, and with which parts: all of it in memory, so that no review waits for
// a database or a cluster.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/json/value.h"
#include "ports/composer.h"
#include "ports/object_store.h"

namespace asya::webhooks {

// The resources that have to be told to Bindings.
inline constexpr const char* kActors = "asyncactors";
inline constexpr const char* kFlavors = "flavors";
inline constexpr const char* kTransports = "transports";

// Thread safe. Fed by watches; what was rendered once is kept until something that it depends on changes.
class Bindings {
 public:
  using Parts = std::shared_ptr<const ports::InjectedParts>;

  // `composer` lives longer.
  explicit Bindings(const ports::Composer& composer) : composer_(composer) {}

  // All of a resource, as of now.
  void Replace(const std::string& resource, const ports::Records& all);
  void Put(const ports::Record& record);
  void Remove(const ports::ObjectKey& key);
  // kUnavailable until each of the resources was told once.
  [[nodiscard]] Status Ready() const;

  // The parts of the actor that goes by this name in routes. kUnavailable until Ready; kNotFound and kInvalid with what
  // to do about it.
  Result<Parts> Find(const std::string& namespace_, const std::string& actor);

 private:
  using Text = std::shared_ptr<const std::string>;
  using Identity = std::pair<std::string, std::string>;  // namespace, name in routes

  void PutLocked(const ports::Record& record);
  void RemoveLocked(const ports::ObjectKey& key);
  // What an actor is rendered from, with whatever it refers to.
  struct Sources {
    ports::ObjectKey key;
    Text actor;
    std::uint64_t change = 0;
  };
  [[nodiscard]] Result<Sources> FindActorLocked(const std::string& namespace_, const std::string& actor) const;
  [[nodiscard]] Result<ports::ComposeInput> InputLocked(json::Value actor) const;
  [[nodiscard]] Result<json::Value> TransportLocked(const json::Value& actor) const;
  [[nodiscard]] Status ReadyLocked() const;

  const ports::Composer& composer_;
  mutable std::mutex mutex_;
  std::set<std::string> told_;
  std::map<ports::ObjectKey, Text> objects_;
  std::map<Identity, std::set<std::string>> by_identity_;  // metadata.name
  std::map<ports::ObjectKey, Identity> identities_;
  std::map<ports::ObjectKey, Parts> rendered_;
  std::uint64_t changes_ = 0;  // so that nothing is kept that was rendered from what was before
};

}  // namespace asya::webhooks
