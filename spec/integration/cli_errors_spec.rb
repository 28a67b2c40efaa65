# frozen_string_literal: true

RSpec.describe "exe/hyperion, when something is wrong" do
  def expect_one_line(process, message)
    expect(exit_status(process)).to eq(1)
    expect(process.stdout).to eq("")
    expect(process.stderr.lines.size).to eq(1), process.stderr
    expect(process.stderr).to match(message)
  end

  # {what => [arguments, settings of the process, the line]}; all run side by side.
  cases = {
    "an unknown flag" => [%w[--prot 1], {}, /\Ahyperion: unknown option --prot; the nearest is --port /],
    "a wrong value" => [%w[-t many], {}, /\Ahyperion: -t: "many" is not allowed, expected a number of threads/],
    "a wrong variable" => [[], {env: {"HYPERION_PORT" => "x"}}, /\Ahyperion: HYPERION_PORT: "x" is not allowed/],
    "TLS" => [%w[-b ssl://0.0.0.0:1], {},
              %r{\Ahyperion: -b: "ssl://0.0.0.0:1" is not allowed, TLS is not in this build}],
    "a flag of Puma's" => [%w[--control-url auto], {}, /\Ahyperion: --control-url: there is no control app; signals/],
    "a file that -I lets it find" => [%w[-I shop], {app: "require 'shop'", files: {"shop/shop.rb" => "raise 'found'"}},
                                      %r{\Ahyperion: cannot load config.ru: RuntimeError: found \(shop/shop.rb:1\)}],
    "no rackup file" => [[], {app: nil}, %r{\Ahyperion: no config.ru in /\S+; go to the application's folder, or}],
    "a rackup file that is missing" => [%w[other.ru], {}, %r{\Ahyperion: no other.ru in /}],
    "a folder" => [%w[shop], {files: {"shop/config.ru" => ""}},
                   /\Ahyperion: shop is a folder; name its rackup file, or --directory shop$/],
    "a rackup file that raises" =>
      [[], {app: "\nraise KeyError, 'no\nway'"},
       /\Ahyperion: cannot load config.ru: KeyError: no \(config.ru:2\); --log-le/],
    "a file of the application that raises" =>
      [[], {app: "require './lib/app'", files: {"lib/app.rb" => "# ...\nUnknownThing"}},
       %r{\Ahyperion: cannot load config.ru: NameError: uninitialized constant UnknownThing \(lib/app.rb:2\)}],
    "a rackup file with a syntax error" => [[], {app: "run ("},
                                            /\Ahyperion: cannot load config.ru: SyntaxError: .*config.ru:1/],
    "a library that is missing" => [[], {app: "require 'no/such'"},
                                    /\Ahyperion: cannot load config.ru: LoadError: cannot lo/],
    "a rackup file that runs nothing" => [[], {app: "use(Class.new { def initialize(app) end })\nrun nil"},
                                          /\Ahyperion: .*config.ru/],
    "a configuration file that is missing" =>
      [%w[-C x.rb], {}, /\Ahyperion: cannot read the configuration file x.rb: no such file or directory$/],
    "a wrong word" => [[], {files: {"config/hyperion.rb" => "\nthreds 3"}},
                       %r{\Ahyperion: config/hyperion.rb:2: threds is no word .*; the nearest is threads$}],
    "a configuration file that raises" =>
      [[], {files: {"config/hyperion.rb" => "port(3000)\nraise 'no'"}},
       %r{\Ahyperion: config/hyperion.rb:2: RuntimeError: no$}],
    "a wrong value in a block of it" =>
      [[], {files: {"config/hyperion.rb" => "logging do\n  level :loud\nend"}},
       %r{\Ahyperion: config/hyperion.rb:2: logging { level }: :loud is not allowed, expected debug, info,}],
    "a configuration file that is no text" =>
      [[], {files: {"config/hyperion.rb" => "\0\xff\x1b[31m"}}, %r{\Ahyperion: config/hyperion.rb: a NUL byte}],
    "an unknown host" => [%w[-b no.such.host.invalid], {}, /\Ahyperion: .*the host name does not resolve$/],
    "an address that this machine has not" =>
      [%w[-b 192.0.2.1], {},
       %r{\Ahyperion: .*cannot listen at tcp://192.0.2.1:9292; no network interface of this machine}],
    "a folder that is missing" => [%w[-b unix:///no/such/socket], {}, /\Ahyperion: .*the folder does not exist$/],
    "a file in the way" => [%w[-b unix://config.ru], {}, /\Ahyperion: .*something else than a socket is there/],
    "a descriptor that nobody opened" => [%w[-b fd://77], {}, /\Ahyperion: .*no such descriptor was inherited$/],
    "a descriptor that does not listen" => [%w[-b fd://0], {}, /\Ahyperion: .*the descriptor is no socket/]
  }

  it "says so in one line, with the place and what to do: #{cases.keys.join(", ")}" do
    started = cases.transform_values { |(arguments, options, _)| spawn_hyperion(*arguments, **options) }

    aggregate_failures { started.each { |what, process| expect_one_line(process, cases[what].last) } }
  end

  it "names an address that is taken" do
    taken = TCPServer.new("127.0.0.1", 0)
    port = taken.addr[1]

    expect_one_line(run_hyperion("-p", port.to_s),
                    %r{\Ahyperion: Address already in use - cannot listen at tcp://127.0.0.1:#{port}; somebody})
  end

  it "names an address that is forbidden" do
    skip "root may bind every port" if Process.uid.zero? && !system("setpriv --version > /dev/null 2>&1")

    command = Process.uid.zero? ? %w[setpriv --reuid=65534 --clear-groups --bounding-set=-all --inh-caps=-all] : []
    privileged = Integer(File.read("/proc/sys/net/ipv4/ip_unprivileged_port_start")) - 1
    skip "every port is free for all" if privileged < 1

    code = <<~RUBY
      require "hyperion"
      begin
        Hyperion::Server.new(app: ->(_) {}, port: #{privileged}).start
      rescue Errno::EACCES => error
        puts error.message
      end
    RUBY
    command.push(RbConfig.ruby, "-I", "#{Support::HyperionProcess::ROOT}/lib", "-e", code)
    message = IO.popen(command, err: %i[child out], &:readlines).last
    expect(message).to match(/Permission denied - cannot listen at .*:#{privileged}; this user may not; ports below/)
  end

  it "prints the backtrace of a failing rackup file with --log-level debug" do
    process = run_hyperion("--log-level", "debug", app: "def fail_here = raise('no')\nfail_here")

    expect(process.stderr).to match(/config.ru:1:in [`'].*fail_here'.*config.ru:2/m)
    expect(process.stderr.lines.last).to eq("hyperion: cannot load config.ru: RuntimeError: no (config.ru:1)\n")
  end

  it "serves without standard output and error" do
    closed = spawn_hyperion("-b", "unix://a.sock", options: {out: :close, err: :close})
    wait_for_socket(closed.path("a.sock"))

    2.times { Support::RawClient.open(path: closed.path("a.sock")) { |client| expect(client.fetch.status).to eq(200) } }
    closed.signal("TERM")
    expect(exit_status(closed)).to eq(0)
  end
end
