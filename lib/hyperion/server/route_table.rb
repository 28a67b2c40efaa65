# frozen_string_literal: true

require_relative "../native"
require_relative "route_entries"

module Hyperion
  class Server
    # Routes that are answered beside the Rack application: by exact method and path, the query ignored. Requests that
    # match none fall to the application. Any thread may register while servers serve the table; the last registration
    # of a method and path wins. A look-up costs the same however many there are.
    #
    # Its look-up is native (ext/hyperion_http/serve/route_table), and the I/O threads do it without Ruby.
    class RouteTable
      include Enumerable

      # Registers a block or a handler for a method and a path.
      # @param method [String, Symbol] GET also answers HEAD, unless HEAD has a route of its own
      # @param path [String] as it stands in the request: percent-encoded, without query
      # @param handler [#call] called with a {Request}; instead of a block
      # @yieldparam env [Hash{String => Object}] a Rack environment
      # @return [DynamicBlockEntry] block and handler return a Rack triplet: [status, headers, body]
      # @raise [ArgumentError]
      def handle(method, path, handler = nil, &block)
        put(DynamicBlockEntry.new(method, path, block, handler))
      end

      # Registers a response that needs no Ruby: served by the I/O threads, whatever holds Ruby's lock.
      # A GET with status 200 has an ETag, of its content unless the headers name one, and knows If-None-Match.
      # @param method [String, Symbol] GET also answers HEAD
      # @param path [String]
      # @param body [String, nil] copied, as it is now
      # @param content_type [String, nil] nil: no content-type
      # @param status [Integer] 200 to 999
      # @param headers [Hash{String => String, Array<String>}] `date`, `content-length` and what concerns the connection
      #   are the server's
      # @return [StaticEntry]
      # @raise [ArgumentError]
      def handle_static(method, path, body, content_type: StaticEntry::UNSET, status: 200, headers: {})
        put(StaticEntry.new(method, path, body, content_type: content_type, status: status, headers: headers))
      end

      # The word of hyperion 2 for both: registers a handler, or an entry of another table as it is.
      # @param handler [#call, StaticEntry, DynamicBlockEntry]
      # @return [StaticEntry, DynamicBlockEntry]
      # @raise [ArgumentError]
      def register(method, path, handler)
        case handler
        when StaticEntry, DynamicBlockEntry then put(handler.at(method, path))
        else handle(method, path, handler)
        end
      end

      # @return [StaticEntry, DynamicBlockEntry, nil] what a request with this method and path would get
      def lookup(method, path)
        method = method.to_s.upcase
        find_entry(method, path.to_s) || (find_entry("GET", path.to_s) if method == "HEAD")
      end

      # @yieldparam entry [StaticEntry, DynamicBlockEntry] in no particular order
      def each(&block)
        return enum_for(:each) { size } unless block

        entries_now.each(&block)
        self
      end

      # @return [Boolean]
      def empty?
        size.zero?
      end

      # @!method size
      #   @return [Integer] number of routes
      # @!method clear
      #   Removes every route.
      #   @return [self]

      def inspect
        "#<#{self.class} #{size} routes>"
      end

      private

      def put(entry)
        case entry
        when StaticEntry
          put_static(entry, entry.method_name, entry.path, entry.status, entry.lines, entry.body, entry.etag)
        else
          put_block(entry, entry.method_name, entry.path)
        end
      end
    end
  end
end
