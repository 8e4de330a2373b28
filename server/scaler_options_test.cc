#include "server/scaler_options.h"

#include <gtest/gtest.h>

namespace asya::server {
namespace {

class ScalerOptionsTest : public testing::Test {
 protected:
  // The flags that are wrong.
  std::string Parse(const std::vector<std::string>& arguments, bool controllers = true) {
    options_ = {};
    std::map<std::string, FlagSetter> flags;
    AddScalerFlags(options_, flags);
    std::vector<Error> errors = ParseFlags(arguments, flags);
    CheckScaler(options_, controllers, errors);
    std::string fields;
    for (const Error& error : errors) fields += (fields.empty() ? "" : " ") + error.field;
    return fields;
  }
  ScalerOptions options_;
};

TEST_F(ScalerOptionsTest, AdvertisesTheServiceOverTls) {
  ASSERT_EQ(Parse({"--scaler-listen=[::]:6000", "--scaler-ca-secret=scaler-ca"}), "");
  EXPECT_EQ(options_.address, "::");
  compositions::Settings settings;
  Advertise(options_, "asya-server.tools.svc", settings);
  EXPECT_EQ(settings.scaler_address, "asya-server.tools.svc:6000");
  EXPECT_TRUE(settings.scaler_tls);
  EXPECT_EQ(settings.scaler_ca_secret, "scaler-ca");
}

TEST_F(ScalerOptionsTest, PlaintextAndAnotherAddressAreSaidInWords) {
  ASSERT_EQ(Parse({"--scaler-listen=0.0.0.0:6000", "--scaler-tls=none", "--scaler-address=mesh.example:80"}), "");
  compositions::Settings settings;
  Advertise(options_, "asya-server.tools.svc", settings);
  EXPECT_EQ(settings.scaler_address, "mesh.example:80");
  EXPECT_FALSE(settings.scaler_tls);
}

TEST_F(ScalerOptionsTest, NamesWhatIsWrong) {
  EXPECT_EQ(Parse({"--scaler-listen=everywhere:6000"}), "--scaler-listen");
  EXPECT_EQ(Parse({"--scaler-listen=0.0.0.0:6000"}, false), "--scaler-listen");
  EXPECT_EQ(Parse({"--scaler-address=mesh.example:80"}), "--scaler-listen");
  EXPECT_EQ(Parse({"--scaler-listen=0.0.0.0:6000", "--scaler-address=mesh.example"}), "--scaler-address");
  EXPECT_EQ(Parse({"--scaler-listen=0.0.0.0:6000", "--scaler-tls=no"}), "--scaler-tls");
  EXPECT_EQ(Parse({"--scaler-listen=0.0.0.0:6000", "--scaler-tls=none", "--scaler-ca-secret=ca"}),
            "--scaler-ca-secret");
  EXPECT_EQ(Parse({"--scaler-listen=0.0.0.0:6000", "--scaler-ca-secret=No Name"}), "--scaler-ca-secret");
  EXPECT_EQ(Parse({}), "");
}

}  // namespace
}  // namespace asya::server
