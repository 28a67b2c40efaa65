// From paths to their shapes, and the bounded table of shapes.
#include "observe/path_template.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace hyperion::observe {

TEST_CASE("a path's shape has placeholders where one thing differs from another") {
  struct Row {
    std::string_view path;
    std::string_view shape;
  };
  const Row rows[] = {
      {"/", "/"},
      {"*", "*"},
      {"", ""},
      {"/users", "/users"},
      {"/users/", "/users/"},
      {"//users", "//users"},
      {"/users/17", "/users/:id"},
      {"/users/17/photos/4", "/users/:id/photos/:id"},
      {"/users/17.json", "/users/:id.json"},
      {"/days/2024-05-01", "/days/:id"},
      {"/api/v2/users", "/api/v2/users"},
      {"/api/2.0/users", "/api/2.0/users"},
      {"/a/6fa459ea-ee8a-3ca4-894e-db77e160355e/b", "/a/:uuid/b"},
      {"/a/6FA459EA-EE8A-3CA4-894E-DB77E160355E", "/a/:uuid"},
      {"/a/6fa459ea-ee8a-3ca4-894e_db77e160355e", "/a/:token"},
      {"/commits/4f3a9c2e", "/commits/:hex"},
      {"/commits/d41d8cd98f00b204e9800998ecf8427e.patch", "/commits/:hex.patch"},
      {"/commits/da39a3ee5e6b4b0d3255bfef95601890afd80709", "/commits/:hex"},
      {"/words/defaced", "/words/defaced"},
      {"/words/deadbeefdeadbeef", "/words/deadbeefdeadbeef"},
      {"/blobs/eyJfcmFpbHMiOnsiZGF0YSI6MTcsInB1ciI6ImJs/cat.png", "/blobs/:token/cat.png"},
      {"/a b", "/a%20b"},
      {"/caf\xc3\xa9", "/caf%C3%A9"},
      {"/x\n7", "/x%0A7"},
      {"/\"\\", "/\"\\"},
  };
  PathTemplate made;
  for (const Row& row : rows) CHECK(made.of(row.path) == row.shape);
}

TEST_CASE("a path that is too long to be told has no shape") {
  PathTemplate made;
  std::string path;
  while (path.size() < Paths::kLongest) path += "/a";
  CHECK(made.of(path) == path);
  CHECK(made.of(path + "/a").empty());
  CHECK(made.of(path + "/1").empty());
  std::string bytes = "/";
  bytes.append(Paths::kLongest / 2, '\xff');
  CHECK(made.of(bytes) == "/:token");
}

TEST_CASE("paths: the same text has the same id, and there is an end of ids") {
  auto paths = std::make_unique<Paths>();
  const Paths::Id first = paths->intern("/a");
  CHECK(first != Paths::kOther);
  CHECK(paths->intern("/a") == first);
  CHECK(paths->find("/a") == first);
  CHECK(paths->find("/b") == Paths::kOther);
  CHECK(paths->size() == 1);
  CHECK(paths->text(first) == "/a");
  CHECK(paths->text(Paths::kOther) == "other");
  CHECK(paths->intern("other") == Paths::kOther);
  CHECK(paths->intern("") == Paths::kOther);
  CHECK(paths->intern(std::string(Paths::kLongest + 1, 'x')) == Paths::kOther);
  for (int i = 0; i < 10'000; ++i) {
    const std::string text = "/flood/" + std::to_string(i);
    const Paths::Id id = paths->intern(text);
    if (id != Paths::kOther) CHECK(paths->text(id) == text);
  }
  CHECK(paths->size() <= Paths::kMost);
  CHECK(paths->size() > Paths::kMost * 9 / 10);
  CHECK(paths->intern("/one/more") == Paths::kOther);
  CHECK(paths->intern("/a") == first);
}

TEST_CASE("paths: many threads, one text each time") {
  auto paths = std::make_unique<Paths>();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        const std::string text = "/p/" + std::to_string(i % 700);
        const Paths::Id id = paths->intern(text);
        if (id != Paths::kOther && paths->text(id) != text) FAIL_CHECK("another text");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(paths->size() <= Paths::kMost);
}

}  // namespace hyperion::observe
