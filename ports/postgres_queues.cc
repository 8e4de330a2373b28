#include "ports/postgres_queues.h"

#include "core/base/percent.h"
#include "ports/field_text.h"

namespace asya::ports {
namespace {

// One name as SQL quotes it, whose case then counts, and as the server takes it in its options, which blanks end.
std::string OptionOfName(const std::string& name) {
  std::string option = "\"";
  for (const char c : name) {
    if (c == '"') option += '"';
    if (c == ' ' || c == '\\') option += '\\';
    option += c;
  }
  return option + '"';
}

}  // namespace

std::string PostgresUrl(const json::Value& block) {
  std::string url = "postgresql://" + FieldText(block, "host");
  if (block.Find("port") != nullptr) url += ":" + FieldText(block, "port");
  url += "/" + PercentEncoded(FieldText(block, "database"));
  char next = '?';
  const auto add = [&](const std::string& parameter) {
    url += next + parameter;
    next = '&';
  };
  if (block.Find("sslMode") != nullptr) add("sslmode=" + FieldText(block, "sslMode"));
  const std::string schema = FieldText(block, "schema");
  if (!schema.empty()) add("options=" + PercentEncoded("-csearch_path=" + OptionOfName(schema)));
  return url;
}

std::string QueueLengthStatement(const std::string& queue) {
  return "SELECT count(*) FROM messages m JOIN queues q ON q.id = m.queue_id WHERE q.name = '" + queue +
         "' AND (m.visible_at <= now() OR m.leased_until > now())";
}

}  // namespace asya::ports
