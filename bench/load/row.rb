# frozen_string_literal: true

require "json"

module Bench
  # One row of the comparison: an application, how many threads it gets, how many connections ask. `routes`: it is
  # answered beside the Rack application, in words that only our own server has. `once`: a new connection for each
  # request.
  Row = Struct.new(:name, :app, :path, :threads, :connections, :check, :naps, :routes, :once, :title,
                   keyword_init: true) do
    # @return [Boolean] whether that is the body that the application should give
    def right?(body)
      check.call(body)
    end
  end

  # The application's files, of random bytes: made once a run.
  FILES = {"1k.bin" => 1024, "1m.bin" => 1 << 20}.freeze

  hello = ->(body) { body == "hello" }
  keys = Array.new(50) { |number| ["key#{number}", "value #{number}"] }.to_h
  json = ->(body) { JSON.parse(body) == keys }
  items = ->(body) { JSON.parse(body).map { |item| item["id"] } == [*0..9] }
  file = ->(name) { ->(body) { body == File.binread(File.join(ENV.fetch("BENCH_FILES"), name)) } }

  ROWS = [
    Row.new(name: "hello", title: "hello, 5 threads, 100 connections",
            app: "hello", path: "/", threads: "5", connections: 100, check: hello),
    Row.new(name: "hello-c5", title: "hello, 5 threads, 5 connections",
            app: "hello", path: "/", threads: "5", connections: 5, check: hello),
    Row.new(name: "hello-c2000", title: "hello, 5 threads, 2,000 connections",
            app: "hello", path: "/", threads: "5", connections: 2000, check: hello),
    Row.new(name: "hello-once", title: "hello, 5 threads, a new connection for each request, 100 at a time",
            app: "hello", path: "/", threads: "5", connections: 100, check: hello, once: true),
    Row.new(name: "hooks", title: "hello, with empty hooks around every request, 5 threads, 100 connections",
            app: "hooks", path: "/", threads: "5", connections: 100, check: hello, routes: true),
    Row.new(name: "block", title: "hello from a block of Server.handle, 5 threads, 100 connections",
            app: "block", path: "/", threads: "5", connections: 100, check: hello, routes: true),
    Row.new(name: "static", title: "hello from Server.handle_static, 100 connections",
            app: "static", path: "/", threads: "5", connections: 100, check: hello, routes: true),
    Row.new(name: "static-mixed", title: "the same among 10,000 other routes, half of them blocks, 100 connections",
            app: "static_mixed", path: "/", threads: "5", connections: 100, check: hello, routes: true),
    Row.new(name: "static-hooks", title: "hello from Server.handle_static, with empty hooks, 100 connections",
            app: "static_hooks", path: "/", threads: "5", connections: 100, check: hello, routes: true),
    Row.new(name: "json50", title: "JSON of 50 keys, 5 threads, 100 connections",
            app: "json50", path: "/", threads: "5", connections: 100, check: json),
    Row.new(name: "json50-c5", title: "JSON of 50 keys, 5 threads, 5 connections",
            app: "json50", path: "/", threads: "5", connections: 5, check: json),
    Row.new(name: "sleep", title: "one in ten sleeps 10 ms, 16 threads, 100 connections",
            app: "sleep", path: "/", threads: "16", connections: 100, check: hello, naps: true),
    Row.new(name: "sleep-5-100", title: "one in ten sleeps 10 ms, 5 to 100 threads, 100 connections",
            app: "sleep", path: "/", threads: "5:100", connections: 100, check: hello, naps: true),
    Row.new(name: "json-sleep", title: "JSON of 50 keys, one in ten sleeps 10 ms, 16 threads, 100 connections",
            app: "json_sleep", path: "/", threads: "16", connections: 100, check: json, naps: true),
    Row.new(name: "file-1k", title: "a file of 1 KiB, 5 threads, 100 connections",
            app: "files", path: "/1k.bin", threads: "5", connections: 100, check: file.call("1k.bin")),
    Row.new(name: "file-1m", title: "a file of 1 MiB, 5 threads, 100 connections",
            app: "files", path: "/1m.bin", threads: "5", connections: 100, check: file.call("1m.bin")),
    Row.new(name: "rails", title: "a Rails JSON action, 5 threads, 100 connections",
            app: "rails", path: "/items", threads: "5", connections: 100, check: items),
    Row.new(name: "rails-t3", title: "a Rails JSON action, 3 threads, 100 connections",
            app: "rails", path: "/items", threads: "3", connections: 100, check: items),
    Row.new(name: "rails-c5", title: "a Rails JSON action, 5 threads, 5 connections",
            app: "rails", path: "/items", threads: "5", connections: 5, check: items)
  ].freeze
end
