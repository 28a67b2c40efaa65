# frozen_string_literal: true

module Hyperion
  module PumaApi
    # Around the application, what some words of Puma ask for: another REMOTE_ADDR or URL scheme, few methods, a fiber
    # for each request, no keep-alive.
    class Application
      # {option in Puma's words}
      WORDS = %i[remote_address_value remote_address_header rack_url_scheme supported_http_methods fiber_per_request
                 enable_keep_alives].freeze

      # @param app [#call]
      # @param options [Hash{Symbol => Object}] see Config::PumaPart
      # @return [#call] `app` itself when nothing is asked for
      def self.around(app, options)
        return app if options.slice(*WORDS).all? { |name, value| name == :enable_keep_alives ? value : !value }

        new(app, options)
      end

      def initialize(app, options)
        @app = app
        @address, @header, @scheme, @methods, @fiber, keep_alive = options.values_at(*WORDS)
        @close = keep_alive == false
      end

      def call(env)
        answer = @methods && !@methods.include?(env["REQUEST_METHOD"]) ? [501, {}, []] : answer_of(change(env))
        @close ? closing(answer) : answer
      end

      private

      def change(env)
        env["rack.url_scheme"] = @scheme if @scheme
        address = @address || (@header && env[@header])
        # A proxy may list several: the client is the first.
        env["REMOTE_ADDR"] = address[/\A\s*([^,\s]+)/, 1] || env["REMOTE_ADDR"] if address
        env
      end

      def answer_of(env)
        @fiber ? Fiber.new { @app.call(env) }.resume : @app.call(env)
      end

      def closing(answer)
        status, headers, body = answer
        return answer unless headers.respond_to?(:merge)

        [status, headers.merge("connection" => "close"), body]
      end
    end
  end
end
