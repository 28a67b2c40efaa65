# frozen_string_literal: true

require "json"

module Soak
  # Reads what the server writes to its standard output and error: lines that the mix explains, and others. The first
  # MiBs are kept as they come, the others without what is explained, so that a day does not fill a disk.
  class LogReader
    KEPT = 4 << 20
    # Level and message of what the clients provoke on purpose.
    EXPLAINED = {
      "warn" => [/\A(400|413|414|417|431|501|505) /],
      "error" => [/\ASoak::Application::Planted: /, /\AHyperion::InvalidResponse: the application returned Symbol,/]
    }.freeze
    QUIET = %w[debug info].freeze

    attr_reader :writer

    def initialize(folder)
      @reader, @writer = IO.pipe
      @folder = folder
      @mutex = Mutex.new # guards the two numbers
      @explained = @unexplained = 0
    end

    # Begins; to be called when the server has the other end.
    def read
      @writer.close
      @thread = Thread.new { take(@reader) }
    end

    # @return [Array(Integer, Integer)] lines that are explained and lines that are not, since the last call
    def counts
      @mutex.synchronize do
        taken = [@explained, @unexplained]
        @explained = @unexplained = 0
        taken
      end
    end

    # Everything up to the server's end.
    def finish
      @thread.join(10)
    end

    # @return [Boolean] whether the mix explains it
    def self.explained?(line)
      entry = JSON.parse(line)
      level = entry["level"]
      QUIET.include?(level) || EXPLAINED.fetch(level, []).any? { |pattern| pattern.match?(entry["message"]) }
    rescue JSON::ParserError
      false
    end

    private

    def take(reader)
      kept = 0
      File.open(File.join(@folder, "server.log"), "ab") do |all|
        File.open(File.join(@folder, "unexplained.log"), "ab") do |others|
          [all, others].each { |file| file.sync = true }
          reader.each_line do |line|
            explained = self.class.explained?(line)
            @mutex.synchronize { explained ? @explained += 1 : @unexplained += 1 }
            others.write(line) unless explained
            all.write(line) if (kept += line.bytesize) < KEPT
          end
        end
      end
    end
  end
end
