# frozen_string_literal: true

require "json"
require "rbconfig"

module Soak
  # The processes of clients. They are asked once a sample, and finish what they have begun when they are told to end.
  class Crew
    # One of them died.
    class Failure < StandardError; end

    COUNTS = %i[given_up wrong lost].freeze

    # @param clients [Array<Hash>] the arguments of client/main.rb
    def initialize(clients)
      @clients = clients.map do |client|
        IO.popen([RbConfig.ruby, File.join(__dir__, "client/main.rb"), JSON.generate(client)], "r+")
      end
      @pids = @clients.map(&:pid)
      raise Failure, "a client process did not start" unless @clients.map(&:gets).all?
    end

    # @return [Array<Integer>]
    attr_reader :pids

    # @return [Hash] what all of them have seen since the last call: right, given_up, wrong, lost, told, latencies
    # @raise [Failure]
    def ask
      @clients.each { |client| client.puts("?") }
      sum(@clients.map(&:gets))
    rescue Errno::EPIPE
      raise Failure, "a client process has died"
    end

    # @return [Hash] what they have seen last
    def finish
      @clients.each(&:close_write)
      sum(@clients.map(&:gets)).tap { @clients.each(&:close) }
    end

    private

    def sum(lines)
      raise Failure, "a client process has died" unless lines.all?

      seen = lines.map { |line| JSON.parse(line, symbolize_names: true) }
      right = seen.map { |one| one[:right] }.reduce { |all, one| all.merge(one) { |_kind, a, b| a + b } }
      {right: right, told: seen.flat_map { |one| one[:told] }, latencies: seen.flat_map { |one| one[:latencies] },
       **COUNTS.to_h { |name| [name, seen.sum { |one| one[name] }] }}
    end
  end
end
