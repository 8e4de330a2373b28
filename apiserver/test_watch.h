// WatchApi: the API with watches whose events can be told in a line. For tests of apiserver only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apiserver/test_api.h"

namespace asya::apiserver {

inline std::string Of(const json::Value& event, const char* pointer) {
  const json::Value* value = json::Pointer::Parse(pointer).value().Find(event);
  return value == nullptr ? "(absent)" : value->IsString() ? value->AsString() : json::Dump(*value);
}

// "ADDED a, MODIFIED a"
inline std::string Summary(const std::vector<json::Value>& events) {
  std::string text;
  for (const json::Value& event : events) {
    const std::string name = Of(event, "/object/metadata/name");
    text += (text.empty() ? "" : ", ") + Of(event, "/type") + (name == "(absent)" ? "" : " " + name);
  }
  return text;
}

class WatchApi : public TestApi {
 protected:
  std::unique_ptr<TestWatch> Watch(const std::string& query, const HeaderList& headers = {},
                                   const std::string& path = kActors) {
    const std::string address = server_->address();
    const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1)));
    return std::make_unique<TestWatch>(port, path + "?watch=true&" + query, headers);
  }
  std::string Head() { return std::to_string(store_.Head().value().get()); }
};

}  // namespace asya::apiserver
