// The conformance suite of ports::ClaimStore: link asya_claims_conformance and instantiate ClaimStoreSuite.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "model/envelope.h"
#include "ports/claim_store.h"

namespace asya::claims::conformance {

// One fresh, empty store.
class ClaimStoreHarness {
 public:
  virtual ~ClaimStoreHarness() = default;
  virtual ports::ClaimStore& store() = 0;
  // Puts other bytes in the place of a stored payload, behind the back of the store.
  virtual void Damage(const ports::ClaimKey& key, const std::string& bytes) = 0;
};

struct ClaimStoreImplementation {
  std::string name;                                          // for the names of the cases: letters and digits
  std::function<std::unique_ptr<ClaimStoreHarness>()> make;  // nullptr: there is no server for it in this run
};

class ClaimStoreSuite : public testing::TestWithParam<ClaimStoreImplementation> {
 protected:
  void SetUp() override {
    harness_ = GetParam().make();
    if (harness_ == nullptr) GTEST_SKIP() << "needs a server: run under tools/moto run";
  }
  ports::ClaimStore& store() { return harness_->store(); }
  // Fails the case when it is refused.
  ports::ClaimKey MustPut(const std::string& root, const std::string& payload);
  // An envelope whose payload was put as the relays and the server do it.
  model::Envelope MustClaim(const std::string& id, const std::string& root, const std::string& payload);
  // As the sweep of the server does, with what it sees now; how many payloads went.
  std::int64_t RemoveAll(const std::string& folder);

  std::unique_ptr<ClaimStoreHarness> harness_;
};

}  // namespace asya::claims::conformance
