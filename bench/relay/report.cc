#include "bench/relay/report.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace asya::bench {

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string Spread(const std::vector<double>& values, int digits) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  char text[96];
  std::snprintf(text, sizeof text, "%.*f (%.*f-%.*f)", digits, Median(values), digits, *low, digits, *high);
  return text;
}

bool Bar(const std::string& name, double value, const char* sign, double limit) {
  const bool good = std::strcmp(sign, ">=") == 0 ? value >= limit : value <= limit;
  std::printf("bar %s value=%.2f limit%s%g %s\n", name.c_str(), value, sign, limit, good ? "ok" : "short");
  std::fflush(stdout);
  return good;
}

void Aim(const std::string& name, double value, double least) {
  std::printf("aim %s value=%.2f aim>=%g %s\n", name.c_str(), value, least, value >= least ? "reached" : "below");
  std::fflush(stdout);
}

}  // namespace asya::bench
