# frozen_string_literal: true

require_relative "request/headers"

module Hyperion
  # A request as handlers of routes and hooks of {Runtime} see it: a thin, lazy view of a Rack environment.
  class Request
    # @param env [Hash{String => Object}]
    def initialize(env)
      @env = env
    end

    # @return [Hash{String => Object}] the Rack environment
    attr_reader :env

    # With an argument it is Object's own.
    # @return [String] "GET"
    def method(*name)
      name.empty? ? @env["REQUEST_METHOD"] : super
    end

    # @return [String] not decoded
    def path
      @env["PATH_INFO"]
    end

    # @return [String] not decoded, without "?"; empty when there is none
    def query_string
      @env["QUERY_STRING"]
    end

    # @return [String] "HTTP/1.1"
    def http_version
      @env["SERVER_PROTOCOL"]
    end

    # @return [String] "http" or "https"
    def scheme
      @env["rack.url_scheme"]
    end

    # @return [String] the client's, or the last proxy's
    def peer_address
      @env["REMOTE_ADDR"]
    end

    # @return [Headers] by name, in any case
    def headers
      @headers ||= Headers.new(@env)
    end

    # @param name [String] in any case
    # @return [String, nil]
    def header(name)
      headers[name]
    end

    # The whole body, read once and kept; afterwards it can be read once more by other means.
    # @return [String] binary; empty when there is none
    def body
      @body ||= begin
        rewind
        (@env["rack.input"]&.read || "".b).tap { rewind }
      end
    end

    # Reads from the body what has not been read.
    # @param length [Integer, nil] at most so many bytes; nil: all of them
    # @return [String, nil] nil at the end, when a length was given
    def read(length = nil)
      input = @env["rack.input"]
      input ? input.read(*length) : ("".b unless length)
    end

    # @return [Hash{String => Object}] of query and form, as Rack reads them
    # @raise [Rack::QueryParser::ParameterTypeError, Rack::QueryParser::InvalidParameterError] for contradictory ones
    def params
      @params ||= begin
        require "rack"
        ::Rack::Request.new(@env).params
      end
    end

    def inspect
      "#<#{self.class} #{method} #{path}>"
    end

    private

    def rewind
      input = @env["rack.input"]
      input.rewind if input.respond_to?(:rewind)
    end
  end
end
