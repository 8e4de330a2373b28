#include "relay/endpoint.h"

#include <algorithm>
#include <array>

#include "core/base/clock.h"
#include "core/json/parse.h"

namespace asya::relay {
namespace {

constexpr std::size_t kSecretBytes = 8;  // shorter ones would cut words out of every message

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }

// Splits "host[:port]" with the brackets of an IPv6 address.
Result<Address> AuthorityOf(std::string_view text, bool tls) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  ASYA_TRY(Address address, ParseAddress(has_port ? std::string(text) : std::string(text) + (tls ? ":443" : ":80")));
  if (address.is_unix() || address.host.empty()) return Invalid("url", "has no host");
  return address;
}

Status ReadUrl(std::string_view url, Endpoint& endpoint) {
  endpoint.tls = url.substr(0, 8) == "https://";
  if (!endpoint.tls && url.substr(0, 7) != "http://") return Invalid("url", "does not begin with http:// or https://");
  url.remove_prefix(endpoint.tls ? 8 : 7);
  const std::size_t path = std::min(url.find_first_of("/?"), url.size());
  endpoint.authority = std::string(url.substr(0, path));
  if (endpoint.authority.find('@') != std::string::npos) return Invalid("url", "must not carry a user or password");
  if (std::any_of(url.begin(), url.end(), IsControl) || url.find('#') != std::string_view::npos) {
    return Invalid("url", "holds a space, a control character or a fragment");
  }
  const auto address = AuthorityOf(endpoint.authority, endpoint.tls);
  if (!address.ok()) return Invalid("url", "http://host[:port]/path is accepted");
  endpoint.address = *address;
  endpoint.target =
      path < url.size() && url[path] == '/' ? std::string(url.substr(path)) : "/" + std::string(url.substr(path));
  return Ok();
}

// The URL is that of the server's API, as its other clients take it; what is called in it is the protocol's matter.
void CompleteTarget(Endpoint& endpoint) {
  const std::string_view end = endpoint.protocol == Endpoint::Protocol::kChat    ? "/chat/completions"
                               : endpoint.protocol == Endpoint::Protocol::kInfer ? "/infer"
                                                                                 : "";
  const std::size_t query = std::min(endpoint.target.find('?'), endpoint.target.size());
  std::string path = endpoint.target.substr(0, query);
  if (end.empty() || EndsWith(path, end)) return;
  if (path.back() == '/') path.pop_back();
  endpoint.target = path + std::string(end) + endpoint.target.substr(query);
}

// Fills in $(NAME); kInvalid names what is missing, never a value.
Result<std::string> FillIn(std::string_view text, const Variable& variable, std::vector<std::string>& secrets) {
  std::string out;
  while (!text.empty()) {
    const std::size_t begin = text.find("$(");
    out += text.substr(0, begin);
    if (begin == std::string_view::npos) break;
    const std::size_t end = text.find(')', begin);
    if (end == std::string_view::npos) return Invalid("", "\"$(\" without \")\"");
    const std::string name(text.substr(begin + 2, end - begin - 2));
    if (name.rfind("ASYA_", 0) == 0) return Invalid("", name + " is the relay's own");
    const auto value = variable(name);
    if (!value) return Invalid("", "the variable " + name + " is not set; secretRefs and env set variables");
    if (value->size() >= kSecretBytes) secrets.push_back(*value);
    out += *value;
    text.remove_prefix(end + 1);
  }
  return out;
}

