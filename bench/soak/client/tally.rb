# frozen_string_literal: true

module Soak
  module Client
    # What a client has seen since it was last asked. Any thread may add.
    class Tally
      FAULTS_TOLD = 20

      def initialize
        @mutex = Mutex.new # guards everything below
        @faults_told = 0
        empty
      end

      # An answer that was as it must be.
      def right(kind)
        @mutex.synchronize { @right[kind] += 1 }
      end

      # Something that was done without an answer to judge: a request that we gave up.
      def given_up
        @mutex.synchronize { @given_up += 1 }
      end

      # @param fault [:wrong, :lost]
      def fault(fault, kind, text)
        @mutex.synchronize do
          @faults[fault] += 1
          @faults_told += 1
          @told << "#{fault}: #{kind}: #{text}" if @faults_told <= FAULTS_TOLD
        end
      end

      # @param microseconds [Integer] that a plain request took
      def latency(microseconds)
        @mutex.synchronize { @latencies << microseconds }
      end

      # @return [Hash] everything since the last call
      def take
        @mutex.synchronize do
          taken = {right: @right, given_up: @given_up, wrong: @faults[:wrong], lost: @faults[:lost], told: @told,
                   latencies: @latencies}
          empty
          taken
        end
      end

      private

      def empty
        @right = Hash.new(0)
        @faults = Hash.new(0)
        @given_up = 0
        @told = []
        @latencies = []
      end
    end
  end
end
