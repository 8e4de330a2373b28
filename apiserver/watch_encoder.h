// WatchEncoder: events as the lines of a watch response, in the form that the client asked for.
#pragma once

#include <optional>
#include <string>

#include "apiserver/call.h"
#include "apiserver/table.h"

namespace asya::apiserver {

class WatchEncoder {
 public:
  static Outcome<WatchEncoder> Create(const Context& context, const Call& call);

  // `type`: ADDED, MODIFIED or DELETED.
  std::string Line(const char* type, const std::string& object_bytes);
  std::string Bookmark(ports::Revision revision, bool initial_end);
  static std::string ErrorLine(const StatusError& error);

 private:
  WatchEncoder(const Clock& clock, const Resource& resource, Accepted accepted)
      : clock_(&clock), resource_(&resource), accepted_(std::move(accepted)) {}
  const Clock* clock_;
  const Resource* resource_;
  Accepted accepted_;
  std::optional<TableWriter> table_;
  bool definitions_sent_ = false;
};

}  // namespace asya::apiserver
