#include "claims/s3/listing.h"

#include <gtest/gtest.h>

namespace asya::claims::s3 {
namespace {

constexpr const char* kAnswer =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
    "<Name>b</Name><Prefix>p/</Prefix><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><IsTruncated>true</IsTruncated>"
    "<Contents><Key>p/a/1</Key><LastModified>2026-11-18T12:00:00.000Z</LastModified><Size>3</Size></Contents>"
    "<Contents><Key>p/a/2</Key><LastModified>2026-11-18T12:00:01Z</LastModified><Size>3</Size></Contents>"
    "</ListBucketResult>";

TEST(Listing, ReadsKeysAndTimes) {
  const auto listing = ReadListing(kAnswer);
  ASSERT_TRUE(listing.ok()) << listing.error().message;
  ASSERT_EQ(listing->objects.size(), 2U);
  EXPECT_EQ(listing->objects[1].key, "p/a/2");
  EXPECT_EQ(listing->objects[1].modified - listing->objects[0].modified, std::chrono::seconds(1));
  EXPECT_TRUE(listing->truncated);
}

TEST(Listing, WhatIsNoListIsRefused) {
  const std::string whole = kAnswer;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ReadListing(whole.substr(0, size)).ok()) << size;
  }
  for (const char* text :
       {"", "{}", "<Error><Code>SlowDown</Code></Error>",
        "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a</Key><LastModified>now</LastModified></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}) {
    EXPECT_FALSE(ReadListing(text).ok()) << text;
  }
}

TEST(Listing, TheWordOfARefusal) {
  EXPECT_EQ(RefusalCode("<Error><Code>SlowDown</Code><Message>hush</Message></Error>"), "SlowDown");
  EXPECT_EQ(RefusalCode("<Error><Code>a\nb</Code></Error>"), "");
  EXPECT_EQ(RefusalCode("<Error><Code>" + std::string(100, 'a') + "</Code></Error>"), "");
  EXPECT_EQ(RefusalCode("nothing"), "");
}

}  // namespace
}  // namespace asya::claims::s3
