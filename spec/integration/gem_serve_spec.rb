# frozen_string_literal: true

require "bundler"
require "json"

# `bin/serve`, the first command of the README.
RSpec.describe "bin/serve", :build do
  command = [File.join(Support::HyperionProcess::ROOT, "bin/serve")]
  # Nothing of this process' bundle.
  outside = ENV.to_h.keys.grep(/\A(BUNDLE|BUNDLER|RUBY|GEM)_?/).to_h { |name| [name, nil] }
               .merge(Bundler.unbundled_env.slice("PATH", "GEM_HOME", "GEM_PATH"))

  it "serves the demo when it is given nothing" do
    server = start_hyperion("-p", "0", app: nil, command: command, env: outside)

    Support::RawClient.open(server.port) do |client|
      expect(client.fetch("GET", "/")).to have_attributes(status: 200, body: /<h1>hyperion works/)
      expect(JSON.parse(client.fetch("GET", "/about").body)).to include("server" => /hyperion/, "process" => server.pid)
      expect(JSON.parse(client.fetch("POST", "/digest", {}, "abc").body))
        .to eq("bytes" => 3, "digest" => "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
      client.request("GET", "/ticks")
      client.read_head
      expect(client.read_line.to_i(16)).to be_positive
      expect(client.read_line).to start_with("data:").and include('"tick":1')
    end
  end

  it "passes its arguments on" do
    version = run_hyperion("--version", app: nil, command: command, env: outside)
    expect([version.stdout, version.status.exitstatus]).to match([/\Ahyperion #{Hyperion::VERSION}$/, 0])

    unknown = run_hyperion("--no-such-flag", command: command, env: outside)
    expect([unknown.stderr, unknown.status.exitstatus]).to match([/no-such-flag/, 1])
  end

  it "leaves an application with a Gemfile its own gems" do
    rack = Gem.loaded_specs.fetch("rack")
    gemfile = "gem \"rack\", \"#{rack.version}\", path: #{rack.full_gem_path.inspect}\n"
    app = 'run ->(env) { [200, {"content-type" => "text/plain"}, [ENV["BUNDLE_GEMFILE"]]] }'
    server = start_hyperion("-p", "0", "app/config.ru", app: nil, command: command, env: outside,
                                                        files: {"app/Gemfile" => gemfile, "app/config.ru" => app})

    Support::RawClient.open(server.port) do |client|
      expect(client.fetch.body).to eq(File.realpath(server.path("app/Gemfile")))
    end
  end
end
