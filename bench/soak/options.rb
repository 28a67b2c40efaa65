# frozen_string_literal: true

require "optparse"
require_relative "verdict"

module Soak
  # The command line.
  class Options
    UNITS = {"" => 1, "s" => 1, "m" => 60, "h" => 3600}.freeze
    LOOPS = %w[epoll io_uring].freeze
    # Connections of the plain client, threads of the server, requests a second.
    PROFILES = {
      "mixed" => {plain: 16, threads: 16, rate: 400},
      "static" => {plain: 100, threads: 32, rate: 1000}
    }.freeze

    attr_reader :duration, :interval, :loop, :profile, :rate, :seed, :out, :resume, :verify, :app, :preload,
                :report_only

    # @raise [UsageError]
    def initialize(arguments)
      @duration = 60
      @loop = "epoll"
      @profile = "mixed"
      @seed = 1
      @app = "bench/soak/app.ru"
      @report_only = []
      rest = parser.parse(arguments)
      raise UsageError, "unknown argument #{rest.first}" if rest.any?

      complete
    rescue OptionParser::ParseError => error
      raise UsageError, error.message.lines.first.chomp # without a guess
    end

    def plain_connections = PROFILES.fetch(profile)[:plain]
    def threads = PROFILES.fetch(profile)[:threads]

    # @return [String] text of --help
    def self.help
      allocate.__send__(:parser).help
    end

    private

    def complete
      @interval ||= duration >= 600 ? 10 : 1
      @rate ||= PROFILES.fetch(profile)[:rate]
      @out ||= "tmp/soak/#{profile}-#{loop}-#{Time.now.strftime("%Y%m%d-%H%M%S")}"
      raise UsageError, "--duration must be at least 10 intervals" if duration < 10 * interval

      unknown = report_only.reject { |name| Verdict::RULES.include?(name.to_sym) }
      raise UsageError, "--report-only: no rule is named #{unknown.first}" if unknown.any?
      raise UsageError, "--app: no such file: #{app}" unless File.file?(File.expand_path(app, Series::ROOT))
    end

    def parser
      OptionParser.new("Usage: bench/soak/run [options]") do |parser|
        load_options(parser)
        folder_options(parser)
        parser.on("--app FILE", "another rackup file that serves the same paths, as seen from the checkout") do |file|
          @app = file
        end
        parser.on("--preload LIBS", "LD_PRELOAD of the server, for sanitizers") { |libraries| @preload = libraries }
        parser.on("--report-only RULES", Array, "rules whose numbers are told and not judged") do |rules|
          @report_only = rules
        end
        parser.on("--help", "this text") do
          puts parser.help
          exit
        end
      end
    end

    def load_options(parser)
      parser.on("--duration TIME", "how long, as 60s, 60m or 24h (60s)") do |text|
        @duration = seconds(text, "--duration")
      end
      parser.on("--interval TIME", "between two samples (10s; 1s in runs of less than 10m)") do |text|
        @interval = seconds(text, "--interval")
      end
      parser.on("--loop NAME", LOOPS, "#{LOOPS.join(" or ")} (epoll)") { |name| @loop = name }
      parser.on("--profile NAME", PROFILES.keys, "mixed: every kind of client; static: one static route,",
                "100 connections, 32 threads (mixed)") { |name| @profile = name }
      parser.on("--rate N", Integer, "requests a second, all clients together (400; static 1000)") do |rate|
        raise UsageError, "--rate must be positive" unless rate.positive?

        @rate = rate
      end
      parser.on("--seed N", Integer, "of everything left to chance (1)") { |seed| @seed = seed }
    end

    def folder_options(parser)
      parser.on("--out DIR", "where everything is written (tmp/soak/...)") { |folder| @out = folder }
      parser.on("--resume DIR", "go on with a run that was interrupted, as it was begun") { |folder| @resume = folder }
      parser.on("--verify DIR", "judge the numbers of an earlier run again; nothing runs") { |folder| @verify = folder }
    end

    def seconds(text, flag)
      number, unit = text.match(/\A(\d+)([smh]?)\z/)&.captures
      raise UsageError, "#{flag}: #{text.inspect} is no time such as 60s, 60m or 24h" if number.to_i.zero?

      number.to_i * UNITS.fetch(unit)
    end
  end
end
