#include "apiserver/call.h"

#include <algorithm>
#include <utility>

#include "apiserver/object.h"
#include "apiserver/table.h"

namespace asya::apiserver {
namespace {

constexpr std::size_t kWarningsLimitBytes = 4U << 10U;

std::string WarningValue(const std::string& text) {
  std::string value = "299 - \"";
  for (const char c : text) {
    if (c == '"' || c == '\\') value += '\\';
    value += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return value + "\"";
}

}  // namespace

ports::ObjectKey Call::Key() const { return KeyOf(*resource, info.namespace_, info.name); }

ports::Author Call::Author(bool keep_history) const {
  // What was secret once may not come to light by what is kept for people to look at.
  const bool keep = keep_history && resource != &Secrets();
  return {user.name, request.headers.Get("User-Agent").value_or(""), info.verb, keep};
}

void Call::Warn(std::string text) {
  if (std::find(warnings.begin(), warnings.end(), text) == warnings.end()) warnings.push_back(std::move(text));
}

void AddWarnings(const Call& call, http::Response& response) {
  std::size_t total = 0;
  for (const std::string& warning : call.warnings) {
    total += warning.size();
    if (total > kWarningsLimitBytes) return;
    response.headers.Add("Warning", WarningValue(warning));
  }
}

Outcome<http::Response> AnswerObject(const Context& context, const Call& call, int status, const std::string& bytes) {
  http::Response response;
  response.status = status;
  switch (call.accepted.shape) {
    case Shape::kObject:
      response.body = bytes;
      break;
    case Shape::kPartialObject:
      response.body = PartialObject(bytes, call.accepted.version);
      break;
    case Shape::kPartialObjectList:
      return NotAcceptable("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, application/json");
    case Shape::kTable: {
      ASYA_TRY(const TableWriter table, TableWriter::Create(*call.resource, call.request, call.accepted.version));
      response.body = table.TableOfOne(bytes, context.clock.Now());
      break;
    }
  }
  AddWarnings(call, response);
  return response;
}

}  // namespace asya::apiserver
