# frozen_string_literal: true

require "json"
require "tempfile"

RSpec.describe Hyperion::Logger do
  # What the block makes a server write to its two descriptors.
  def logged(**options)
    out, err = Array.new(2) { Tempfile.new }
    server = Hyperion::Server.new(app: ->(_env) { [200, {}, []] }, port: 0, log_out: out, log_err: err, **options).start
    yield server
    server.stop
    [out, err].map { |file| File.read(file.path) }
  end

  it "writes through the server that runs, warnings to the second descriptor" do
    out, err = logged(log_level: "debug") do
      Hyperion::Logger::LEVELS.each { |level| Hyperion.logger.public_send(level, "this is #{level}") }
      Hyperion.logger.info { "from a block" }
      Hyperion.logger.warn(ArgumentError.new("an exception"))
      Hyperion.logger.info(some: "data")
      Hyperion.logger.info("two\nlines")
    end

    expect(out.lines.map { |line| line.split(" ", 2).last })
      .to eq(["DEBUG app: this is debug\n", "INFO app: this is info\n", "INFO app: from a block\n",
              "INFO app: some=data\n", "INFO app: two\\x0alines\n"])
    expect(err.lines.map { |line| line.split(" ", 2).last })
      .to eq(["WARN app: this is warn\n", "ERROR app: this is error\n", "FATAL app: this is fatal\n",
              "WARN app: ArgumentError: an exception\n"])
  end

  it "writes JSON where the server does" do
    out, = logged(log_format: "json") { Hyperion.logger.info('with "quotes"') }

    expect(JSON.parse(out))
      .to include("level" => "info", "source" => "app", "message" => 'with "quotes"', "ts" => /\A\d{4}-/)
  end

  it "writes through the server that was started last, then through the one that is left" do
    inner = nil
    outer = logged do
      inner = logged { Hyperion.logger.info("both run") }
      Hyperion.logger.info("one runs")
    end

    expect(inner.first).to match(/\A\S+ INFO app: both run\n\z/)
    expect(outer.first).to match(/\A\S+ INFO app: one runs\n\z/)
  end

  it "works in a trap handler" do
    out, = logged do
      done = false
      before = trap("USR2") { done = Hyperion.logger.info("from a trap") }
      Process.kill("USR2", Process.pid)
      wait_until("the handler") { done }
    ensure
      trap("USR2", before || "DEFAULT")
    end

    expect(out).to include("INFO app: from a trap\n")
  end

  it "writes to standard error when no server runs, debug lines excepted" do
    expect { Hyperion.logger.info("nobody serves") && Hyperion.logger.debug("hidden") }
      .to output(/\A\d{4}-\d\d-\d\dT\S+Z INFO app: nobody serves\n\z/).to_stderr
  end

  it "writes to standard error in a forked child" do
    read, write = IO.pipe
    out, = logged do
      Process.wait(fork do
        $stderr.reopen(write)
        Hyperion.logger.error("from the child")
        exit!(0)
      end)
    end
    write.close

    expect(out).to eq("")
    expect(read.read).to match(/\A\S+ ERROR app: from the child\n\z/)
  end
end
