# frozen_string_literal: true

require "hyperion/config/configuration"

RSpec.describe Hyperion::Config::PumaScript do
  around { |example| Dir.mktmpdir { |folder| Dir.chdir(folder) { example.run } } }

  def load_script(text, path = "config/puma.rb")
    FileUtils.mkdir_p(File.dirname(path))
    File.write(path, text)
    described_class.load(path)
  end

  def configuration(text)
    Hyperion::Config::Configuration.new([load_script(text)])
  end

  def with_env(variables)
    before = ENV.to_h
    ENV.update(variables)
    yield
  ensure
    ENV.replace(before)
  end

  fixtures = File.expand_path("../../fixtures/puma", __dir__)
  one_process = /workers: this version serves in one process/

  # File, environment, some of the values, all of the warnings.
  [
    ["rails_7_1", {}, {threads: 5..5, port: 3000, environment: "development", pidfile: "tmp/pids/server.pid"},
     [/:16: worker_timeout: without effect: this version serves in one process/]],
    ["rails_7_1", {"RAILS_ENV" => "production", "WEB_CONCURRENCY" => "3", "RAILS_MAX_THREADS" => "7",
                   "RAILS_MIN_THREADS" => "2"},
     {threads: 2..7, workers: 3, environment: "production"}, [one_process]],
    ["rails_7_2", {"PORT" => "4000", "PIDFILE" => "/run/app.pid"},
     {threads: 3..3, port: 4000, pidfile: "/run/app.pid"}, []],
    ["rails_8_0", {"RAILS_MAX_THREADS" => "8"}, {threads: 8..8, port: 3000, pidfile: nil}, []],
    ["heroku", {"PORT" => "5000", "RACK_ENV" => "production"},
     {threads: 5..5, environment: "production", rackup: "config.ru", listen: %w[tcp://[::]:5000]}, [one_process]],
    ["render", {"WEB_CONCURRENCY" => "1"}, {threads: 5..5, port: 3000, environment: "production"}, []],
    ["fly", {}, {listen: %w[tcp://[::]:8080], graceful_timeout: 25.0}, []],
    ["railway", {}, {listen: %w[tcp://0.0.0.0:3000], idle_keepalive: 75, header_timeout: 30}, []],
    ["digital_ocean", {}, {threads: 1..6, environment: "production"},
     [/activate_control_app: without effect: there is no control app/, one_process]],
    ["elastic_beanstalk", {}, {threads: 8..32, directory: "."}, [one_process]],
    ["capistrano", {}, {threads: 0..16, listen: %w[unix://tmp/sockets/puma.sock], tag: "shop", backlog: 1024,
                        state_path: "tmp/pids/puma.state"},
     [/prune_bundler: without effect: the bundle is as it was/]],
    ["long_lived", {},
     {log_requests: false, max_body_bytes: 10 << 20, early_hints: true},
     [/daemonize: without effect: the server stays/, /nakayoshi_fork/, /fork_worker/, /wait_for_less_busy_worker/,
      /worker_boot_timeout/, /worker_check_interval/, /worker_timeout/, /max_fast_inline.*holds no thread/,
      /io_selector_backend/, /out_of_band.*not run/, /on_refork/,
      /some_word_of_a_fork: no word of Puma or of this server, so it has no effect\z/]]
  ].each do |name, env, values, warnings|
    it "loads #{name}.rb#{" with #{env.keys.join(", ")}" unless env.empty?}" do
      found = with_env(env) { configuration(File.read("#{fixtures}/#{name}.rb")) }
      values.each do |option, value|
        expect(option == :listen ? found.addresses.map(&:to_s) : found[option]).to eq(value), option.to_s
      end
      # Two may be for one process and one notice: `workers 2` of a machine with one processor is none.
      warnings -= [one_process] if found[:workers] == 1
      expect(found.warnings).to match_array(warnings.map { |warning| a_string_matching(warning) })
    end
  end

  # Every public word of Puma 5.6, 6.6, 7.1 and 8.0.
  it "knows every word of Puma" do
    words = File.readlines("#{fixtures}/words.txt", chomp: true)
    expect(words - Hyperion::Config::PumaWords.words.map(&:to_s)).to be_empty
  end

  it "says of a word without meaning why, once" do
    found = load_script("nakayoshi_fork\nnakayoshi_fork\npreload_app!\nfork_worker 1000\nfoo 1\nfoo\n").warnings

    expect(found.size).to eq(3)
    expect(found[0]).to match(%r{\Aconfig/puma.rb:1: nakayoshi_fork: without effect: this version serves in})
    expect(found[2]).to match(%r{\Aconfig/puma.rb:5: foo: no word of Puma})
  end

  it "listens where Puma would" do
    {
      "port 1\nport 2, '127.0.0.2'\nport 3, '::1'" => %w[tcp://127.0.0.2:2 tcp://[::1]:3 tcp://127.0.0.1:1],
      "port 1\nport 2" => %w[tcp://127.0.0.1:2 tcp://127.0.0.1:1],
      "port '1'\nbind 'unix://a?umask=0111&backlog=5'" => %w[unix://a tcp://127.0.0.1:1],
      "bind 'tcp://0.0.0.0:1?low_latency=true'" => %w[tcp://0.0.0.0:1],
      "bind 'tcp://0.0.0.0:1'\nclear_binds!\nport 2" => %w[tcp://127.0.0.1:2],
      "set_default_host '0.0.0.0'\nport 1" => %w[tcp://0.0.0.0:1],
      "environment 'production'\nport 1" => %w[tcp://0.0.0.0:1]
    }.each { |text, addresses| expect(configuration(text).addresses.map(&:to_s)).to match_array(addresses), text }
  end

  it "counts a value that is nil as not given" do
    found = configuration("port ENV['NOBODY']\nworkers ENV['NOBODY']\nenvironment nil\ntag nil\npidfile ENV['NOBODY']")

    expect(found.warnings).to be_empty
    expect([found[:port], found[:pidfile]]).to eq([9292, nil])
  end

  it "takes Puma's ways of saying how long a stop may last" do
    {"force_shutdown_after" => 0, "force_shutdown_after :forever" => 0, "force_shutdown_after 7" => 7,
     "force_shutdown_after :immediately" => described_class::AT_ONCE, "worker_shutdown_timeout 9" => 9,
     "force_shutdown_after 7\nworker_shutdown_timeout 9" => 7, "worker_shutdown_timeout 9\nforce_shutdown_after 7" => 7}
      .each { |text, seconds| expect(configuration(text)[:graceful_timeout]).to eq(seconds), text }
  end

  it "reads further files after the first, and knows what was said" do
    FileUtils.mkdir_p("config")
    File.write("config/more.rb", "threads 2, get(:max_threads)\nprot 1\n")
    layer = load_script("load 'config/more.rb'\nthreads 1, 4\ninject { tag 'x' }\ntag get(:nothing, get(:tag) + 'y')")

    expect(layer[:threads].value).to eq(2..4)
    expect(layer[:tag].value).to eq("xy")
    expect(layer.warnings).to match([%r{\Aconfig/more.rb:2: prot: no word of Puma.* the nearest is port\z}])
  end

  it "runs the code for the mode that Puma would be in" do
    text = "single { tag 'one' }\ncluster { tag 'many' }\n"

    expect(configuration(text)[:tag]).to eq("one")
    expect(configuration("#{text}workers 2")[:tag]).to eq("many")
    expect(configuration("#{text}workers :auto")[:tag]).to eq("many")
    expect(configuration("#{text}workers 0")[:tag]).to eq("one")
  end

  it "lets plugins add to the configuration, and give it words" do
    FileUtils.mkdir_p("lib/puma/plugin")
    File.write("lib/puma/plugin/shop.rb", <<~RUBY)
      require "puma/plugin"
      class Puma::DSL
        def shop_mode(mode = :open)
          @options[:shop_mode] = mode
        end
      end
      Puma::Plugin.create do
        def config(words)
          words.threads 2, 3
        end
      end
    RUBY
    $:.unshift(File.expand_path("lib"))
    layer = load_script("threads 9\nplugin 'shop'\nshop_mode :closed if respond_to?(:shop_mode)\nno_mode\n")
    own = Hyperion::Config::Script.load("config/hyperion.rb".tap { |path| File.write(path, "plugin :shop") })

    expect(layer.puma.options[:shop_mode]).to eq(:closed)
    expect(layer[:threads].value).to eq(2..3)
    expect(layer.warnings.size).to eq(1)
    expect(own[:threads].value).to eq(2..3)
    expect(own.puma.plugins.keys).to eq(["shop"])
  ensure
    $:.delete(File.expand_path("lib"))
  end

  it "keeps hooks, with their places" do
    layer = load_script("on_worker_boot(:db) { |index, data| data[:seen] = index }\nbefore_fork { }")
    entry = layer.puma.options[:before_worker_boot].first

    expect(entry).to include(id: :db)
    expect(layer.puma.origin_of(entry)).to eq("config/puma.rb:1: on_worker_boot")
    expect(layer.puma.options[:before_fork].size).to eq(1)
  end

  {
    "a wrong number" => ["port 'high'", /:1: port: "high" is not allowed, expected a whole number/],
    "threads in the wrong order" => ["threads 5, 1", /:1: threads: \[5, 1\] is not allowed/],
    "a thread count that is none" => ["threads :a", /:1: TypeError/],
    "TLS" => ["bind 'ssl://0.0.0.0:9292?key=a&cert=b'", %r{:1: bind: "ssl://0.0.0.0:9292" is not allowed, TLS is not}],
    "ssl_bind" => ["ssl_bind '127.0.0.1', '9292', {key: 'a', cert: 'b'}", /:1: ssl_bind: .*TLS is not in/],
    "the PROXY protocol" => ["set_remote_address proxy_protocol: :v1", /:1: set_remote_address: the PROXY protocol/],
    "an address of nobody" => ["set_remote_address 5", /:1: set_remote_address: 5 is not allowed/],
    "methods" => ["supported_http_methods :get", /:1: supported_http_methods: expected :any or a list/],
    "a hook without a block" => ["\non_worker_boot", /:2: on_worker_boot: a block is missing/],
    "a handler that cannot be called" => ["lowlevel_error_handler 5", /:1: lowlevel_error_handler: a block, or/],
    "a plugin that is not there" => ["plugin :no_such", %r{:1: plugin: there is no puma/plugin/no_such.rb}],
    "a file that raises" => ["\n\nraise 'no luck'", /:3: RuntimeError: no luck/],
    "a further file that is not there" => ["load 'no.rb'", /cannot read the configuration file no.rb/]
  }.each do |what, (text, message)|
    it "names file and line of #{what}" do
      expect { load_script(text) }.to raise_error(Hyperion::ConfigError, message)
    end
  end

  describe "whose file it is" do
    it "is told by its name, or by words that only Puma has" do
      File.write("web.rb", "port 1\n  stdout_redirect 'a'\n")
      File.write("own.rb", "port 1\nthreads 2\n# stdout_redirect\nstdout_redirect = 1\n")

      expect(%w[config/puma.rb config/puma/staging.rb my_puma.rb web.rb].map { |path| described_class.for?(path) })
        .to all(be(true))
      expect(%w[own.rb nobody.rb].map { |path| described_class.for?(path) }).to all(be(false))
    end

    it "is found as Puma finds it, unless there is a config/hyperion.rb" do
      loaded = -> { Hyperion::Config::Configuration.load(Hyperion::Config::Layer.new, env: {"RACK_ENV" => "staging"}) }
      FileUtils.mkdir_p("config/puma")
      File.write("config/puma.rb", "tag 'all'\nfoo")
      expect(loaded.call[:tag]).to eq("all")
      File.write("config/puma/staging.rb", "tag 'staging'")
      expect(loaded.call[:tag]).to eq("staging")
      File.write("config/hyperion.rb", "tag 'own'")
      expect(loaded.call[:tag]).to eq("own")
    end
  end
end
