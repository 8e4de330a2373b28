#include "transports/postgres/bytea.h"

#include <gtest/gtest.h>

namespace asya::transports::postgres {
namespace {

TEST(Bytea, EveryByteComesBack) {
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  EXPECT_EQ(FromBytea(ToBytea(every)).value(), every);
  EXPECT_EQ(ToBytea(std::string("\x00\xff", 2)), "\\x00ff");
  EXPECT_EQ(FromBytea("\\x").value(), "");
}

TEST(Bytea, WhatIsNotHexIsRefused) {
  for (const char* text : {"", "\\", "00", "\\x0", "\\x0g", "\\x0G"}) EXPECT_FALSE(FromBytea(text).ok()) << text;
}

}  // namespace
}  // namespace asya::transports::postgres
