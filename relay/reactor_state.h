// Reactor::State: the io_context behind the reactor, for the files here that name Asio.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>
#include <vector>

#include "relay/reactor.h"

namespace asya::relay {

struct Reactor::State {
  boost::asio::io_context context{1};
  std::unique_ptr<boost::asio::signal_set> signals;
  std::vector<std::unique_ptr<boost::asio::posix::stream_descriptor>> watched;
};

}  // namespace asya::relay
