// Endpoint: the model server that a relay calls instead of a runtime, as the actor's `endpoint` says.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/json/pointer.h"
#include "relay/address.h"
#include "relay/reach.h"

namespace asya::relay {

struct Endpoint {
  enum class Protocol {
    kJson,   // any JSON over HTTP
    kChat,   // OpenAI's chat completions
    kInfer,  // KServe's V2 inference protocol, in JSON
  };
  Protocol protocol = Protocol::kJson;
  bool tls = false;
  Address address;
  std::string authority;  // of the Host header
  std::string target;     // path and query
  std::string method = "POST";
  std::vector<std::pair<std::string, std::string>> headers;  // with the values that they refer to
  std::vector<std::string> secrets;                          // what an error must not repeat
  std::optional<std::chrono::microseconds> timeout;          // of one call; none: the actor's alone
  json::Pointer input;
  json::Pointer output;
  Reach reach;
};

// Value of a variable, for $(NAME) in the values of headers; nullopt when it is not set.
using Variable = std::function<std::optional<std::string>(const std::string& name)>;

// `text`: the JSON of spec.endpoint; `allow`: a list of "loopback" and "link-local". Appends every mistake to
// `problems`; none holds the value of a header.
Endpoint ParseEndpoint(std::string_view text, std::string_view allow, const Variable& variable,
                       std::vector<Error>& problems);

}  // namespace asya::relay
