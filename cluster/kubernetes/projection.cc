#include "cluster/kubernetes/projection.h"

#include <algorithm>
#include <utility>

#include "core/base/sha256.h"

namespace asya::cluster::kubernetes {

json::Value Projected(const json::Value& whole, const json::Value& shape) {
  if (whole.IsObject() && shape.IsObject()) {
    json::Object part;
    for (const auto& [name, below] : shape.AsObject()) {
      const json::Value* value = whole.Find(name);
      if (value != nullptr) part[name] = Projected(*value, below);
    }
    return part;
  }
  if (whole.IsArray() && shape.IsArray()) {
    json::Array part;
    const std::size_t size = std::min(whole.AsArray().size(), shape.AsArray().size());
    for (std::size_t i = 0; i < size; ++i) part.push_back(Projected(whole.AsArray()[i], shape.AsArray()[i]));
    return part;
  }
  return whole;
}

json::Value Shortened(json::Value value) {
  if (value.IsObject()) {
    for (auto& [name, below] : value.AsObject()) below = Shortened(std::move(below));
  } else if (value.IsArray()) {
    for (json::Value& below : value.AsArray()) below = Shortened(std::move(below));
  } else if (value.IsString() && value.AsString().size() > kTextBytesMax) {
    return "sha256:" + Sha256Hex(value.AsString());
  }
  return value;
}

}  // namespace asya::cluster::kubernetes
