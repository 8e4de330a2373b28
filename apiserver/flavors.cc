#include "apiserver/flavors.h"

#include "apiserver/object.h"
#include "model/kinds.h"

namespace asya::apiserver {

Outcome<std::vector<json::Value>> FlavorsOf(ports::ObjectStore& store, const json::Value& actor) {
  std::vector<json::Value> found;
  const json::Value* names = actor.FindPath({"spec", "flavors"});
  if (names == nullptr || !names->IsArray()) return found;
  const Resource& flavors = *FindResource(model::kGroup, model::kVersion, "flavors");
  for (const json::Value& name : names->AsArray()) {
    const auto record = store.Get(KeyOf(flavors, "", name.AsString()));
    if (record.ok()) {
      ASYA_TRY(json::Value flavor, StoredObjectOf(*record));
      found.push_back(std::move(flavor));
    } else if (record.error().code != ErrorCode::kNotFound) {
      return FromStore(record.error(), flavors, name.AsString());
    }
  }
  return found;
}

}  // namespace asya::apiserver
