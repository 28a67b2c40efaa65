# frozen_string_literal: true

require_relative "../config/configuration"

module Hyperion
  class Server
    # Who may use the admin paths, and where they are.
    class AdminSettings
      # Bytes that a header value can hold, without blanks at its ends.
      TOKEN = /\A[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\z/

      # @return [String] the token; empty: there is none
      attr_reader :token

      # @param configuration [Config::Configuration]
      # @raise [ConfigError] for a token that nobody could send
      def initialize(configuration)
        @configuration = configuration
        @token = configuration[:admin_token] || read_file || ""
        refuse(:admin_token, "and #{origin(:admin_token_file)} both give a token; one is enough") if twice?
        return if @token.empty? || @token.match?(TOKEN)

        refuse(configuration[:admin_token] ? :admin_token : :admin_token_file,
               "the token must be printable ASCII without blanks at its ends")
      end

      # @return [Config::Address, nil] where the admin paths have a listener of their own
      def address
        port = @configuration[:admin_listener_port]
        Config::Address.new(kind: :tcp, host: @configuration[:admin_listener_host], port: port) if port
      end

      private

      def twice?
        @configuration[:admin_token] && @configuration[:admin_token_file]
      end

      def read_file
        path = @configuration[:admin_token_file] or return
        token = File.read(path, 4096).to_s.strip
        refuse(:admin_token_file, "#{path} is empty, expected the token in it") if token.empty?
        token
      rescue SystemCallError => error
        refuse(:admin_token_file, "cannot read #{path}: #{error.message[/\A[^@-]+/].strip.downcase}")
      end

      def origin(name)
        @configuration.origin(name)
      end

      def refuse(name, reason)
        raise ConfigError, "#{origin(name)}: #{reason}"
      end
    end
  end
end
