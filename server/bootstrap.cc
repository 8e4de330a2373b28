#include "server/bootstrap.h"

#include <memory>

#include "core/base/random.h"
#include "core/json/parse.h"
#include "model/transport_choice.h"

namespace asya::server {
namespace {

constexpr const char* kTransports = "transports";

ports::Author By(const char* verb) { return {"system:bootstrap", "asya-server", verb, true}; }

// Earlier versions marked it as default, which nobody had asked for: a manifest could not mark its own. Where it is the
// only one that is marked, nobody moves by this.
Status TakeMark(ports::ObjectStore& objects, const std::string& name, const json::Value& transport_spec) {
  const auto record = objects.Get({kTransports, "", name});
  if (!record.ok()) return record.error().code == ErrorCode::kNotFound ? Ok() : Status(record.error());
  ASYA_TRY(json::Value transport, json::Parse(*record->json));
  json::Value marked = transport_spec;
  marked["default"] = true;
  json::Value& metadata = transport["metadata"];
  if (metadata.GetInt("generation") != 1 || transport["spec"] != marked) return Ok();
  metadata["generation"] = 2;
  transport["spec"] = transport_spec;
  ports::Record written = *record;
  written.json = std::make_shared<const std::string>(json::Dump(transport));
  const auto updated = objects.Update(std::move(written), {record->revision, record->uid}, By("update"));
  return updated.ok() ? Ok() : Status(updated.error());
}

}  // namespace

Status Bootstrap(ports::ObjectStore& objects, const Clock& clock, const std::string& name,
                 const json::Value& transport_spec) {
  ports::ListQuery query;
  query.resource = kTransports;
  ASYA_TRY(const ports::Page page, objects.List(query));
  int marked = 0;
  for (const ports::Record& record : page.items) {
    ASYA_TRY(const json::Value transport, json::Parse(*record.json));
    marked += model::IsDefaultTransport(transport) ? 1 : 0;
  }
  if (marked == 1) return TakeMark(objects, name, transport_spec);
  if (!page.items.empty()) return Ok();
  ports::Record record;
  record.key = {kTransports, "", name};
  record.uid = NewUuid();
  json::Object metadata = {
      {"name", name}, {"uid", record.uid}, {"generation", 1}, {"creationTimestamp", FormatRfc3339(clock.Now())}};
  record.json = std::make_shared<const std::string>(json::Dump(json::Object{{"apiVersion", "asya.sh/v1alpha1"},
                                                                            {"kind", "Transport"},
                                                                            {"metadata", std::move(metadata)},
                                                                            {"spec", transport_spec}}));
  const auto created = objects.Create(std::move(record), By("create"));
  if (!created.ok() && created.error().code != ErrorCode::kExists) return created.error();
  return Ok();
}

}  // namespace asya::server
