# frozen_string_literal: true

require "uri"
require_relative "types"

module Hyperion
  module Config
    # One place to listen at: a host, with a port or without, a unix socket, or a descriptor that the parent opened.
    class Address
      # @return [Symbol] :tcp, :unix or :fd
      attr_reader :kind
      attr_reader :host, :port, :path, :mode, :umask, :fd

      EXPECTED = "a host such as 0.0.0.0 or [::1], tcp://HOST:PORT, unix://PATH, @NAME or fd://N"
      # What may follow a "?" in a unix address: permissions in octal, as for chmod and umask.
      PERMISSIONS = %w[mode umask].freeze
      BRACKETED = /\A\[([^\]]*)\](?::(\d+))?\z/
      PLAIN = %r{\A([^:/?#\s]+)(?::(\d+))?\z}
      BARE_IPV6 = /\A[0-9a-fA-F.]*:[0-9a-fA-F.]*:[0-9a-fA-F:.]*\z/
      SCHEME = %r{\A([a-z0-9+.-]*)://(.*)\z}m

      class << self
        # @param text [String, Address]
        # @return [Address]
        # @raise [InvalidValue]
        def parse(text)
          return text if text.is_a?(self)

          text = text.to_s
          scheme, rest = SCHEME.match(text)&.captures
          case scheme
          when nil then text.start_with?("@") ? unix(text, text) : tcp(text, text)
          when "tcp" then tcp(rest, text)
          when "unix" then unix(rest, text)
          when "fd" then descriptor(rest, text)
          when "ssl" then invalid(text, "TLS is not in this build, put a proxy in front and use tcp://")
          else invalid(text, "#{scheme}:// is unknown, expected #{EXPECTED}")
          end
        end

        private

        def tcp(rest, text)
          host, port =
            case rest
            when BRACKETED, PLAIN then Regexp.last_match.captures
            when BARE_IPV6 then [rest, nil]
            end
          invalid(text, "expected #{EXPECTED}") if host.to_s.empty?
          invalid(text, "port #{port} is above 65535") if port.to_i > 65_535
          new(kind: :tcp, host: host, port: port&.to_i)
        end

        def unix(rest, text)
          path, query = rest.split("?", 2)
          invalid(text, "the path is missing") if path.to_s.empty?
          permissions = URI.decode_www_form(query.to_s).to_h
          unknown = (permissions.keys - PERMISSIONS).first
          invalid(text, "?#{unknown}= is unknown, expected mode or umask") if unknown
          permissions.each_value do |digits|
            invalid(text, "#{digits} is no octal permission such as 0660") unless digits.match?(/\A0?[0-7]{3}\z/)
          end
          new(kind: :unix, path: path, mode: permissions["mode"]&.oct, umask: permissions["umask"]&.oct)
        end

        def descriptor(rest, text)
          invalid(text, "expected a number, as in fd://3") unless rest.match?(/\A\d+\z/)
          new(kind: :fd, fd: rest.to_i)
        end

        def invalid(text, why)
          raise InvalidValue, "#{text.inspect} is not allowed, #{why}"
        end
      end

      def initialize(kind:, host: nil, port: nil, path: nil, mode: nil, umask: nil, fd: nil)
        @kind = kind
        @host = host
        @port = port
        @path = path
        @mode = mode
        @umask = umask
        @fd = fd
        freeze
      end

      # @return [Boolean] whether it takes the port from elsewhere
      def portless?
        kind == :tcp && port.nil?
      end

      # @return [Address] the same host at this port
      def at(port)
        Address.new(kind: :tcp, host: host, port: port)
      end

      # @return [String] as it can be given to --bind
      def to_s
        case kind
        when :tcp then "tcp://#{host.include?(":") ? "[#{host}]" : host}#{":#{port}" if port}"
        when :unix then "unix://#{path}"
        else "fd://#{fd}"
        end
      end
    end

    # Addresses as values.
    class Addresses < List
      # One of them.
      class One < Type
        def cast(value)
          value.is_a?(String) || value.is_a?(Address) ? Address.parse(value) : invalid(value)
        end
      end

      def initialize
        super(One.new(Address::EXPECTED, "ADDRESS"))
      end
    end
  end
end
