// The user's path templater, seen from the I/O thread: it never waits, and what is not known yet is other.
#include "observe/template_cache.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <thread>

namespace hyperion::observe {
namespace {

struct Rig {
  TemplateQueue queue{2};
  std::unique_ptr<Paths> paths = std::make_unique<Paths>();
  TemplateCache cache{queue, *paths, 1};

  std::string_view find(std::string_view path, bool ask = true) { return paths->text(cache.find(path, ask)); }
  void answer_all(std::string_view text) {
    for (const auto& question : queue.wait()) queue.answer(question, text);
  }
};

}  // namespace

TEST_CASE("a templater's answer is known from then on") {
  Rig rig;
  CHECK(rig.find("/users/1") == "other");
  CHECK(rig.find("/users/1") == "other");
  rig.answer_all("/users/:who");
  CHECK(rig.find("/users/1") == "/users/:who");
  CHECK(rig.find("/users/2") == "other");
  rig.answer_all("/users/:who");
  CHECK(rig.find("/users/2") == "/users/:who");
}

TEST_CASE("a path is asked once, and not at all when nobody is to be asked") {
  Rig rig;
  for (int i = 0; i < 3; ++i) rig.find("/a");
  rig.find("/b", false);
  const auto questions = rig.queue.wait();
  REQUIRE(questions.size() == 1);
  CHECK(questions[0].path == "/a");
  CHECK(questions[0].io_thread == 1);
}

TEST_CASE("a templater that knows no answer, or one that is too long, means other for good") {
  Rig rig;
  rig.find("/a");
  rig.answer_all("");
  CHECK(rig.find("/a") == "other");
  rig.find("/b");
  rig.answer_all(std::string(Paths::kLongest + 1, 'x'));
  CHECK(rig.find("/b") == "other");
  rig.queue.interrupt();
  CHECK(rig.queue.wait().empty());
}

TEST_CASE("paths that no URI has, and giants, are never asked") {
  Rig rig;
  for (const std::string& path : {std::string{}, std::string{"/\xff"}, std::string{"/a\n"}, std::string(600, 'x')}) {
    CHECK(rig.find(path) == "other");
  }
  rig.queue.interrupt();
  CHECK(rig.queue.wait().empty());
}

TEST_CASE("a flood of paths is asked within bounds, and what was left out comes again") {
  Rig rig;
  for (int i = 0; i < 10'000; ++i) rig.find("/flood/" + std::to_string(i));
  const auto questions = rig.queue.wait();
  CHECK(questions.size() == TemplateQueue::kMost);
  for (const auto& question : questions) rig.queue.answer(question, "/flood/:i");
  CHECK(rig.find("/flood/0") == "/flood/:i");
  CHECK(rig.find("/flood/9999") == "other");
  rig.answer_all("/flood/:i");
  CHECK(rig.find("/flood/9999") == "/flood/:i");
}

TEST_CASE("a closed queue asks nobody and ends the wait") {
  Rig rig;
  std::thread closer{[&] { rig.queue.close(); }};
  CHECK(rig.queue.wait().empty());
  closer.join();
  CHECK(rig.queue.closed());
  CHECK(rig.find("/a") == "other");
}

}  // namespace hyperion::observe
