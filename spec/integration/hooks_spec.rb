# frozen_string_literal: true

# The hooks of the configuration file, in one process.
RSpec.describe "exe/hyperion, hooks of the configuration file" do
  it "run once each: before the server starts, before the first request, and when it has stopped" do
    process = start_hyperion(files: {"config/hyperion.rb" => <<~RUBY}, app: <<~APP)
      port 0
      log_requests false
      logger = ->(text) { File.write("hooks", text + "\\n", mode: "a") }
      before_fork { logger.call("before_fork") }
      on_worker_boot { |index| logger.call("boot \#{index}") }
      before_worker_boot { raise "no luck" }
      on_worker_shutdown { |index| logger.call("shutdown \#{index}") }
    RUBY
      File.write("hooks", "app loaded\n", mode: "a")
      run(lambda do |env|
        File.write("hooks", "request\n", mode: "a")
        [200, {}, []]
      end)
    APP
    2.times { expect(Support::RawClient.open(process.port, &:fetch).status).to eq(200) }
    process.signal("TERM")

    expect(exit_status(process)).to eq(0)
    expect(File.readlines(process.path("hooks"), chomp: true))
      .to eq(["app loaded", "before_fork", "boot 0", "request", "request", "shutdown 0"])
    expect(process.stderr)
      .to match(%r{\A\S+ ERROR server: a hook failed: config/hyperion.rb:6: before_worker_boot: RuntimeError: no lu})
  end

  it "take the server's own words, and requests wait for them" do
    process = spawn_hyperion("-b", "unix://a.sock", files: {"config/hyperion.rb" => <<~RUBY})
      on_worker_boot do
        Hyperion::Server.handle_static("GET", "/route", "native")
        sleep 0.01 until File.exist?("go")
      end
    RUBY
    wait_for_socket(process.path("a.sock"))
    Support::RawClient.open(path: process.path("a.sock")) do |client|
      client.request
      expect(client.readable?(0.1)).to be(false)
      process.write("go", "")
      expect(client.read_response.status).to eq(200)
      expect(client.fetch("GET", "/route").body).to eq("native")
    end
  end
end
