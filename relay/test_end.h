// A relay under test beside a gateway that takes its reports; it can be the end of routes.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/json/parse.h"
#include "tests/support/fake_gateway.h"
#include "tests/support/fake_runtime.h"
#include "tests/support/relay_harness.h"

namespace asya::relay {

using tests::FakeGateway;
using tests::FakeRuntime;
using tests::RelayHarness;
using Call = FakeRuntime::Call;

class End : public ::testing::Test {
 protected:
  End() : gateway_(harness_.folder() + "/gateway.sock") {
    Address address;
    address.path = harness_.folder() + "/gateway.sock";
    harness_.settings.gateway = address;
  }
  void TearDown() override { harness_.Stop(); }
  void Become(const std::string& actor) {
    harness_.settings.actor = actor;
    harness_.settings.is_end_actor = true;
    Policy quick;
    quick.max_attempts = 2;
    quick.initial_delay = std::chrono::milliseconds(1);
    harness_.settings.resiliency.policies["default"] = quick;
  }
  [[nodiscard]] model::Envelope Finished(const std::string& id, const std::string& phase) const {
    auto envelope = harness_.Make(id);
    envelope.route = {{"prep", "infer"}, "x-sink", {}};
    envelope.status.phase = phase;
    envelope.status.actor = "infer";
    envelope.status.reason = phase == "failed" ? "RuntimeError" : "Completed";
    if (phase == "failed") {
      envelope.status.error = json::Object{{"type", "a.B"}, {"message", "m"}};
      envelope.status.extra["route"] = *json::Parse(R"({"prev":["prep"],"curr":"infer","next":["post"]})");
    }
    return envelope;
  }
  // Its actor does not try it any more.
  [[nodiscard]] model::Envelope Exhausted(const std::string& id) const {
    auto envelope = Finished(id, "failed");
    envelope.status.attempt = 3;
    envelope.status.max_attempts = 4;
    return envelope;
  }
  bool WaitFor(const std::string& key, const std::string& value) {
    return gateway_.Wait([&](const auto& items) {
      return std::any_of(items.begin(), items.end(),
                         [&](const json::Value& item) { return item.GetString(key) == value; });
    });
  }

  RelayHarness harness_;
  FakeGateway gateway_;
};

}  // namespace asya::relay
