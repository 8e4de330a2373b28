// Listing: the answer of S3 to ListObjectsV2, read without trust.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"

namespace asya::claims::s3 {

struct ListedObject {
  std::string key;
  WallTime modified{};
};
struct Listing {
  std::vector<ListedObject> objects;
  bool truncated = false;  // there are more after the last
};

// kInvalid: it is no such answer. Keys come as they stand; ours have no character that XML would write otherwise.
Result<Listing> ReadListing(std::string_view xml);

// The word of S3 for why it refused, e.g. "SlowDown"; empty where the answer has none.
std::string RefusalCode(std::string_view xml);

}  // namespace asya::claims::s3
