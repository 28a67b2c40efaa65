# frozen_string_literal: true

module Hyperion
  class Server
    # The thread on which the user's path templater runs: it takes paths that are new from the engine and gives their
    # shapes back. Requests never wait for it.
    class PathNaming
      # How long a templater that hangs may hold up the end of the server, in seconds.
      PATIENCE = 0.5

      # @param engine [Hyperion::Engine]
      # @param templater [#call] path -> shape, a String; nil for "other"
      def initialize(engine, templater)
        @engine = engine
        @templater = templater
      end

      # @return [self]
      def start
        @thread = Thread.new { work }
        @thread.name = "hyperion paths"
        @thread.report_on_exception = false
        self
      end

      # @return [Boolean] whether the thread is gone
      def stop
        @engine.close_paths
        return true if @thread.nil? || @thread.join(PATIENCE)

        @thread.kill
        !@thread.join(PATIENCE).nil?
      end

      private

      def work
        while (paths = @engine.wait_paths)
          paths.each { |number, path| @engine.name_path(number, path, shape_of(path)) }
        end
      end

      # nil where it fails, which is logged once: it would fail with every request.
      def shape_of(path)
        shape = @templater.call(path.dup)
        return shape&.encode(Encoding::UTF_8) if shape.nil? || shape.is_a?(String)

        complain("it returned #{shape.class} for #{path}, expected a String or nil")
      rescue ScriptError, StandardError => error
        complain("#{error.class}: #{error.message.lines.first.to_s.strip}")
      end

      def complain(reason)
        return if @complained

        @complained = true
        @engine.log("error", "metrics", "the path templater failed, its paths are counted as other " \
                                        "(said once): #{reason}")
        nil
      end
    end
  end
end
