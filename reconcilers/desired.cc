#include "reconcilers/desired.h"

#include <algorithm>

#include "ports/credentials.h"
#include "ports/resource.h"
#include "reconcilers/resolve.h"
#include "reconcilers/world.h"

namespace asya::reconcilers {
namespace {

bool Contains(const std::vector<ports::Observed>& observed, const ports::ResourceRef& ref) {
  return std::ranges::any_of(observed, [&ref](const auto& child) { return child.ref == ref; });
}

}  // namespace

ports::ResourceRef RefOf(const json::Value& object) {
  return {object.GetString("apiVersion").value_or(""), object.GetString("kind").value_or(""),
          ports::MetadataOf(object, "namespace"), NameOf(object)};
}

std::vector<DesiredApply> ToApply(const ports::RenderedSet& rendered, const std::vector<ports::Observed>& observed) {
  std::vector<DesiredApply> all;
  for (const auto& object : rendered.initial) {
    if (!Contains(observed, RefOf(object))) all.push_back({object, kInitialFieldManager});
  }
  for (const auto& object : rendered.objects) all.push_back({object, kFieldManager});
  return all;
}

std::vector<ports::ResourceRef> ToDelete(const ports::RenderedSet& rendered,
                                         const std::vector<ports::Observed>& observed) {
  std::vector<ports::ResourceRef> unwanted;
  for (const auto& child : observed) {
    const bool wanted = std::ranges::any_of(rendered.objects,
                                            [&child](const json::Value& object) { return RefOf(object) == child.ref; });
    if (!wanted) unwanted.push_back(child.ref);
  }
  return unwanted;
}

std::string NotServedHere(const json::Value& transport) {
  return "transport " + NameOf(transport) + " is of type " + ports::TransportType(transport) +
         ", which is not served here";
}

}  // namespace asya::reconcilers
