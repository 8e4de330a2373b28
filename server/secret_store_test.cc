#include "server/secret_store.h"

#include <gtest/gtest.h>

#include "reconcilers/objects.h"
#include "storage/memory/object_store.h"

namespace asya::server {
namespace {

ports::Record Secret(const std::string& name) {
  ports::Record record;
  record.key = {reconcilers::kSecrets, "default", name};
  record.uid = "uid-of-" + name;
  record.json = std::make_shared<const std::string>(
      R"({"apiVersion":"v1","kind":"Secret","metadata":{},"data":{"release":"aHVudGVyMg=="}})");
  return record;
}

TEST(SecretStore, TakesOtherKeysWhileItRuns) {
  const std::string old_key = http::SealingKeys::NewLine().value();
  const std::string new_key = http::SealingKeys::NewLine().value();
  storage::memory::ObjectStore below(RealClock());
  below.Start();
  const auto secrets = SecretStore::Make(below, old_key).value();
  ports::ObjectStore& store = secrets->objects();
  const auto readable = [&](const std::string& name) { return store.Get(Secret(name).key).ok(); };
  ASSERT_TRUE(store.Create(Secret("first"), {}).ok());
  ASSERT_TRUE(secrets->ReplaceKeys(new_key + old_key).ok());
  ASSERT_TRUE(store.Create(Secret("second"), {}).ok());
  EXPECT_TRUE(readable("first") && readable("second"));
  EXPECT_FALSE(secrets->ReplaceKeys("").ok()) << "as it is for a moment while somebody writes it";
  EXPECT_TRUE(readable("first"));
  ASSERT_TRUE(secrets->ReplaceKeys(new_key).ok());
  EXPECT_TRUE(readable("second")) << "it was sealed under the new key";
  EXPECT_FALSE(readable("first"));
  EXPECT_FALSE(SecretStore::Make(below, "no key").ok());
}

}  // namespace
}  // namespace asya::server
