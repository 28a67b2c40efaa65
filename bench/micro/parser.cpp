// Times what a request head costs until it may be served: the grammar (http1::RequestParser), and with it the rules of
// its fields (http1::apply_head_rules). Three heads, as one piece each, into a recycled request, as a session does it.
// Built twice: `parser` with vectors where the target has them, `parser_scalar` without. Usage: parser [rounds]
#include "http1/parser.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "http1/head_rules.hpp"
#include "http1/scan.hpp"

namespace {

using namespace hyperion;
using Clock = std::chrono::steady_clock;

struct Sample {
  const char* name;
  std::string head;
};

// What load generators send.
std::string small_head() { return "GET / HTTP/1.1\r\nHost: 127.0.0.1:9292\r\n\r\n"; }

// A navigation of a present-day browser with a session cookie.
std::string browser_head() {
  return "GET /projects/42/tasks?status=open&sort=due_date&page=3 HTTP/1.1\r\n"
         "Host: planner.example.com\r\n"
         "Connection: keep-alive\r\n"
         "Cache-Control: max-age=0\r\n"
         "sec-ch-ua: \"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\"\r\n"
         "sec-ch-ua-mobile: ?0\r\n"
         "Upgrade-Insecure-Requests: 1\r\n"
         "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 "
         "Safari/537.36\r\n"
         "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
         "Sec-Fetch-Site: same-origin\r\n"
         "Sec-Fetch-Mode: navigate\r\n"
         "Referer: https://planner.example.com/projects/42\r\n"
         "Accept-Encoding: gzip, deflate, br, zstd\r\n"
         "Accept-Language: en-GB,en;q=0.9\r\n"
         "Cookie: _planner_session=aGVsbG8gdGhlcmUsIGN1cmlvdXMgcmVhZGVyIG9mIGJlbmNobWFya3M%3D--5f1d; theme=dark\r\n"
         "\r\n";
}

// The shape of head that C parsers have been compared with for years: 9 fields, 703 bytes, of them 230 one cookie.
std::string classic_head() {
  const auto run = [](size_t size) {
    constexpr std::string_view kText = "abcdefgh.12345(67);q=0,8/ijk ";
    std::string text;
    while (text.size() < size) text += kText.substr(0, std::min(kText.size(), size - text.size()));
    return text;
  };
  return "GET /images/2010/03/a-photograph-with-a-rather-long-file-name.jpg HTTP/1.1\r\n"
         "Host: www.example.org\r\n"
         "User-Agent: " +
         run(112) +
         "X\r\n"
         "Accept: " +
         run(63) +
         "X\r\n"
         "Accept-Language: " +
         run(23) +
         "X\r\n"
         "Accept-Encoding: gzip,deflate\r\n"
         "Accept-Charset: " +
         run(30) +
         "X\r\n"
         "Keep-Alive: 115\r\n"
         "Connection: keep-alive\r\n"
         "Cookie: " +
         run(229) +
         "X\r\n"
         "\r\n";
}

// Nanoseconds of one call of `work`, the fastest of `rounds` (what disturbs a run only makes it slower).
template <class Work>
double fastest(int rounds, Work&& work) {
  constexpr int kCalls = 20'000;
  double best = 1e18;
  for (int round = 0; round < rounds; ++round) {
    const auto began = Clock::now();
    for (int call = 0; call < kCalls; ++call) work();
    const std::chrono::duration<double, std::nano> took = Clock::now() - began;
    best = std::min(best, took.count() / kCalls);
  }
  return best;
}

void expect(bool good) {
  if (good) return;
  std::fputs("a head was not parsed\n", stderr);
  std::exit(1);
}

void measure(const Sample& sample, int rounds) {
  const http::Limits limits;
  http1::RequestParser parser{limits};
  http::Request request;
  const auto parse = [&] {
    request.clear();
    parser.reset();
    expect(parser.parse(sample.head, request) == http1::Progress::complete);
  };
  const double grammar = fastest(rounds, parse);
  const double all = fastest(rounds, [&] {
    parse();
    expect(http1::apply_head_rules(request, limits, parser.saw_underscore()) == base::ErrorCode::none);
  });
  const auto size = static_cast<double>(sample.head.size());
  std::printf("%-8s %5zu bytes %3zu fields   grammar %6.1f ns   with rules %6.1f ns   %5.2f GB/s\n", sample.name,
              sample.head.size(), request.fields.size(), grammar, all, size / all);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 100;
  std::printf("scanner: %s\n", std::string{http1::kScanner}.c_str());
  for (const Sample& sample :
       {Sample{"small", small_head()}, Sample{"browser", browser_head()}, Sample{"classic", classic_head()}}) {
    measure(sample, rounds);
  }
}
