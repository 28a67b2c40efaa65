# frozen_string_literal: true

require "json"

# What is answered natively is answered while Ruby's lock is held by a C function that gives it to nobody: String#crypt,
# with so many rounds that it takes seconds, on an app thread.
RSpec.describe "static routes while Ruby's lock is held", no_lint: "a process of its own, and the bodies are alike" do
  rackup = <<~'RUBY'
    require "json"

    text = {"content-type" => "text/plain"}
    Hyperion::Server.handle_static("GET", "/static", "static")
    Hyperion::Server.handle_static("GET", "/large", "L" * 200_000)
    Hyperion::Server.handle("GET", "/block") { [200, text, ["block"]] }
    Hyperion::Server.handle("GET", "/hold") do |env|
      File.write("held", "")
      "secret".crypt("$6$rounds=#{env["QUERY_STRING"]}$salt")
      [200, text, ["held"]]
    end
    if ENV["HOOKS"]
      $seen = Hash.new(0)
      Hyperion::Runtime.default.on_request_end { |request, env, *| $seen[[request.path, env.nil?]] += 1 }
      Hyperion::Server.handle("GET", "/seen") do
        [200, text, [JSON.generate($seen.map { |key, count| [*key, count] })]]
      end
    end
    run ->(_env) { [200, text, ["app"]] }
  RUBY

  # Rounds that take about so many seconds on this machine.
  def rounds(seconds)
    began = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
    "secret".crypt("$6$rounds=100000$salt")
    (seconds * 100_000 / (Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) - began)).round
  end

  define_method(:serve) { |**env| start_hyperion("-p", "0", "--no-log-requests", app: rackup, env: env) }

  # Yields once the lock is held; its holder then has some seconds to go.
  def while_held(process, seconds = 2)
    holder = Support::RawClient.new(process.port).request("GET", "/hold?#{rounds(seconds)}")
    wait_until("the lock to be held") { File.exist?(process.path("held")) }
    yield holder
    holder.read_response
  end

  it "are answered, and blocks are not" do
    process = serve
    while_held(process) do |holder|
      block = Support::RawClient.new(process.port).request("GET", "/block")
      Support::RawClient.open(process.port) do |client|
        expect(Array.new(100) { client.fetch("GET", "/static").body }).to all(eq("static"))
        expect(client.fetch("HEAD", "/static").status).to eq(200)
        expect(client.fetch("GET", "/static", "If-None-Match" => "*").status).to eq(304)
        expect(client.fetch("GET", "/large").body.size).to eq(200_000)
      end
      20.times do
        Support::RawClient.open(process.port) { |client| expect(client.fetch("GET", "/static").status).to eq(200) }
      end
      # All that time the lock was held, and the block waited for it.
      expect([holder.readable?, block.readable?]).to eq([false, false])
      expect(block.read_response.body).to eq("block")
      expect(holder.read_response.body).to eq("held")
      break
    end
  end

  it "are answered although there are hooks, which run afterwards, those that fit into the queue" do
    process = serve("HOOKS" => "1")
    while_held(process) do |holder|
      Support::RawClient.open(process.port) do |client|
        30.times do
          100.times { client.request("GET", "/static") }
          100.times { expect(client.read_response.body).to eq("static") }
        end
      end
      expect(holder).not_to be_readable
      holder.read_response
      break
    end
    Support::RawClient.open(process.port) do |client|
      seen = lambda do
        JSON.parse(client.fetch("GET", "/seen").body).to_h { |path, native, count| [[path, native], count] }
      end
      wait_until("the hooks") { seen.call[["/static", true]].to_i >= 1024 }
      # The queue holds 1024; what an app thread had taken out of it before the lock was held comes on top.
      expect(seen.call[["/static", true]]).to be_between(1024, 1024 + 64)
      expect(seen.call).to include(["/hold", false] => 1)
    end
  end
end
