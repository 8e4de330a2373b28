#include "core/http/message.h"

#include <algorithm>

namespace asya::http {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return Lower(x) == Lower(y); });
}

}  // namespace

std::optional<std::string> Headers::Get(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (SameName(key, name)) return value;
  }
  return std::nullopt;
}

void Headers::Set(std::string_view name, std::string value) {
  fields_.erase(
      std::remove_if(fields_.begin(), fields_.end(), [&](const auto& field) { return SameName(field.first, name); }),
      fields_.end());
  Add(name, std::move(value));
}

void Headers::Add(std::string_view name, std::string value) {
  fields_.emplace_back(std::string(name), std::move(value));
}

std::optional<std::string> Request::Query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

void Responder::Sink::ReadBody(Request /*request*/, Handler /*next*/) {
  Send(Response{500, "{\"title\":\"no body\",\"status\":500}", "application/problem+json", {}});
}

Handler WithBody(Handler next) {
  return [next = std::move(next)](Request request, Responder responder) {
    if (!request.body_pending) return next(std::move(request), std::move(responder));
    responder.ReadBody(std::move(request), next);
  };
}

}  // namespace asya::http
