#include "scaling/keda/keda_server.h"

#include <externalscaler.grpc.pb.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>

#include "core/http/server.h"

namespace asya::scaling {
namespace {

namespace wire = externalscaler;

constexpr std::chrono::seconds kPatience{30};

std::string PortOf(const KedaServer& server) { return server.address().substr(server.address().rfind(':') + 1); }

KedaIdentity NewIdentity() {
  const auto made = http::MakeSelfSigned("asya", 1);
  EXPECT_TRUE(made.ok());
  return {made->certificate_pem, made->key_pem};
}

// KEDA's side: one connection.
class Client {
 public:
  explicit Client(const KedaServer& server, const std::string& ca_pem = "")
      : stub_(wire::ExternalScaler::NewStub(grpc::CreateChannel("localhost:" + PortOf(server), Credentials(ca_pem)))) {}

  static wire::ScaledObjectRef Ref(const std::string& actor = "infer") {
    wire::ScaledObjectRef ref;
    ref.set_name("infer");
    ref.set_namespace_("vision");
    (*ref.mutable_scalermetadata())["actor"] = actor;
    (*ref.mutable_scalermetadata())["scalerAddress"] = "localhost";
    return ref;
  }
  struct Call {
    Call() { context.set_deadline(std::chrono::system_clock::now() + kPatience); }
    grpc::ClientContext context;
  };
  grpc::Status IsActive(const wire::ScaledObjectRef& ref, bool& active) {
    Call call;
    wire::IsActiveResponse response;
    const grpc::Status status = stub_->IsActive(&call.context, ref, &response);
    active = response.result();
    return status;
  }
  grpc::Status Metrics(const std::string& name, wire::GetMetricsResponse& response) {
    Call call;
    wire::GetMetricsRequest request;
    *request.mutable_scaledobjectref() = Ref();
    request.set_metricname(name);
    return stub_->GetMetrics(&call.context, request, &response);
  }
  wire::ExternalScaler::Stub& stub() { return *stub_; }

 private:
  static std::shared_ptr<grpc::ChannelCredentials> Credentials(const std::string& ca_pem) {
    if (ca_pem.empty()) return grpc::InsecureChannelCredentials();
    return grpc::SslCredentials({ca_pem, "", ""});
  }
  std::unique_ptr<wire::ExternalScaler::Stub> stub_;
};

class KedaServerTest : public testing::Test {
 protected:
  KedaServerTest() {
    scaler_.Add({"vision", "infer"});
    scaler_.Complete();
  }
  void Serve(std::optional<KedaIdentity> tls = std::nullopt) {
    auto served =
        KedaServer::Start({"127.0.0.1", 0, std::move(tls), kPatience}, scaler_, metrics_, observe::Logger::Silent());
    ASSERT_TRUE(served.ok()) << served.error().message;
    server_ = *std::move(served);
  }
  void Look(bool active, std::int64_t present, std::int64_t desired) {
    scaler_.Look({"vision", "infer", active, present, desired});
  }

