#include "gateway/page.h"

#include <algorithm>
#include <string>

namespace asya::gateway {

void ReadLimit(const http::Request& request, std::int64_t& limit, std::vector<Error>& errors) {
  const auto text = request.Query("limit");
  if (!text) return;
  const bool digits = !text->empty() && text->size() < 5 &&
                      std::all_of(text->begin(), text->end(), [](char c) { return c >= '0' && c <= '9'; });
  limit = digits ? std::stoll(*text) : 0;
  if (limit >= 1 && limit <= kPageItemsMax) return;
  errors.push_back(Invalid("limit", "got \"" + *text + "\"; 1 to " + std::to_string(kPageItemsMax) + " is accepted"));
}

}  // namespace asya::gateway
