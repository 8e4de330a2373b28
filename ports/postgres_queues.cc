#include "ports/postgres_queues.h"

#include "core/base/percent.h"
#include "ports/field_text.h"

namespace asya::ports {
std::string PostgresUrl(const json::Value& block) {
  std::string url = "postgresql://" + FieldText(block, "host");
  if (block.Find("port") != nullptr) url += ":" + FieldText(block, "port");
  url += "/" + FieldText(block, "database");
  char next = '?';
  const auto add = [&](const std::string& parameter) {
    url += next + parameter;
    next = '&';
  };
  if (block.Find("sslMode") != nullptr) add("sslmode=" + FieldText(block, "sslMode"));
  if (block.Find("schema") != nullptr) add("options=" + PercentEncoded("-csearch_path=" + FieldText(block, "schema")));
  return url;
}

std::string QueueLengthStatement(const std::string& queue) {
  return "SELECT count(*) FROM messages m JOIN queues q ON q.id = m.queue_id WHERE q.name = '" + queue +
         "' AND (m.visible_at <= now() OR m.leased_until > now())";
}

}  // namespace asya::ports
