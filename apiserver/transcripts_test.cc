// Replays what the field manager of kube-apiserver made of random applies and updates; tests/transcripts/record says
// how the transcripts came about.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <utility>

#include "apiserver/object.h"
#include "apiserver/ownership.h"
#include "core/json/parse.h"
#include "model/kinds.h"
#include "model/ownership/managers.h"

namespace asya::apiserver {
namespace {

class Replay {
 public:
  // What comes out of a step, as the recorder writes it.
  json::Value Run(const json::Value& step) {
    json::Value object = *step.Find("object");
    object["apiVersion"] = model::kApiVersion;
    object["kind"] = "AsyncActor";
    MetadataOf(object)["name"] = "a";
    const model::FieldWriter writer{*step.GetString("manager"), std::string(model::kApiVersion),
                                    *step.GetString("subresource"), WallTime(std::chrono::seconds(1'800'000'000))};
    model::Managers managers = managers_;
    if (step.GetString("op") == "apply") {
      auto applied = model::Apply(schema_, live_, object, writer, *step.GetBool("force"), managers);
      if (!applied.conflicts.empty()) {
        return json::Object{{"conflict", ApplyConflict(applied.conflicts, writer.api_version).message}};
      }
      live_ = std::move(applied.object);
      managers_ = std::move(applied.managers);
    } else {
      if (!live_.IsNull()) MetadataOf(object)["uid"] = "u";
      const json::Value* status = live_.Find("status");
      if (status != nullptr) object["status"] = *status;
      if (live_.IsNull() || !managers_.empty()) model::TrackUpdate(schema_, live_, object, writer, managers_);
      live_ = std::move(object);
    }
    MetadataOf(live_)["uid"] = "u";
    return Shown();
  }

 private:
  [[nodiscard]] json::Value Shown() const {
    json::Value shown = live_;
    PutManagedFields(managers_, shown);
    if (json::Value* entries = MetadataOf(shown).Find("managedFields")) {
      for (json::Value& entry : entries->AsArray()) {
        if (entry.Find("time") != nullptr) entry["time"] = "set";
      }
    }
    return shown;
  }

  const model::Schema& schema_ = model::FindKind("asyncactors")->schema;
  json::Value live_;
  model::Managers managers_;
};

// The order of managers depends on the second of their last write, which a recording does not keep.
json::Value WithoutOrder(json::Value result) {
  json::Value* metadata = result.Find("metadata");
  json::Value* entries = metadata == nullptr ? nullptr : metadata->Find("managedFields");
  if (entries == nullptr) return result;
  std::sort(entries->AsArray().begin(), entries->AsArray().end(),
            [](const auto& a, const auto& b) { return json::Dump(a) < json::Dump(b); });
  return result;
}

TEST(Transcripts, OfKubernetesComeOutTheSame) {
  std::ifstream file(ASYA_SOURCE_DIR "/apiserver/testdata/apply_transcripts.jsonl");
  std::string line;
  int scenarios = 0;
  int conflicts = 0;
  while (std::getline(file, line)) {
    const auto transcript = json::Parse(line);
    ASSERT_TRUE(transcript.ok());
    const json::Array& steps = transcript->Find("steps")->AsArray();
    const json::Array& results = transcript->Find("results")->AsArray();
    ASSERT_EQ(steps.size(), results.size());
    Replay replay;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const json::Value result = replay.Run(steps[i]);
      ASSERT_EQ(json::Dump(WithoutOrder(result)), json::Dump(WithoutOrder(results[i])))
          << "scenario " << scenarios << ", step " << i << ": " << json::Dump(steps[i]);
      if (result.Find("conflict") != nullptr) ++conflicts;
    }
    ++scenarios;
  }
  EXPECT_EQ(scenarios, 30);
  EXPECT_GT(conflicts, 5);
}

}  // namespace
}  // namespace asya::apiserver
