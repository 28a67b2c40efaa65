# frozen_string_literal: true

module Support
  # What many tests of the Rack boundary need of an application.
  module RackApps
    TEXT = {"content-type" => "text/plain"}.freeze

    # A 200 with a plain text body.
    def ok(*pieces, headers: {})
      [200, TEXT.merge(headers), pieces]
    end

    # An application that keeps what it was given: its env goes to the queue.
    # @return [Array(#call, Queue)]
    def recorder(answer = nil)
      envs = Queue.new
      app = lambda do |env|
        envs << env
        answer ? answer.call(env) : ok("ok")
      end
      [app, envs]
    end

    # The env that one request makes.
    def env_of(*request, options: {}, **fields)
      app, envs = recorder
      server = start_server(app, **options)
      fetch(server, *request, **fields)
      envs.pop(true)
    end
  end
end
