# frozen_string_literal: true

module Support
  # Response bodies of every shape that count how often they are closed.
  module Bodies
    # The common part: `closed` counts; `events` is for tests that follow the order of things.
    class Base
      attr_reader :closed

      def initialize(*pieces)
        @pieces = pieces
        @closed = 0
      end

      def close
        @closed += 1
      end
    end

    # Responds to each alone.
    class EachOnly < Base
      def each(&block)
        @pieces.each(&block)
      end
    end

    # Rack 3: to_ary closes the body. Rack 2 does not know it.
    class ToAry < EachOnly
      def to_ary
        close if Rack.release >= "3"
        @pieces.dup
      end
    end

    # Has a file as well.
    class ToPath < EachOnly
      attr_reader :to_path

      def initialize(path, *pieces)
        super(*pieces)
        @to_path = path
      end
    end

    # A streaming body.
    class Callable < Base
      def call(stream)
        @pieces.each { |piece| stream << piece }
        stream.close
      end
    end

    # Raises in the middle of each, call, or close.
    class Failing < EachOnly
      def initialize(*pieces, error: RuntimeError.new("body failed"))
        super(*pieces)
        @error = error
      end

      def each
        super
        raise @error
      end
    end
  end
end
