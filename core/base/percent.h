// PercentEncoded: text as it may stand in a part of a URL or in a form.
#pragma once

#include <string>
#include <string_view>

namespace asya {

// Every byte but the unreserved characters of RFC 3986, 2.3 becomes %XX.
std::string PercentEncoded(std::string_view text);

}  // namespace asya
