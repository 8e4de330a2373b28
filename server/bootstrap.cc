#include "server/bootstrap.h"

#include <memory>

#include "core/base/random.h"

namespace asya::server {

Status Bootstrap(ports::ObjectStore& objects, const Clock& clock, const std::string& name,
                 const json::Value& transport_spec) {
  ports::ListQuery query;
  query.resource = "transports";
  query.limit = 1;
  ASYA_TRY(const ports::Page page, objects.List(query));
  if (!page.items.empty()) return Ok();
  ports::Record record;
  record.key = {"transports", "", name};
  record.uid = NewUuid();
  json::Object metadata = {
      {"name", name}, {"uid", record.uid}, {"generation", 1}, {"creationTimestamp", FormatRfc3339(clock.Now())}};
  record.json = std::make_shared<const std::string>(json::Dump(json::Object{{"apiVersion", "asya.sh/v1alpha1"},
                                                                            {"kind", "Transport"},
                                                                            {"metadata", std::move(metadata)},
                                                                            {"spec", transport_spec}}));
  const auto created = objects.Create(std::move(record), {"system:bootstrap", "asya-server", "create", true});
  if (!created.ok() && created.error().code != ErrorCode::kExists) return created.error();
  return Ok();
}

}  // namespace asya::server
