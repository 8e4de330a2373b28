#include "server/bootstrap.h"

#include <memory>

#include "core/base/random.h"
#include "core/json/value.h"

namespace asya::server {

Status Bootstrap(ports::ObjectStore& objects, const Clock& clock) {
  ports::ListQuery query;
  query.resource = "transports";
  query.limit = 1;
  ASYA_TRY(const ports::Page page, objects.List(query));
  if (!page.items.empty()) return Ok();
  ports::Record record;
  record.key = {"transports", "", "local"};
  record.uid = NewUuid();
  json::Object metadata = {
      {"name", "local"}, {"uid", record.uid}, {"generation", 1}, {"creationTimestamp", FormatRfc3339(clock.Now())}};
  record.json = std::make_shared<const std::string>(
      json::Dump(json::Object{{"apiVersion", "asya.sh/v1alpha1"},
                              {"kind", "Transport"},
                              {"metadata", std::move(metadata)},
                              {"spec", json::Object{{"type", "sqlite"}, {"default", true}}}}));
  const auto created = objects.Create(std::move(record), {"system:bootstrap", "asya-server", "create", true});
  if (!created.ok() && created.error().code != ErrorCode::kExists) return created.error();
  return Ok();
}

}  // namespace asya::server
