# frozen_string_literal: true

require "etc"
require "tmpdir"
require_relative "../clock"
require_relative "client/mix"
require_relative "content"
require_relative "crew"
require_relative "page"
require_relative "rules"
require_relative "sampler"
require_relative "series"
require_relative "server"
require_relative "verdict"

module Soak
  # One segment of a run: a server, its clients, samples until the time is over, the verdict.
  class Run
    include Bench::Clock

    # @param options [Options] of a new run
    # @return [Run]
    def self.begin(options)
      mixed = options.profile == "mixed"
      plain_rate = mixed ? options.rate * Client::Mix::PLAIN : options.rate
      facts = {
        duration: options.duration, interval: options.interval, loop: options.loop, profile: options.profile,
        rate: options.rate, plain_rate: plain_rate, seed: options.seed, threads: options.threads,
        plain_connections: options.plain_connections, app: options.app, preload: options.preload,
        # One more is the harness's own.
        connections: options.plain_connections + (mixed ? Client::Mix::CONNECTIONS : 0) + 1,
        warm_up: Rules.warm_up(options.duration), report_only: options.report_only,
        window: Rules.window(options.duration, options.interval, plain_rate),
        machine: "Linux #{Etc.uname[:release]}, #{Etc.nprocessors} cores, #{RUBY_DESCRIPTION}"
      }
      new(Series.create(options.out, facts))
    end

    # @param folder [String] of a run that was interrupted
    # @return [Run]
    # @raise [UsageError]
    def self.resume(folder)
      series = Series.load(folder)
      void = Verdict.new(series).void
      raise UsageError, "#{folder} cannot go on, it is #{void}" if void
      raise UsageError, "#{folder} is finished" if series.elapsed >= series.facts[:duration]

      new(series)
    end

    # @param series [Series]
    def initialize(series)
      @series = series
      @facts = series.facts
    end

    # @return [Boolean] whether it passed
    def call
      %w[INT TERM].each { |name| trap(name) { @interrupted = true } }
      with_file { |file| segment(file) }
      verdict = Verdict.new(@series)
      verdict.write
      Page.new(@series, verdict).write
      puts verdict.text, "Written to #{@series.folder}: report.html, summary.csv, samples.csv, windows.csv"
      warn "Interrupted: bench/soak/run --resume #{@series.folder} goes on" if @interrupted
      verdict.pass?
    end

    private

    def with_file
      Dir.mktmpdir("soak") do |folder|
        file = File.join(folder, "file.bin")
        File.binwrite(file, Content.bytes(0, 1 << 20))
        yield file
      end
    end

    def segment(file)
      @number = @series.begin_segment
      @server = Server.new(app: File.expand_path(@facts[:app], Series::ROOT), file: file, folder: @series.folder,
                           **@facts.slice(:loop, :threads, :preload))
      @server.await
      @facts[:server] = "event loop #{@server.event_loop}"
      @crew = Crew.new(clients)
      @sampler = Sampler.new(@series, @server, @crew, @number)
      sample_until_the_end
      @sampler.finish
    rescue Server::Failure, Crew::Failure => error
      failure = error.message
    ensure
      ending = @server&.stop
      @sampler&.last_lines
      @series.end_segment([failure, ending].compact.join("; "))
    end

    def clients
      plain = {client: "plain", port: @server.port, rate: @facts[:plain_rate], connections: @facts[:plain_connections]}
      return [{**plain, path: "/static"}] if @facts[:profile] == "static"

      [plain, {client: "mix", port: @server.port, rate: @facts[:rate], seed: @facts[:seed] + @number - 1}]
    end

    def sample_until_the_end
      due = clock
      until @interrupted || @series.elapsed >= @facts[:duration]
        due += @facts[:interval]
        sleep [due - clock, 0.2].min while clock < due && !@interrupted
        break if @interrupted

        puts @sampler.sample
      end
    end
  end
end
