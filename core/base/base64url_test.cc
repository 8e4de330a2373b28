#include "core/base/base64url.h"

#include <gtest/gtest.h>

namespace asya {
namespace {

TEST(Base64Url, TheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(EncodeBase64Url(bytes), text);
    EXPECT_EQ(DecodeBase64Url(text), bytes);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(DecodeBase64Url(EncodeBase64Url(all)), all);
}

TEST(Base64Url, OtherTextIsRefused) {
  for (const char* text : {"Z", "Zg==", "Zm9vY", "Zh", "Zm9", "Z g", "Zm9+", "Zm9/", "Zm9v\n"}) {
    EXPECT_FALSE(DecodeBase64Url(text)) << text;
  }
}

}  // namespace
}  // namespace asya
