// Table: objects as rows for printing, by the Table kind of meta.k8s.io.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/outcome.h"
#include "apiserver/resource.h"
#include "core/base/clock.h"
#include "core/http/message.h"

namespace asya::apiserver {

class TableWriter {
 public:
  enum class Include { kNone, kMetadata, kObject };
  // From the query: includeObject=None|Metadata|Object.
  static Outcome<TableWriter> Create(const Resource& resource, const http::Request& request, std::string version);

  // A row of one object's bytes, put at the end of `rows`.
  void AppendRow(std::string_view object_bytes, WallTime now, std::string& rows) const;
  // What stands before the rows of a table, which are joined by commas. `list_metadata` is a JSON object; definitions
  // are left out where told.
  [[nodiscard]] std::string Opening(std::string_view list_metadata, bool definitions = true) const;
  static constexpr std::string_view kClosing = "]}";
  // A table of one object, at that object's revision.
  [[nodiscard]] std::string TableOfOne(std::string_view object_bytes, WallTime now, bool definitions = true) const;
  // The table of a bookmark: its only row says which revision was reached, whatever includeObject asks for.
  [[nodiscard]] std::string TableOfBookmark(std::string_view object_bytes, WallTime now, bool definitions) const;

 private:
  void AppendRow(std::string_view object_bytes, WallTime now, Include include, std::string& rows) const;
  TableWriter(const Resource& resource, Include include, std::string version)
      : resource_(&resource), include_(include), version_(std::move(version)) {}
  const Resource* resource_;
  Include include_;
  std::string version_;
};

}  // namespace asya::apiserver
