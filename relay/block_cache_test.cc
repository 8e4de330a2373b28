// What block_cache.cc gives out is whole, apart from all else, and given back from any thread.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace asya::relay {
namespace {

using Bytes = std::unique_ptr<unsigned char[]>;

// Of every size around the steps and the largest that is kept.
std::vector<std::size_t> Sizes() {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size < 5000; size += size < 200 ? 1 : 61) sizes.push_back(size);
  return sizes;
}

std::vector<Bytes> Filled(const std::vector<std::size_t>& sizes) {
  std::vector<Bytes> blocks;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    blocks.push_back(Bytes(new unsigned char[sizes[i]]));
    std::memset(blocks.back().get(), static_cast<int>(i % 251), sizes[i]);
  }
  return blocks;
}

bool AreWhole(const std::vector<Bytes>& blocks, const std::vector<std::size_t>& sizes) {
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    for (std::size_t at = 0; at < sizes[i]; ++at) {
      if (blocks[i][at] != i % 251) return false;
    }
  }
  return true;
}

TEST(BlockCache, BlocksGivenOutAgainDoNotOverlap) {
  const std::vector<std::size_t> sizes = Sizes();
  auto kept = Filled(sizes);
  for (int round = 0; round < 3; ++round) {
    auto passing = Filled(sizes);
    EXPECT_TRUE(AreWhole(passing, sizes));
    passing.clear();
    EXPECT_TRUE(AreWhole(kept, sizes));
  }
}

TEST(BlockCache, AThreadThatEndsLeavesNothingBehind) {
  constexpr std::size_t kBlocks = 64;
  constexpr std::size_t kBytes = 1024;
  const auto free_elsewhere = [&](int threads) {
    for (int i = 0; i < threads; ++i) {
      std::vector<Bytes> blocks;
      while (blocks.size() < kBlocks) blocks.push_back(Bytes(new unsigned char[kBytes]));
      std::thread([given = std::move(blocks)]() mutable { given.clear(); }).join();
    }
    return ::mallinfo2().uordblks;
  };
  const std::size_t before = free_elsewhere(4);
  EXPECT_LT(free_elsewhere(100), before + 10 * kBlocks * kBytes);
}

TEST(BlockCache, ABlockMayBeGivenBackByAnotherThread) {
  const std::vector<std::size_t> sizes = Sizes();
  for (int round = 0; round < 3; ++round) {
    auto blocks = Filled(sizes);
    std::thread([&] {
      EXPECT_TRUE(AreWhole(blocks, sizes));
      blocks.clear();
      blocks = Filled(sizes);
    }).join();
    EXPECT_TRUE(AreWhole(blocks, sizes));
  }
}

// Sanitizers have a heap of their own, which ends the program instead.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(BlockCache, WhatCannotBeHadIsRefused) {
  const auto all = [] { return std::vector<char>(std::vector<char>().max_size() / 2); };
  EXPECT_THROW(all(), std::bad_alloc);
}
#endif

}  // namespace
}  // namespace asya::relay
