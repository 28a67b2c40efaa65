# frozen_string_literal: true

require "json"

# Where lines go: files, their rotation, disks that are full, and the streams of the process.
RSpec.describe "log files" do
  warning = <<~RUBY
    run(lambda do |env|
      Hyperion.logger.warn("careful") if env["PATH_INFO"] == "/warn"
      if env["PATH_INFO"] == "/print"
        $stdout.puts("printed out")
        warn("printed error")
      end
      [200, {}, ["ok"]]
    end)
  RUBY
  let(:warning_app) { warning }

  def lines(process, name)
    path = process.path(name)
    File.exist?(path) ? File.readlines(path) : []
  end

  def get(process, path)
    Support::RawClient.open(process.port) { |client| client.fetch("GET", path) }
  end

  def wait_for_line(process, name, pattern)
    wait_until("#{pattern} in #{name}") { lines(process, name).grep(pattern).first }
  end

  it "take what would go to the standard streams, and are made for their owner and group",
     option: %i[log_file error_log_file] do
    process = start_hyperion("-p0", "--log-file", "logs/info.log", "--error-log-file=logs/error.log",
                             app: warning_app, files: {"logs/info.log" => "before\n"})
    get(process, "/warn")
    wait_for_line(process, "logs/info.log", %r{INFO access: GET /warn 200})
    wait_for_line(process, "logs/error.log", /WARN app: careful/)

    expect(lines(process, "logs/info.log").first).to eq("before\n")
    expect(process.stdout).not_to match(/access|careful/)
    expect(process.stderr).to eq("")
    expect(File.stat(process.path("logs/error.log")).mode.to_s(8)).to match(/6[04]0\z/)
  end

  it "are opened anew on HUP: a rotation under load loses no line" do
    process = start_hyperion("-p0", "--log-file", "info.log", app: warning_app)
    count = 0
    stop = false
    client = Thread.new do
      Support::RawClient.open(process.port) do |connection|
        until stop
          connection.fetch("GET", "/#{count}")
          count += 1
        end
      end
    end
    (1..5).each do |turn|
      wait_until("requests") { lines(process, "info.log").size > 20 }
      File.rename(process.path("info.log"), process.path("info.#{turn}.log"))
      process.signal("HUP")
      wait_for_line(process, "info.log", %r{INFO server: HUP: open anew: .*/info\.log$})
    end
    stop = true
    client.join
    process.signal("TERM")

    expect(exit_status(process)).to eq(0)
    paths = (1..5).map { |turn| "info.#{turn}.log" } << "info.log"
    text = paths.map { |path| File.read(process.path(path)) }.join
    expect(text.scan(%r{ GET /(\d+) }).flatten.map(&:to_i)).to eq((0...count).to_a)
    expect(text.lines).to all(match(/\A\d{4}-.*\n\z/))
    expect(paths.first(5).map { |path| lines(process, path).size }).to all(be > 10)
  end

  # {option: a file that cannot be written}
  def self.unwritable
    {"log-file" => "none/at/all/a.log", "error-log-file" => "file/a.log", "redirect-stdout" => "folder",
     "redirect-stderr" => "none/at/all/a.log", "pidfile" => "none/at/all/a.pid", "state-path" => "file/a.state"}
  end

  it "that cannot be written are an error at the start and in --check-config: #{unwritable.keys.join(", ")}" do
    started = self.class.unwritable.to_a.product([[], ["--check-config"]]).map do |(option, path), check|
      ["--#{option}", path, run_hyperion("-p0", "--#{option}", path, *check, files: {"file" => "", "folder/x" => ""})]
    end

    aggregate_failures do
      started.each do |flag, path, process|
        expect(process.stderr).to match(%r{\Ahyperion: #{flag}: cannot \w+ /\S+/#{path}: [a-z ]+\n\z})
        expect(exit_status(process)).to eq(1)
        expect(Dir.children(process.folder)).not_to include("none")
      end
    end
  end

  it "and the process's own have their folder made, where that alone is missing" do
    arguments = %w[-p0 --log-file a/i.log --error-log-file b/e.log --redirect-stdout c/out --pidfile d/e.pid -S f/g]
    checked = run_hyperion(*arguments, "--check-config")
    expect(exit_status(checked)).to eq(0)
    expect(Dir.children(checked.folder) & %w[a b c d f]).to be_empty

    process = spawn_hyperion(*arguments)
    files = %w[a/i.log b/e.log c/out d/e.pid f/g].map { |path| process.path(path) }
    wait_until("the files") { files.all? { |path| File.file?(path) } }
  end

  it "that cannot be opened anew stay open, which is told" do
    process = start_hyperion("-p0", "--log-file", "logs/info.log", app: warning_app, files: {"logs/info.log" => ""})
    File.rename(process.path("logs"), process.path("old"))
    process.signal("HUP")
    wait_until("the warning") { process.stderr.include?("WARN server: cannot open") }
    get(process, "/after")
    wait_for_line(process, "old/info.log", %r{GET /after 200})

    expect(process.stderr).to match(%r{cannot open \S+/logs/info\.log anew \(no such file or directory\): lines})
  end

  it "that cannot be opened at the start end it with one line that says who wants them" do
    {["--log-file", "/nowhere/at/a.log"] => "--log-file: cannot open /nowhere/at/a.log: no such file or directory",
     ["--error-log-file", "."] => %r{--error-log-file: cannot open \S+: is a directory}}.each do |flags, message|
      process = run_hyperion("-p0", *flags)
      expect(process.status.exitstatus).to eq(1)
      expect(process.stderr).to match(/\Ahyperion: #{message}\n\z/)
    end
    process = run_hyperion("-p0", env: {"HYPERION_REDIRECT_STDERR" => "/nowhere/at/b"})
    expect(process.status.exitstatus).to eq(1)
    expect(process.stderr)
      .to eq("hyperion: HYPERION_REDIRECT_STDERR: cannot open /nowhere/at/b: no such file or directory\n")
  end

  it "on a full disk lose lines, and nothing else; when there is room again it is told" do
    process = start_hyperion("-p0", "--log-file", "full.log", "--error-log-file", "full.log",
                             app: "File.symlink('/dev/full', 'full.log')\n#{warning_app}", files: {"room.log" => ""})
    200.times { expect(get(process, "/lost").status).to eq(200) }
    File.rename(process.path("room.log"), process.path("full.log"))
    process.signal("HUP")
    wait_for_line(process, "full.log", /INFO server: HUP/)
    get(process, "/kept")
    line = wait_for_line(process, "full.log", /WARN log: log lines were dropped/)

    lost = line[/because they could not be written \(No space left on device\): (\d+)$/, 1].to_i
    expect(lost).to be > 0
    # The last ones may have waited until there was room.
    expect(lost + lines(process, "full.log").grep(%r{GET /lost}).size).to eq(200)
    wait_for_line(process, "full.log", %r{GET /kept 200})
  end

  it "HUP without any says so" do
    process = start_hyperion("-p0")
    process.signal("HUP")
    wait_until("an answer") { process.stdout.include?("INFO server: HUP: no log file to open anew") }
  end

  it "may be those of the whole process, as Puma's stdout_redirect",
     option: %i[redirect_stdout redirect_stderr redirect_append] do
    process = spawn_hyperion("-p0", "--redirect-stdout", "out.log", "--redirect-stderr", "err.log",
                             "--no-redirect-append", app: warning_app,
                                                     files: {"out.log" => "before\n", "err.log" => "before\n"})
    wait_until("the banner") { File.read(process.path("out.log"))[/Listening on \S+:(\d+)$/, 1] || process.status }
    port = File.read(process.path("out.log"))[/Listening on \S+:(\d+)$/, 1]
    fetch = ->(path) { Support::RawClient.open(Integer(port)) { |client| client.fetch("GET", path) } }
    fetch.call("/print")
    fetch.call("/warn")
    [["out.log", /\Aprinted out/], ["out.log", %r{access: GET /print}], ["err.log", /\Aprinted error/],
     ["err.log", /WARN app: careful/]].each { |name, pattern| wait_for_line(process, name, pattern) }
    File.rename(process.path("out.log"), process.path("out.old"))
    process.signal("HUP")
    wait_for_line(process, "out.log", /HUP: open anew: \S+out\.log, \S+err\.log/)
    fetch.call("/print")
    wait_for_line(process, "out.log", /\Aprinted out/)

    expect(%w[out.old err.log].map { |name| File.read(process.path(name)) }.join).not_to include("before")
    expect([process.stdout, process.stderr]).to eq(["", ""])
  end

  it "of an embedded server are its own, opened anew by a call" do
    Dir.mktmpdir do |folder|
      path = File.join(folder, "own.log")
      server = start_server(->(_env) { [200, {}, []] }, log_requests: true, log_file: path)
      fetch(server, "GET", "/first")
      wait_until("the first line") { File.read(path).include?("/first") }
      File.rename(path, "#{path}.1")

      expect(server.reopen_logs).to eq([path])
      fetch(server, "GET", "/second")
      wait_until("the second line") { File.read(path).include?("/second") }
      server.stop
      expect(server.reopen_logs).to eq([])
      expect { Hyperion::Server.new(app: ->(_env) {}, port: 0, log_file: folder).start }
        .to raise_error(Hyperion::ConfigError, /\AHyperion::Server: log_file: cannot open .*: is a directory\z/)
    end
  end

  describe "colours" do
    require "pty"

    # Standard output is a terminal, standard error is not.
    def on_terminal(env)
      process = nil
      said = +""
      reader, terminal = PTY.open
      process = spawn_hyperion("-p0", app: warning_app, env: {"TERM" => "xterm", "NO_COLOR" => nil, **env},
                                      options: {out: terminal})
      terminal.close
      listener = Thread.new { loop { said << reader.readpartial(4096) } rescue nil } # rubocop:disable Style/RescueModifier
      port = wait_until("the banner") { said[/Listening on \S+:(\d+)/, 1] }
      Support::RawClient.open(Integer(port)) { |client| client.fetch("GET", "/warn") }
      wait_until("the line") { said.include?("/warn") && process.stderr.include?("careful") }
      [said, process.stderr]
    ensure
      process&.signal("KILL")
      listener&.join
      reader&.close
    end

    it "are for terminals, each stream for itself" do
      out, err = on_terminal({})
      expect(out).to match(%r{ \e\[32mINFO\e\[0m access: GET /warn \e\[32m200\e\[0m })
      expect(err).to match(/ WARN app: careful$/)
    end

    it "are not for those who do not want them" do
      expect(on_terminal({"NO_COLOR" => "1"}).first).to match(%r{Z INFO access: GET /warn 200 })
    end
  end

  it "lines are JSON in production" do
    process = start_hyperion("-p0", "-e", "production", "-b", "127.0.0.1", app: warning_app)
    get(process, "/warn")
    wait_until("the lines") { process.stdout.include?("/warn") && !process.stderr.empty? }

    expect(JSON.parse(process.stdout.lines.last)).to include(
      "ts" => /\A\d{4}-\d\d-\d\dT.*Z\z/, "level" => "info", "source" => "access", "message" => "request",
      "method" => "GET", "path" => "/warn", "query" => "", "status" => 200, "duration_ms" => Float, "bytes" => 2,
      "remote_addr" => "127.0.0.1", "http_version" => "HTTP/1.1"
    )
    expect(JSON.parse(process.stderr)).to include("level" => "warn", "source" => "app", "message" => "careful")
  end
end
