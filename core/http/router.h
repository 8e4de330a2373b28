// Router: finds the handler of a method and a path such as "/api/v1/tasks/{id}".
#pragma once

#include <string>
#include <vector>

#include "core/http/message.h"

namespace asya::http {

class Router {
 public:
  // Segments in braces match one segment; a last "{name...}" matches the rest. Literal segments win over parameters.
  void Add(const std::string& method, const std::string& pattern, Handler handler);
  // Called where nothing matches; the default answers 404 (or 405 with Allow) as application/problem+json.
  void SetFallback(Handler handler);
  // Dispatches; decodes percent escapes of parameters.
  void Handle(Request request, Responder responder) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> segments;
    Handler handler;
  };
  std::vector<Route> routes_;
  Handler fallback_;
};

}  // namespace asya::http
