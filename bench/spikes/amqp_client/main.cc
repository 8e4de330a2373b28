#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

#include "hop.h"
#include "transports/rabbitmq/address.h"

namespace {

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Way {
  const char* name;
  std::function<void(const Broker&)> hop;
  std::vector<double> rates;
  std::vector<double> cpu_us;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  const auto address = asya::transports::rabbitmq::ParseBrokerUrl(arguments[1]).value();
  const Broker broker{address.host, address.port, "spike.from", "spike.to"};
  for (const bool quorum : {false, true}) {
    std::vector<Way> ways = {{"rabbitmq-c, frame by frame", HopWithRabbitmqC, {}, {}},
                             {"own codec", HopWithOwnCodec, {}, {}},
                             {"own codec, whole consumer", HopWithConsumer, {}, {}}};
    for (int round = 0; round < 5; ++round) {
      for (Way& way : ways) {
        MakeAndFill(broker, quorum);
        const double cpu = CpuSeconds();
        const auto began = std::chrono::steady_clock::now();
        way.hop(broker);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
        way.rates.push_back(kMessages / took.count());
        way.cpu_us.push_back((CpuSeconds() - cpu) * 1e6 / kMessages);
        Drop(broker);
      }
    }
    for (Way& way : ways) {
      std::sort(way.rates.begin(), way.rates.end());
      std::sort(way.cpu_us.begin(), way.cpu_us.end());
      std::printf("%-8s %-28s %7.0f hops/s (%.0f-%.0f), %5.1f us CPU a hop (%.1f-%.1f)\n",
                  quorum ? "quorum" : "classic", way.name, way.rates[2], way.rates[0], way.rates[4], way.cpu_us[2],
                  way.cpu_us[0], way.cpu_us[4]);
    }
  }
  return 0;
}
