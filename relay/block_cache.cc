// The memory of a relay: a block that is given back is given out again, without a look at the heap.
//
// A hop takes and gives back some seventy blocks, and many hops are under way: the heap keeps seven of a size at hand
// and none over 1 KiB, which is less than an envelope, and searches for the rest. This file replaces operator new and
// delete of the programs that link it. All blocks are malloc's, so that it does not matter who took or frees one.
#include <malloc.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

// Sanitizers have to see each block come and go.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ASYA_KEEPS_BLOCKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define ASYA_KEEPS_BLOCKS 0
#endif
#endif
#ifndef ASYA_KEEPS_BLOCKS
#define ASYA_KEEPS_BLOCKS 1
#endif

#if ASYA_KEEPS_BLOCKS
namespace asya::relay {
namespace {

constexpr std::size_t kStepBytes = 32;              // blocks are multiples of it
constexpr std::size_t kLargestBytes = 4096;         // that is kept
constexpr std::size_t kKeptBytesMax = 512U << 10U;  // of one thread

struct Block {
  Block* next;
};

struct Kept {
  std::array<Block*, kLargestBytes / kStepBytes> first{};  // by size
  std::size_t bytes = 0;
  bool ends = false;  // End has been told of this thread
};

constinit thread_local Kept kept{};

// Gives the heap back what a thread has kept when it ends; what that thread still frees then is not kept.
struct End {
  End() = default;
  End(const End&) = delete;
  End& operator=(const End&) = delete;
  ~End() {
    kept.bytes = kKeptBytesMax;
    for (Block*& first : kept.first) {
      while (first != nullptr) std::free(std::exchange(first, first->next));
    }
  }
  bool awaited = false;
};
thread_local End end;

void* Take(std::size_t size) {
  const std::size_t place = size == 0 ? 0 : (size - 1) / kStepBytes;
  if (place < kept.first.size()) {
    size = (place + 1) * kStepBytes;
    Block*& first = kept.first[place];
    if (Block* const block = first; block != nullptr) {
      first = block->next;
      kept.bytes -= size;
      return block;
    }
  }
  void* const fresh = std::malloc(size);
  if (fresh == nullptr) throw std::bad_alloc();
  return fresh;
}

void GiveBack(void* memory) noexcept {
  if (memory == nullptr) return;
  // What it can hold, whoever took it; less than one step is no place.
  const std::size_t place = malloc_usable_size(memory) / kStepBytes - 1;
  if (place >= kept.first.size() || kept.bytes >= kKeptBytesMax) return std::free(memory);
  if (!kept.ends) {
    kept.ends = true;
    end.awaited = true;  // from now on
  }
  kept.bytes += (place + 1) * kStepBytes;
  auto* const block = static_cast<Block*>(memory);
  block->next = kept.first[place];
  kept.first[place] = block;
}

}  // namespace
}  // namespace asya::relay

void* operator new(std::size_t size) { return asya::relay::Take(size); }
void operator delete(void* memory) noexcept { asya::relay::GiveBack(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { asya::relay::GiveBack(memory); }
#endif
