# frozen_string_literal: true

require "digest"
require_relative "../request"

module Hyperion
  class Server
    class RouteTable
      # What may stand before a route: the words that every entry checks in the same way.
      module RouteCheck
        # RFC 9110 section 5.6.2.
        TOKEN = /\A[!#$%&'*+\-.^_`|~0-9A-Za-z]+\z/
        # Visible ASCII, the only bytes a request target consists of, without what begins a query or a fragment.
        PATH = %r{\A/[!"$->@-~]*\z}

        # @return [String] in capitals, frozen
        def self.method(given)
          name = given.is_a?(Symbol) ? given.name : given
          unless name.is_a?(String) && name.b.match?(TOKEN)
            raise ArgumentError, "a route's method is a word such as \"GET\", not #{given.inspect[0, 200]}"
          end

          name = name.b.upcase
          raise ArgumentError, "CONNECT is not implemented, so no route can answer it" if name == "CONNECT"

          -name
        end

        # @return [String] frozen
        def self.path(given)
          raise ArgumentError, "a route's path is a String, not #{given.inspect[0, 200]}" unless given.is_a?(String)
          return "*" if given == "*" # of OPTIONS
          return -given.b if given.b.match?(PATH)

          raise ArgumentError, "a route's path begins with \"/\", is percent-encoded where it is not visible ASCII, " \
                               "and has no query: #{given[0, 200].inspect}"
        end
      end

      # A route to a block or a handler.
      class DynamicBlockEntry
        # @return [String] "GET"
        attr_reader :method_name
        # @return [String]
        attr_reader :path
        # @return [Proc, nil] takes env
        attr_reader :block
        # @return [#call, nil] takes a {Request}
        attr_reader :handler
        # @return [#call] what is called with env: the block, or something that calls the handler
        # @private
        attr_reader :app

        # @raise [ArgumentError]
        def initialize(method, path, block, handler)
          @method_name = RouteCheck.method(method)
          @path = RouteCheck.path(path)
          check_callables(block, handler)
          @block = block
          @handler = handler
          @app = block || ->(env) { handler.call(Request.new(env)) }
          freeze
        end

        # With an argument it is Object's own.
        # @return [String] "GET"
        def method(*name)
          name.empty? ? method_name : super
        end

        # @return [DynamicBlockEntry] the same for another method and path
        def at(method, path)
          self.class.new(method, path, block, handler)
        end

        def inspect
          "#<#{self.class} #{method_name} #{path}>"
        end

        private

        def check_callables(block, handler)
          if handler.nil? == block.nil?
            raise ArgumentError,
                  "give a block, which takes env, or a handler, which takes a Hyperion::Request; not both"
          end
          return if block || handler.respond_to?(:call)

          raise ArgumentError, "the handler must have a method call, and #{handler.class} has none"
        end
      end

      # A route to a response that is always the same.
      class StaticEntry
        # The keyword was not given.
        UNSET = Object.new.freeze
        DEFAULT_TYPE = "text/plain"
        # In bytes. What is larger is a file, and belongs into one.
        MOST_BODY = 64 << 20
        MOST_HEADERS = 64 << 10
        # Headers that are one String.
        SINGLE = %w[content-type etag].freeze
        # They have no content (RFC 9110 sections 15.3.5, 15.3.6, 15.4.5).
        EMPTY = [204, 205, 304].freeze

        # @return [String] "GET"
        attr_reader :method_name
        # @return [String]
        attr_reader :path
        # @return [Integer]
        attr_reader :status
        # @return [Hash{String => String, Array<String>}] names in lower case, with content-type and etag
        attr_reader :headers
        # @return [String] frozen
        attr_reader :body

        # @raise [ArgumentError]
        def initialize(method, path, body, content_type: UNSET, status: 200, headers: {})
          @method_name = RouteCheck.method(method)
          @path = RouteCheck.path(path)
          @status = check_status(status)
          @body = check_body(body)
          @headers = check_headers(headers, content_type).freeze
          freeze
        end

        # With an argument it is Object's own.
        # @return [String] "GET"
        def method(*name)
          name.empty? ? method_name : super
        end

        # @return [StaticEntry] the same for another method and path
        def at(method, path)
          self.class.new(method, path, body, content_type: nil, status: status, headers: headers)
        end

        # @return [String, nil] the entity tag, in quotes; only what can be asked for conditionally has one
        def etag
          headers["etag"] if conditional?
        end

        # @return [Array<String>] name, value, name, value, ...
        # @private
        def lines
          headers.flat_map { |name, values| Array(values).flat_map { |value| [name, value] } }
        end

        def inspect
          "#<#{self.class} #{method_name} #{path} #{status} #{body.bytesize} bytes>"
        end

        private

        def conditional?
          method_name == "GET" && status == 200
        end

        def check_status(status)
          return status if status.is_a?(Integer) && status.between?(200, 999)

          raise ArgumentError, "a static route's status is an Integer from 200 to 999, not #{status.inspect}"
        end

        def check_body(body)
          body = "" if body.nil?
          raise ArgumentError, "a static route's body is a String, not #{body.class}" unless body.is_a?(String)
          raise ArgumentError, "a response with status #{status} has no body" if EMPTY.include?(status) && !body.empty?
          return body.frozen? ? body : body.dup.freeze unless body.bytesize > MOST_BODY

          raise ArgumentError, "a static route's body has at most #{MOST_BODY} bytes, this one has #{body.bytesize}"
        end

        def check_headers(given, content_type)
          raise ArgumentError, "a static route's headers are a Hash, not #{given.class}" unless given.is_a?(Hash)

          all = given.to_h { |name, value| [header_name(name), header_value(name, value)] }
          raise ArgumentError, "a static route's headers name one header twice" if all.size < given.size

          all = {**type(content_type, all), **all}
          all["etag"] ||= -%("#{digest(all)}") if conditional?
          return all if all.sum { |name, value| name.bytesize + Array(value).sum(&:bytesize) } <= MOST_HEADERS

          raise ArgumentError, "a static route's headers have at most #{MOST_HEADERS} bytes"
        end

        def header_name(name)
          return -name.to_s.downcase if name.is_a?(String) || name.is_a?(Symbol)

          raise ArgumentError, "a header's name is a String, not #{name.inspect}"
        end

        def header_value(name, value)
          single = SINGLE.include?(name.to_s.downcase)
          value = value.to_s if value.is_a?(Integer) && !single
          return -value if value.is_a?(String)
          return value.map(&:-@).freeze if !single && value.is_a?(Array) && value.all?(String)

          raise ArgumentError, "header #{name.to_s.inspect} is a String#{" or an Array of Strings" unless single}, " \
                               "not #{value.inspect[0, 200]}"
        end

        def type(given, headers)
          unless given.equal?(UNSET)
            raise ArgumentError, "content-type is given twice" if given && headers.key?("content-type")

            return given.nil? ? {} : {"content-type" => header_value("content-type", given)}
          end
          EMPTY.include?(status) || headers.key?("content-type") ? {} : {"content-type" => DEFAULT_TYPE}
        end

        # Strong: other content, or content that is to be read otherwise, has another one (RFC 9110 section 8.8.1).
        def digest(headers)
          parts = [headers["content-type"], headers["content-encoding"]].flatten.join("\0")
          Digest::SHA256.new.update(body).update("\0").update(parts).hexdigest[0, 32]
        end
      end
    end

    StaticEntry = RouteTable::StaticEntry
    DynamicBlockEntry = RouteTable::DynamicBlockEntry
  end
end
