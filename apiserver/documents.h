// Documents: what the API says about itself (discovery, OpenAPI, version), made once, with entity tags.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "apiserver/outcome.h"
#include "core/http/message.h"

namespace asya::apiserver {

struct Document {
  std::string body;
  std::string content_type = "application/json";
  std::string hash;
};
Document MakeDocument(std::string body, std::string content_type = "application/json");
// The document with its entity tag, or 304 where the client has it.
http::Response Serve(const Document& document, const http::Request& request);

// Discovery.
class Discovery {
 public:
  // `own_group_alone`: of asya.sh, and nothing of what Kubernetes serves itself.
  explicit Discovery(bool own_group_alone = false);
  // /api, /apis, /apis/G and /apis/G/V; nullopt for a group or version that is not served.
  [[nodiscard]] std::optional<Outcome<http::Response>> Handle(const http::Request& request, const std::string& group,
                                                              const std::string& version, bool core) const;

 private:
  std::map<std::string, Document> legacy_;      // by path
  std::map<std::string, Document> aggregated_;  // "/api" and "/apis"
};

// OpenAPI v3 (index and one document a group version) and v2, as JSON and in protobuf form.
class OpenApi {
 public:
  explicit OpenApi(bool own_group_alone = false);
  // Paths from "/openapi" on; nullopt for others.
  [[nodiscard]] std::optional<Outcome<http::Response>> Handle(const http::Request& request) const;

 private:
  std::map<std::string, Document> versions_;  // by "apis/asya.sh/v1alpha1"
  Document index_;
  Document v2_;
  Document v2_protobuf_;
};

http::Response VersionResponse(const std::string& product_version);

}  // namespace asya::apiserver
