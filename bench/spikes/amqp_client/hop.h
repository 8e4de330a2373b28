// What each way of hopping is given and has to do: all messages of one queue to another.
#pragma once

#include <string>

constexpr int kMessages = 20000;
constexpr int kPrefetch = 64;
constexpr int kAckEvery = 16;

struct Broker {
  std::string host;
  std::string port;
  std::string from;
  std::string to;
};

void HopWithRabbitmqC(const Broker& broker);
void HopWithOwnCodec(const Broker& broker);
void HopWithConsumer(const Broker& broker);
void MakeAndFill(const Broker& broker, bool quorum);
void Drop(const Broker& broker);
