#include "claims/s3/listing.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace asya::claims::s3 {
namespace {

constexpr std::size_t kCodeLimitBytes = 64;

// What stands between <name> and </name>, from `from` on, which is moved behind it.
std::optional<std::string_view> Element(std::string_view xml, std::string_view name, std::size_t& from) {
  const std::string opening = "<" + std::string(name) + ">";
  const std::string closing = "</" + std::string(name) + ">";
  const std::size_t begin = xml.find(opening, from);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::size_t end = xml.find(closing, begin + opening.size());
  if (end == std::string_view::npos) return std::nullopt;
  from = end + closing.size();
  return xml.substr(begin + opening.size(), end - begin - opening.size());
}

std::optional<std::string_view> Element(std::string_view xml, std::string_view name) {
  std::size_t from = 0;
  return Element(xml, name, from);
}

}  // namespace

Result<Listing> ReadListing(std::string_view xml) {
  if (xml.find("<ListBucketResult") == std::string_view::npos ||
      xml.find("</ListBucketResult>") == std::string_view::npos) {
    return Invalid("", "the answer is no list of objects");
  }
  Listing listing;
  std::size_t from = 0;
  while (const auto contents = Element(xml, "Contents", from)) {
    const auto key = Element(*contents, "Key");
    const auto modified = Element(*contents, "LastModified");
    const auto time = modified ? ParseRfc3339(*modified) : std::nullopt;
    if (!key || !time) return Invalid("", "an object in the list has no key or no time");
    listing.objects.push_back({std::string(*key), *time});
  }
  listing.truncated = Element(xml, "IsTruncated") == "true";
  if (listing.truncated && listing.objects.empty()) return Invalid("", "the list has more, and nothing to go on from");
  return listing;
}

std::string RefusalCode(std::string_view xml) {
  const auto code = Element(xml, "Code");
  const bool plain = code && code->size() <= kCodeLimitBytes &&
                     std::all_of(code->begin(), code->end(), [](unsigned char c) { return std::isalnum(c) != 0; });
  return plain ? std::string(*code) : "";
}

}  // namespace asya::claims::s3
