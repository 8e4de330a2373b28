// Measures one relay program beside the least that does the same work, on each transport, and what the relay weighs:
//   bench_relay --python PYTHON --runtime ARCHIVE [--strict] [--rounds N] [PART...]
// Without parts all that can be measured; RabbitMQ and PostgreSQL are those of ASYA_TEST_RABBITMQ and
// ASYA_TEST_POSTGRES.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "bench/relay/measure.h"

namespace asya::bench {
namespace {

struct Part {
  const char* name;
  std::function<Result<bool>(const Setting&)> measure;
  std::string Setting::*needs = nullptr;
};

const std::vector<Part>& Parts() {
  static const std::vector<Part> kParts = {
      {"sqlite", MeasureSqlite},
      {"postgres", MeasurePostgres, &Setting::postgres_dsn},
      {"rabbitmq-classic", MeasureRabbitmqClassic, &Setting::rabbitmq_url},
      {"rabbitmq-quorum", MeasureRabbitmqQuorum, &Setting::rabbitmq_url},
      {"rabbitmq-serial", MeasureRabbitmqSerial, &Setting::rabbitmq_url},
      {"rabbitmq-latency", MeasureRabbitmqLatency, &Setting::rabbitmq_url},
      {"rabbitmq-delay", MeasureRabbitmqDelay, &Setting::rabbitmq_url},
      {"rabbitmq-sizes", MeasureRabbitmqSizes, &Setting::rabbitmq_url},
      {"sqlite-burst", MeasureSqliteBurst},
      {"rabbitmq-burst", MeasureRabbitmqBurst, &Setting::rabbitmq_url},
  };
  return kParts;
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct Options {
  Setting setting;
  bool strict = false;
  std::vector<std::string> parts;
};

Options ReadOptions(const std::vector<std::string>& words) {
  Options options;
  Setting& setting = options.setting;
  setting.native.folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  setting.rabbitmq_url = Variable("ASYA_TEST_RABBITMQ");
  setting.postgres_dsn = Variable("ASYA_TEST_POSTGRES");
  setting.python = setting.native;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool more = i + 1 < words.size();
    if (words[i] == "--strict") {
      options.strict = true;
    } else if (words[i] == "--rounds" && more) {
      setting.rounds = std::max(1, std::stoi(words[++i]));
    } else if (words[i] == "--python" && more) {
      setting.python.python = words[++i];
    } else if (words[i] == "--runtime" && more) {
      setting.python.archive = std::filesystem::absolute(words[++i]);
    } else {
      options.parts.push_back(words[i]);
    }
  }
  return options;
}

int Main(const std::vector<std::string>& words) {
  const Options options = ReadOptions(words);
  const Setting& setting = options.setting;
  if (setting.python.python.empty() || setting.python.archive.empty()) {
    std::fprintf(stderr, "usage: bench_relay --python PYTHON --runtime ARCHIVE [--strict] [PART...]\n");
    return 2;
  }
  bool good = true;
  for (const Part& part : Parts()) {
    const auto& asked = options.parts;
    if (!asked.empty() && std::find(asked.begin(), asked.end(), part.name) == asked.end()) continue;
    if (part.needs != nullptr && (setting.*part.needs).empty()) {
      std::printf("\n%s: skipped, its server is not there\n", part.name);
      continue;
    }
    const auto met = part.measure(setting);
    if (!met.ok()) {
      std::fprintf(stderr, "%s: %s\n", part.name, met.error().message.c_str());
      return 1;
    }
    good = good && *met;
  }
  return options.strict && !good ? 1 : 0;
}

}  // namespace
}  // namespace asya::bench

int main(int count, char** words) { return asya::bench::Main({words + 1, words + count}); }