  FakeClock clock_;
  observe::Metrics metrics_;
  ExternalScaler scaler_{clock_, metrics_, [] { return Ok(); }};
  std::unique_ptr<KedaServer> server_;
};

TEST_F(KedaServerTest, AnswersWhatKedaPolls) {
  Serve();
  Client keda(*server_);
  Look(true, 2, 7);
  bool active = false;
  ASSERT_TRUE(keda.IsActive(Client::Ref(), active).ok());
  EXPECT_TRUE(active);

  Client::Call call;
  wire::GetMetricSpecResponse spec;
  ASSERT_TRUE(keda.stub().GetMetricSpec(&call.context, Client::Ref(), &spec).ok());
  ASSERT_EQ(spec.metricspecs_size(), 1);
  EXPECT_EQ(spec.metricspecs(0).targetsize(), 1);
  EXPECT_EQ(spec.metricspecs(0).targetsizefloat(), 1.0);

  wire::GetMetricsResponse values;
  ASSERT_TRUE(keda.Metrics(spec.metricspecs(0).metricname(), values).ok());
  ASSERT_EQ(values.metricvalues_size(), 1);
  EXPECT_EQ(values.metricvalues(0).metricname(), spec.metricspecs(0).metricname());
  EXPECT_EQ(values.metricvalues(0).metricvalue(), 7);
  EXPECT_EQ(values.metricvalues(0).metricvaluefloat(), 7.0);
  EXPECT_NE(metrics_.Text().find("asya_external_scaler_calls_total{call=\"GetMetrics\",code=\"0\"} 1"),
            std::string::npos);
}

TEST_F(KedaServerTest, TellsWhatItMeasuresOfAnyActor) {
  Serve();
  Client keda(*server_);
  Client::Call call;
  wire::GetMetricSpecResponse spec;
  ASSERT_TRUE(keda.stub().GetMetricSpec(&call.context, Client::Ref("other"), &spec).ok());
  EXPECT_EQ(spec.metricspecs_size(), 1);
}

TEST_F(KedaServerTest, PushesWorkWhenItComesAndEndsCleanly) {
  Serve();
  Client keda(*server_);
  Client::Call call;
  const auto stream = keda.stub().StreamIsActive(&call.context, Client::Ref());
  // Work that was there before the stream is told as well, so it does not matter which came first.
  Look(true, 0, 1);
  wire::IsActiveResponse told;
  ASSERT_TRUE(stream->Read(&told));
  EXPECT_TRUE(told.result());
  clock_.Advance(kTellAgainAfter);
  Look(true, 0, 1);
  ASSERT_TRUE(stream->Read(&told));
  EXPECT_TRUE(told.result());
  server_->Stop();
  EXPECT_FALSE(stream->Read(&told));
  EXPECT_TRUE(stream->Finish().ok()) << "KEDA comes back after two seconds, not a minute";
}

TEST_F(KedaServerTest, AStreamThatKedaGivesUpIsForgotten) {
  Serve();
  Client keda(*server_);
  Look(true, 0, 1);
  {
    Client::Call call;
    const auto stream = keda.stub().StreamIsActive(&call.context, Client::Ref());
    wire::IsActiveResponse told;
    ASSERT_TRUE(stream->Read(&told));
    call.context.TryCancel();
    EXPECT_FALSE(stream->Read(&told));
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  server_->Stop();
  EXPECT_NE(metrics_.Text().find("asya_external_scaler_streams 0"), std::string::npos);
}

TEST_F(KedaServerTest, NamesWhatIsWrong) {
  Serve();
  Client keda(*server_);
  bool active = false;
  EXPECT_EQ(keda.IsActive(Client::Ref(), active).error_code(), grpc::StatusCode::UNAVAILABLE) << "not looked at";
  auto ref = Client::Ref();
  (*ref.mutable_scalermetadata())["depth"] = "5";
  const grpc::Status unknown = keda.IsActive(ref, active);
  EXPECT_EQ(unknown.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(unknown.error_message().find("scalerMetadata.depth: "), 0U) << unknown.error_message();
  const grpc::Status missing = keda.IsActive(Client::Ref("other"), active);
  EXPECT_EQ(missing.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(missing.error_message().find("scalerMetadata.actor: "), 0U) << missing.error_message();
  wire::GetMetricsResponse values;
  EXPECT_EQ(keda.Metrics("depth", values).error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  Client::Call call;
  const auto stream = keda.stub().StreamIsActive(&call.context, Client::Ref("other"));
  wire::IsActiveResponse told;
  EXPECT_FALSE(stream->Read(&told));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(KedaServerTest, ARequestThatIsTooLargeIsRefused) {
  Serve();
  Client keda(*server_);
  auto ref = Client::Ref();
  (*ref.mutable_scalermetadata())["actor"] = std::string(kRequestBytesMax, 'a');
  bool active = false;
  EXPECT_EQ(keda.IsActive(ref, active).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(KedaServerTest, ServesTlsAndTakesANewCertificate) {
  const KedaIdentity first = NewIdentity();
  Serve(first);
  Look(true, 0, 1);
  bool active = false;
  Client keda(*server_, first.certificate_pem);
  ASSERT_TRUE(keda.IsActive(Client::Ref(), active).ok());
  EXPECT_TRUE(active);
  Client plain(*server_);
  EXPECT_EQ(plain.IsActive(Client::Ref(), active).error_code(), grpc::StatusCode::UNAVAILABLE);

  Client::Call call;
  const auto stream = keda.stub().StreamIsActive(&call.context, Client::Ref());
  wire::IsActiveResponse told;
  ASSERT_TRUE(stream->Read(&told));
  const std::string address = server_->address();
  const KedaIdentity second = NewIdentity();
  ASSERT_TRUE(server_->ReplaceTls(second).ok());
  EXPECT_EQ(server_->address(), address);
  EXPECT_FALSE(stream->Read(&told));
  EXPECT_TRUE(stream->Finish().ok());
  Client later(*server_, second.certificate_pem);
  EXPECT_TRUE(later.IsActive(Client::Ref(), active).ok());
  Client old(*server_, first.certificate_pem);
  EXPECT_EQ(old.IsActive(Client::Ref(), active).error_code(), grpc::StatusCode::UNAVAILABLE);

  EXPECT_FALSE(server_->ReplaceTls({second.certificate_pem, first.key_pem}).ok());
  EXPECT_TRUE(later.IsActive(Client::Ref(), active).ok()) << "what was served goes on";
}

TEST_F(KedaServerTest, AnAddressThatIsTakenIsAnError) {
  Serve();
  const auto port = static_cast<std::uint16_t>(std::stoi(PortOf(*server_)));
  const auto second = KedaServer::Start({"127.0.0.1", port, {}}, scaler_, metrics_, observe::Logger::Silent());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  const auto named = KedaServer::Start({"localhost", 0, {}}, scaler_, metrics_, observe::Logger::Silent());
  ASSERT_FALSE(named.ok());
  EXPECT_EQ(named.error().field, "address");
}

}  // namespace
}  // namespace asya::scaling
