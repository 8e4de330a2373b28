#include "compositions/render.h"

#include <optional>
#include <set>

#include "compositions/actor_composer.h"
#include "model/kinds.h"
#include "model/transport_choice.h"
#include "model/validation.h"

namespace asya::compositions {

using model::NameOf;

namespace {

std::string Title(const json::Value& object) {
  return object.GetString("kind").value_or("document") + " " + json::Quote(NameOf(object));
}

// The manifests by kind, with all mistakes found on the way.
struct Sorted {
  std::vector<json::Value> actors;
  std::vector<json::Value> flavors;
  std::vector<json::Value> transports;
  std::vector<std::string> mistakes;
};

void Sort(json::Value object, std::set<std::string>& seen, Sorted& sorted) {
  const std::string kind_name = object.GetString("kind").value_or("");
  const model::KindInfo* kind = model::FindKindByName(kind_name);
  if (kind == nullptr) {
    std::string known;
    for (const model::KindInfo& info : model::Kinds()) known += (known.empty() ? "" : ", ") + info.kind;
    sorted.mistakes.push_back(Title(object) + ": kind: Unsupported value: " + json::Quote(kind_name) +
                              ": supported values: " + known);
    return;
  }
  for (const std::string& field : model::PruneUnknown(*kind, object)) {
    sorted.mistakes.push_back(Title(object) + ": unknown field " + json::Quote(field));
  }
  for (const model::Cause& cause : model::Validate(*kind, object, nullptr)) {
    sorted.mistakes.push_back(Title(object) + ": " + model::Describe(cause));
  }
  const json::Value* namespace_ = object.FindPath({"metadata", "namespace"});
  const std::string place = kind->namespaced ? (namespace_ != nullptr ? json::Dump(*namespace_) : "\"default\"") : "";
  if (!seen.insert(Title(object) + place).second) sorted.mistakes.push_back(Title(object) + ": is there twice");
  if (kind_name == "AsyncActor")
    sorted.actors.push_back(std::move(object));
  else if (kind_name == "Flavor")
    sorted.flavors.push_back(std::move(object));
  else if (kind_name == "Transport")
    sorted.transports.push_back(std::move(object));
}

json::Value LocalTransport() {
  return json::Object{{"apiVersion", model::kApiVersion},
                      {"kind", "Transport"},
                      {"metadata", json::Object{{"name", "local"}}},
                      {"spec", json::Object{{"type", "sqlite"}}}};
}

Result<RenderedActor> RenderActor(const json::Value& actor, const Sorted& sorted, const ActorComposer& composer) {
  ASYA_TRY(json::Value transport, model::ChooseTransport(actor, sorted.transports, LocalTransport()));
  RenderedActor rendered;
  rendered.transport = NameOf(transport) + " (" + transport.Find("spec")->GetString("type").value_or("") + ")";
  ASYA_TRY(ports::RenderedSet set,
           composer.Compose(ports::ComposeInput{actor, sorted.flavors, std::move(transport), {}}));
  rendered.name = NameOf(actor);
  rendered.namespace_ = actor.Find("metadata")->GetString("namespace").value_or("default");
  rendered.queue = set.queue.name;
  rendered.warnings = std::move(set.warnings);
  for (json::Value& object : set.objects) {
    const bool first = object.GetString("kind") == "Deployment" && !set.initial.empty();
    rendered.objects.push_back(first ? set.initial.front() : std::move(object));
  }
  return rendered;
}

}  // namespace

Result<std::vector<RenderedActor>> RenderManifests(const std::vector<json::Value>& manifests,
                                                   const Settings& settings) {
  Sorted sorted;
  std::set<std::string> seen;
  for (const json::Value& manifest : manifests) Sort(manifest, seen, sorted);
  const ActorComposer composer(settings);
  std::vector<RenderedActor> rendered;
  for (const json::Value& actor : sorted.mistakes.empty() ? sorted.actors : std::vector<json::Value>()) {
    auto one = RenderActor(actor, sorted, composer);
    if (one.ok()) {
      rendered.push_back(std::move(*one));
    } else {
      const Error& error = one.error();
      const bool named = error.field.empty() || error.message.find(error.field) != std::string::npos;
      sorted.mistakes.push_back(Title(actor) + ": " + (named ? "" : error.field + ": ") + error.message);
    }
  }
  if (sorted.mistakes.empty()) return rendered;
  std::string message;
  for (const std::string& mistake : sorted.mistakes) message += (message.empty() ? "" : "\n") + mistake;
  return Invalid("", message);
}

}  // namespace asya::compositions
