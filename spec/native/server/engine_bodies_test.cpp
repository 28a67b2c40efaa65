// The engine, end to end: bodies of every size, to clients of every speed.
#include "server/engine_rig.hpp"
#include "support/random.hpp"

namespace hyperion::test {

TEST_CASE("engine: a streamed body that spills reaches a slow reader byte for byte") {
  server::Options options = calm_options();
  options.limits.response_memory = 64 * 1024;
  options.limits.response_spill = 256 * 1024;
  const std::string body = pattern(8'000'000);
  TestServer server{[&](Call& call) {
                      http::BodyPipe& pipe = call.open_stream(options.limits, true);
                      bool complete = true;
                      for (size_t at = 0; at < body.size() && complete; at += 10'000) {
                        complete = call.write(std::string_view{body}.substr(at, 10'000));
                      }
                      pipe.finish(complete);
                    },
                    options};
  Client client = server.client();
  shrink_buffers(client.fd());
  REQUIRE(client.send(get("/")));
  std::string got;
  const std::string head = client.read_until("\r\n\r\n");
  CHECK(head.find("transfer-encoding: chunked") != std::string::npos);
  while (true) {
    const std::string line = client.read_until("\r\n");
    const size_t size = std::strtoul(line.c_str(), nullptr, 16);
    if (size == 0) break;
    got += client.read(size);
    client.read(2);
    std::this_thread::sleep_for(std::chrono::microseconds{500});
  }
  REQUIRE(got.size() == body.size());
  size_t wrong = 0;
  while (wrong < got.size() && got[wrong] == body[wrong]) ++wrong;
  CHECK(wrong == got.size());
}

}  // namespace hyperion::test
