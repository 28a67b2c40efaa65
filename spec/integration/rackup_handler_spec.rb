# frozen_string_literal: true

require "rack"

# Rack 2 brings its own `rackup` and looks for servers below Rack::Handler, Rack 3 has both in the gem rackup.
RSpec.describe "rackup -s hyperion" do
  rack_2 = Rack.release.start_with?("2.")
  gem_name = rack_2 ? "rack" : "rackup"

  let(:ruby) { [RbConfig.ruby, "-I", "#{Support::HyperionProcess::ROOT}/lib"] }
  let(:program) { [*ruby, Gem.bin_path(gem_name, "rackup")] }

  def rackup(*arguments, **options)
    spawn_hyperion("-s", "hyperion", *arguments, command: program, bundler: true, **options)
  end

  def fetch_from(process, *request)
    Support::RawClient.open(process.port) { |client| client.fetch(*request) }
  end

  it "serves with the options of -O, -o and -p; INT and TERM stop it, with status 0" do
    app = <<~RUBY
      at_exit { File.write("left", "") }
      run ->(env) { [200, {"content-type" => "text/plain"}, [env["SERVER_SOFTWARE"]]] }
    RUBY
    processes = %w[INT TERM].to_h do |name|
      [name, rackup("-o", "127.0.0.1", "-p", "0", "-O", "max_body_bytes=10", "-O", "Threads=1:3", app: app)]
    end

    processes.each do |name, process|
      wait_for_banner(process)
      expect(process.stdout).to include("* Threads: 1:3 ", "* Listening on http://127.0.0.1:")
      expect(fetch_from(process, "GET").body).to start_with("hyperion/#{Hyperion::VERSION}")
      expect(fetch_from(process, "POST", "/", {}, "x" * 11).status).to eq(413)
      process.signal(name)

      expect(exit_status(process)).to eq(0)
      expect(File.exist?(process.path("left"))).to be(true)
    end
  end

  it "ends although a thread hangs in native code" do
    process = rackup("-p", "0", "-O", "graceful_timeout=200ms", app: <<~RUBY)
      require "fiddle"
      HANG = Fiddle::Function.new(Fiddle::Handle::DEFAULT["sleep"], [Fiddle::TYPE_INT], Fiddle::TYPE_INT)
      run ->(env) { File.write("in", ""); HANG.call(1000); [200, {}, []] }
    RUBY
    wait_for_banner(process)
    Support::RawClient.new(process.port).request
    wait_until("the request") { File.exist?(process.path("in")) }
    process.signal("TERM")

    expect(exit_status(process)).to eq(1)
    expect(process.stderr).to include("the process did not end in time")
  end

  it "lists its options, and says in one line what is wrong" do
    taken = TCPServer.new("127.0.0.1", 0)
    help = rackup("-h")
    wrong = rackup("-O", "threads=x")
    busy = rackup("-o", "127.0.0.1", "-p", taken.addr[1].to_s)

    expect(exit_status(help)).to eq(0)
    expect(help.stdout).to match(/-O threads=N or MIN:MAX\s+Threads/)
    expect([wrong, busy].map { |process| exit_status(process) }).to eq([1, 1])
    expect(wrong.stderr).to match(/^hyperion: threads: "x" is not allowed, expected a number of threads.*$/)
    expect(busy.stderr).to match(/^hyperion: Address already in use - cannot listen at .*$/)
    expect(wrong.stderr + busy.stderr).not_to match(/rack_handler.rb/)
  end

  # What `rails server` passes: its defaults, and which of the keys the user gave.
  let(:main) do
    <<~RUBY
      require "#{gem_name}/handler/hyperion"
      #{gem_name.capitalize}::Handler::Hyperion.run(
        ->(env) { [200, {}, [env.key?("rack.early_hints").inspect]] },
        Port: 0, Host: "127.0.0.1", environment: "development", config: "config.ru", **eval(ARGV.first)
      )
    RUBY
  end

  def served_at(options)
    files = {"main.rb" => main, "config/hyperion.rb" => "bind 'unix://a.sock'\nthreads 2\n"}
    wait_for_banner(spawn_hyperion("main.rb", options.inspect, command: ruby, bundler: true, files: files))
  end

  it "lets the configuration file beat Rails' defaults, and the user's words beat the file" do
    defaults = served_at(early_hints: true, user_supplied_options: [])
    address = served_at(bind: "unix://b.sock")
    words = served_at(threads: "3:4", early_hints: nil, user_supplied_options: %i[Port threads])

    expect(defaults.urls).to eq(["unix://a.sock"])
    expect(defaults.stdout).to include("* Threads: 2 ")
    expect(Support::RawClient.new(path: defaults.path("a.sock")).fetch.body).to eq("true")
    expect(address.urls).to eq(["unix://b.sock"])
    expect(words.urls).to match([%r{\Ahttp://127.0.0.1:\d+\z}])
    expect(words.stdout).to include("* Threads: 3:4 ")
    expect(fetch_from(words, "GET").body).to eq("false")
  end
end
