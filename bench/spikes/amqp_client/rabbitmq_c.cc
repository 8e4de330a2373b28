#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>

#include "hop.h"

namespace {

struct Connection {
  amqp_connection_state_t state;
  explicit Connection(const Broker& broker) : state(amqp_new_connection()) {
    amqp_socket_t* socket = amqp_tcp_socket_new(state);
    if (amqp_socket_open(socket, broker.host.c_str(), std::stoi(broker.port)) != 0) std::abort();
    amqp_login(state, "/", 0, 131072, 10, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    amqp_channel_open(state, 1);
    if (amqp_get_rpc_reply(state).reply_type != AMQP_RESPONSE_NORMAL) std::abort();
  }
  ~Connection() {
    amqp_connection_close(state, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(state);
  }
  bool Next(amqp_frame_t& frame) {
    timeval now{0, 0};
    return amqp_simple_wait_frame_noblock(state, &frame, &now) == AMQP_STATUS_OK;
  }
};

}  // namespace

void HopWithRabbitmqC(const Broker& broker) {
  Connection in(broker);
  Connection out(broker);
  amqp_confirm_select(out.state, 1);
  amqp_basic_qos(in.state, 1, 0, kPrefetch, 0);
  amqp_basic_consume(in.state, 1, amqp_cstring_bytes(broker.from.c_str()), amqp_cstring_bytes("c"), 0, 0, 0,
                     amqp_empty_table);
  std::string body;
  std::uint64_t left = 0;
  std::uint64_t delivered = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t acked = 0;
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG;
  properties.delivery_mode = 2;
  properties.message_id = amqp_cstring_bytes("0123456789abcdef");
  while (acked < kMessages) {
    amqp_frame_t frame;
    bool worked = false;
    while (in.Next(frame)) {
      worked = true;
      if (frame.frame_type == AMQP_FRAME_HEADER) {
        left = frame.payload.properties.body_size;
        body.clear();
      } else if (frame.frame_type == AMQP_FRAME_BODY) {
        body.append(static_cast<char*>(frame.payload.body_fragment.bytes), frame.payload.body_fragment.len);
        left -= frame.payload.body_fragment.len;
        if (left > 0) continue;
        ++delivered;
        amqp_basic_publish(out.state, 1, amqp_empty_bytes, amqp_cstring_bytes(broker.to.c_str()), 1, 0, &properties,
                           amqp_bytes_t{body.size(), body.data()});
      }
    }
    while (out.Next(frame)) {
      worked = true;
      if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD) continue;
      confirmed = std::max(confirmed, static_cast<amqp_basic_ack_t*>(frame.payload.method.decoded)->delivery_tag);
    }
    // Its confirms come in order here; a real client needs a ring.
    if (confirmed - acked >= kAckEvery || (confirmed == kMessages && acked < confirmed)) {
      amqp_basic_ack(in.state, 1, confirmed, 1);
      acked = confirmed;
    }
    amqp_maybe_release_buffers(in.state);
    amqp_maybe_release_buffers(out.state);
    if (worked) continue;
    pollfd ready[2] = {{amqp_get_sockfd(in.state), POLLIN, 0}, {amqp_get_sockfd(out.state), POLLIN, 0}};
    poll(ready, 2, 1);
  }
}