bool IsToken(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

Status AddHeader(const std::string& name, const json::Value& value, const Variable& variable, Endpoint& endpoint) {
  static constexpr std::array<std::string_view, 7> kOwn = {
      "host", "content-length", "transfer-encoding", "te", "connection", "accept-encoding", "upgrade"};
  if (!IsToken(name)) return Invalid("", "is no name of a header");
  if (std::find(kOwn.begin(), kOwn.end(), Lower(name)) != kOwn.end()) return Invalid("", "is set by the relay");
  if (!value.IsString()) return Invalid("", "a text is accepted");
  ASYA_TRY(std::string filled, FillIn(value.AsString(), variable, endpoint.secrets));
  // Secrets that were made from a file tend to end in a newline.
  while (!filled.empty() && (filled.back() == '\n' || filled.back() == '\r')) filled.pop_back();
  if (std::any_of(filled.begin(), filled.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
    return Invalid("", "the value holds a control character");
  }
  const std::size_t space = filled.rfind(' ');
  const std::string last = space == std::string::npos ? filled : filled.substr(space + 1);
  if (last.size() >= kSecretBytes) endpoint.secrets.push_back(last);
  endpoint.headers.emplace_back(name, std::move(filled));
  return Ok();
}

void ReadHeaders(const json::Value& value, const Variable& variable, Endpoint& endpoint, std::vector<Error>& problems) {
  const json::Value* headers = value.Find("headers");
  if (headers == nullptr || headers->IsNull()) return;
  if (!headers->IsObject()) {
    problems.push_back(Invalid("headers", "an object {name: text} is accepted"));
    return;
  }
  for (const auto& [name, text] : headers->AsObject()) {
    if (const Status added = AddHeader(name, text, variable, endpoint); !added.ok()) {
      problems.push_back(Invalid("headers[" + name + "]", added.error().message));
    }
  }
}

void ReadReach(std::string_view allow, Endpoint& endpoint, std::vector<Error>& problems) {
  while (!allow.empty()) {
    const std::size_t comma = std::min(allow.find(','), allow.size());
    const std::string_view word = allow.substr(0, comma);
    allow.remove_prefix(std::min(comma + 1, allow.size()));
    if (word == "loopback") {
      endpoint.reach.loopback = true;
    } else if (word == "link-local") {
      endpoint.reach.link_local = true;
    } else {
      problems.push_back(Invalid("", "ASYA_ENDPOINT_ALLOW holds loopback and link-local, separated by commas"));
    }
  }
}

// Each member is a text but the headers, whose values may be secret and are not told.
void CheckMembers(const json::Object& members, std::vector<Error>& problems) {
  static constexpr std::array<std::string_view, 6> kTexts = {"input", "method", "output", "protocol", "timeout", "url"};
  for (const auto& [name, member] : members) {
    if (name == "headers") continue;
    if (std::find(kTexts.begin(), kTexts.end(), name) == kTexts.end()) {
      problems.push_back(
          Invalid(name, "unknown; url, protocol, method, headers, timeout, input and output are accepted"));
    } else if (!member.IsString() && !member.IsNull()) {
      problems.push_back(Invalid(name, "got " + json::Dump(member) + "; a text is accepted"));
    }
  }
}

void ReadPointer(const json::Value& value, const char* field, json::Pointer& target, std::vector<Error>& problems) {
  auto pointer = json::Pointer::Parse(value.GetString(field).value_or(""));
  if (pointer.ok()) {
    target = std::move(*pointer);
  } else {
    problems.push_back(Invalid(field, pointer.error().message));
  }
}

}  // namespace

Endpoint ParseEndpoint(std::string_view text, std::string_view allow, const Variable& variable,
                       std::vector<Error>& problems) {
  Endpoint endpoint;
  const auto value = json::Parse(text);
  if (!value.ok() || !value->IsObject()) {
    problems.push_back(Invalid("", "a JSON object is accepted"));
    return endpoint;
  }
  CheckMembers(value->AsObject(), problems);
  const std::string protocol = value->GetString("protocol").value_or("json");
  if (protocol == "openai") {
    endpoint.protocol = Endpoint::Protocol::kChat;
  } else if (protocol == "v2") {
    endpoint.protocol = Endpoint::Protocol::kInfer;
  } else if (protocol != "json") {
    problems.push_back(Invalid("protocol", "got \"" + protocol + "\"; one of json, openai, v2 is accepted"));
  }
  if (const Status read = ReadUrl(value->GetString("url").value_or(""), endpoint); read.ok()) {
    CompleteTarget(endpoint);
  } else {
    problems.push_back(read.error());
  }
  endpoint.method = value->GetString("method").value_or("POST");
  if (endpoint.method != "POST" && endpoint.method != "PUT" && endpoint.method != "GET") {
    problems.push_back(Invalid("method", "got \"" + endpoint.method + "\"; one of POST, PUT, GET is accepted"));
  }
  if (const auto timeout = value->GetString("timeout")) {
    endpoint.timeout = ParseGoDuration(*timeout);
    if (!endpoint.timeout || endpoint.timeout->count() == 0) {
      problems.push_back(Invalid("timeout", "got \"" + *timeout + "\"; a duration over 0 such as \"30s\" is accepted"));
    }
  }
  ReadPointer(*value, "input", endpoint.input, problems);
  ReadPointer(*value, "output", endpoint.output, problems);
  ReadHeaders(*value, variable, endpoint, problems);
  ReadReach(allow, endpoint, problems);
  return endpoint;
}

}  // namespace asya::relay
