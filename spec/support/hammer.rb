# frozen_string_literal: true

require_relative "raw_client"

module Support
  # A client that asks without a pause, on a connection each, and keeps what came of each request.
  class Hammer
    # @param port [Integer]
    def initialize(port, path = "/")
      @stop = Thread::Queue.new
      @thread = Thread.new do
        outcomes = []
        outcomes << outcome(port, path) while @stop.empty?
        outcomes
      end
    end

    # @return [Array<String>] the bodies, and the names of errors
    def stop
      @stop << true
      @thread.value
    end

    private

    def outcome(port, path)
      RawClient.open(port) { |client| client.fetch("GET", path).body }
    rescue SystemCallError, RawClient::Truncated => error
      error.class.name
    end
  end
end
