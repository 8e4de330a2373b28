#include "ports/postgres_queues.h"

#include "core/base/percent.h"

namespace asya::ports {
namespace {

std::string Text(const json::Value& block, const char* field) {
  const json::Value* value = block.Find(field);
  if (value == nullptr) return {};
  return value->IsString() ? value->AsString() : json::Dump(*value);
}

}  // namespace

std::string PostgresUrl(const json::Value& block) {
  std::string url = "postgresql://" + Text(block, "host");
  if (block.Find("port") != nullptr) url += ":" + Text(block, "port");
  url += "/" + Text(block, "database");
  char next = '?';
  const auto add = [&](const std::string& parameter) {
    url += next + parameter;
    next = '&';
  };
  if (block.Find("sslMode") != nullptr) add("sslmode=" + Text(block, "sslMode"));
  if (block.Find("schema") != nullptr) add("options=" + PercentEncoded("-csearch_path=" + Text(block, "schema")));
  return url;
}

std::string QueueLengthStatement(const std::string& queue) {
  return "SELECT count(*) FROM messages m JOIN queues q ON q.id = m.queue_id WHERE q.name = '" + queue +
         "' AND (m.visible_at <= now() OR m.leased_until > now())";
}

}  // namespace asya::ports
